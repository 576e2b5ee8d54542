"""Fills the slots of a sentence: names, dates, addresses and the numbers that stand beside them."""

import random
from collections.abc import Sequence
from typing import Final

from guardrails.pii.names.training.gazetteers import Gazetteers

_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_WEEKDAYS: Final = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag Sonnabend",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
}
_TITLES: Final = {
    "en": "Mr.|Mrs.|Ms.|Miss|Dr.|Mr|Mrs|Ms|Dr|Prof.|Professor|Sir",
    "de": "Herr|Frau|Herrn|Dr.|Prof.|Prof. Dr.|Herr Dr.|Frau Dr.",
    "fr": "Monsieur|Madame|M.|Mme|Mlle|Docteur|Maître|Dr",
}
# d, m: day and month; y: year; n: the month's name; w: weekday; t: time of day.
_DATES: Final = {
    "en": "{m}/{d}/{y}|{m}/{d}/{y}|{n} {d}, {y}|{n} {d}|{d} {n} {y}|{w}|{w}|{y}-{m:02}-{d:02}|"
    "{y}-{m:02}-{d:02} {t}|{n} {y}|{w}, {n} {d}|{d:02}-{m:02}-{y}|{n:.3} {d}, {y}|"
    "the {d}th of {n}|{y}",
    "de": "{d:02}.{m:02}.{y}|{d}.{m}.{y}|{d}. {n} {y}|{d}. {n}|{w}|{w}, {d}. {n}|"
    "{y}-{m:02}-{d:02}|{n} {y}",
    "fr": "{d:02}/{m:02}/{y}|{d} {n} {y}|{d} {n}|{w} {d} {n}|{w}|{n} {y}",
}
_COMPANY_KINDS: Final = {
    "en": "Inc.|LLC|Ltd|Ltd.|Corp.|Group|Bank|Partners|Solutions|Technologies|Labs|Systems|"
    "Software|Consulting|Hospital|University|College|High School|Foundation|Airlines|"
    "Insurance|Logistics|Energy|Media|Motors|Pharmaceuticals|Studios|Records|Health|Church|"
    "Police Department|Fire Department|City Council|Times|Post|Herald|Tribune",
    "de": "GmbH|AG|GmbH & Co. KG|KG|e.V.|SE|Bank|Versicherung|Klinikum|Verlag|Gruppe|Werke|"
    "Holding|Universität|Gymnasium|Bau GmbH|Stiftung|Verein|Brauerei|Zeitung|Rundschau",
    "fr": "SA|SARL|SAS|et Fils|Groupe|Banque|Assurances|Hôpital|Université|Lycée|Fondation",
}
_KIND_FIRST: Final = frozenset(
    ["Universität", "Université", "Hôpital", "Lycée", "Klinikum", "Groupe", "Verlag"]
)
_STREET_KINDS: Final = {
    "en": " Street| Avenue| Road| Lane| Drive| St| Ave| Rd| Boulevard",
    "de": "straße|weg|allee|-Straße|platz|gasse",
}
_ODD_ADDRESSES: Final = (
    "P.O. Box {a}", "Unit {b} Box {b}\nDPO AE {c}", "PSC {b}, Box {b}\nAPO AP {c}",
    "USS {last}\nFPO AA {c}", "USNS {last}\nFPO AP {c}", "{street} {a}", "{e} {city} {e}",
    "{last} {e}",
)  # fmt: skip
_PHONES: Final = ("+49 {e}{e} {c}{e}", "(2{e}) 5{e}-{b}", "3{e}-4{e}-{b}", "0{e}{e} {c}")
_LETTERS: Final = "ABCDEFGHIJKLMNOPRSTVW"


class Filled:
    """Draws values for one sentence, in one language."""

    def __init__(self, pools: Gazetteers, lang: str, generator: random.Random) -> None:
        self._pools = pools
        self._lang = lang if lang in _MONTHS else "en"
        self._random = generator

    def value(self, slot: str) -> str:
        """A value for a slot such as ``PER`` or ``CITY``."""
        return getattr(self, f"_{slot.lower()}")()

    def _one(self, pool: Sequence[str]) -> str:
        return self._random.choice(pool)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _first(self) -> str:
        return self._one(self._pools.first)

    def _last(self) -> str:
        return self._one(self._pools.last)

    def _per(self) -> str:
        draw = self._random.random()
        first, last = self._first(), self._last()
        if draw < 0.55:
            return f"{first} {last}"
        if draw < 0.67:
            return first
        if draw < 0.72:
            return last
        if draw < 0.77:
            return f"{first} {self._one(_LETTERS)}. {last}"
        if draw < 0.80:
            return f"{first[0]}. {last}"
        if draw < 0.83:
            return f"{last}, {first}"
        if draw < 0.86:
            return f"{first} {self._first()} {last}"
        if draw < 0.88:
            return f"{first} {last}-{self._last()}"
        if draw < 0.93:
            return self._one(self._pools.full)
        return self._one(self._pools.famous)

    def _city(self) -> str:
        local = {"de": self._pools.german_cities, "fr": self._pools.french_cities}
        if self._lang in local and self._chance(0.55):
            return self._one(local[self._lang])
        return self._one(self._pools.big_cities if self._chance(0.25) else self._pools.cities)

    def _country(self) -> str:
        return self._one(self._pools.countries[self._lang])

    def _state(self) -> str:
        name, code = self._random.choice(self._pools.states)
        return name if self._chance(0.5) else code

    def _loc(self) -> str:
        draw = self._random.random()
        if draw < 0.55:
            return self._city()
        if draw < 0.8 or self._lang != "en":
            return self._country()
        if draw < 0.9:
            return self._one(self._pools.places)
        if draw < 0.95:
            return self._random.choice(self._pools.states)[0]
        return f"{self._city()}, {self._state()}"

    def _org(self) -> str:
        draw = self._random.random()
        if draw < 0.45:
            return self._one(self._pools.known)
        if draw < 0.55:
            return self._one(self._pools.teams)
        if draw < 0.8:
            return self._one(self._pools.companies[self._lang])
        return self._made_up_company()

    def _made_up_company(self) -> str:
        name = self._one([self._last(), self._city(), f"{self._last()} & {self._last()}"])
        kind = self._one(_COMPANY_KINDS[self._lang].split("|"))
        return f"{kind} {name}" if kind in _KIND_FIRST else f"{name} {kind}"

    def _team(self) -> str:
        return self._one(self._pools.teams)

    def _street(self) -> str:
        """A street without a number, as one speaks of it."""
        if self._lang == "fr":
            return f"rue {self._one(['de ', 'du ', ''])}{self._last()}"
        return self._last() + self._one(_STREET_KINDS[self._lang].split("|"))

    def _addr(self) -> str:
        locale = self._locale()
        text = self._one(self._pools.streets[locale])
        if self._chance(0.15):
            text = f"{self._random.randint(0, 99):02} {text}"
        if self._chance(0.25):
            unit = self._one(["Apt. ", "Suite ", "Unit ", "Apt "])
            text += self._one([" ", ", ", "\n "]) + unit + self._num()
        draw = self._random.random()
        gap = self._one([" ", ", ", "\n", "\n ", ", "])
        if draw < 0.4:
            return text
        if draw < 0.6:
            return f"{text}{gap}{self._city()}"
        if draw < 0.8:
            american = locale in ("en_US", "en_CA")
            town = f"{self._city()}, {self._state()} {self._zip()}"
            return text + gap + (town if american else f"{self._zip()} {self._city()}")
        if draw < 0.9:
            country = self._one(self._pools.countries["en"])
            return f"{text}{gap}{self._city()}{self._one([' ', ', '])}{country} {self._zip()}"
        return self._shaped(self._one(_ODD_ADDRESSES))

    def _locale(self) -> str:
        if self._lang == "de" and self._chance(0.8):
            return "de_DE"
        if self._lang == "fr" and self._chance(0.8):
            return "fr_FR"
        return self._one(list(self._pools.streets))

    def _shaped(self, form: str) -> str:
        """A form with numbers: ``a`` up to four digits, ``b`` four, ``c`` five, ``e`` two."""
        number = self._random.randint
        return form.format(
            a=number(1, 9999), b=number(1000, 9999), c=number(10000, 99999), e=number(10, 99),
            last=self._last(), city=self._city(), street=self._street(),
        )  # fmt: skip

    def _zip(self) -> str:
        draw, number = self._random.random(), self._random.randint
        if draw < 0.75:
            return f"{number(1000, 99999):05}"
        if draw < 0.85:
            return f"{number(1000, 9999)}"
        area = f"{self._one('BCEGLMNSW')}{number(1, 29)}"
        return f"{area} {number(1, 9)}{self._one('ABDEFGH')}{self._one('JLNPQRS')}"

    def _month(self) -> str:
        return self._one(_MONTHS[self._lang].split())

    def _weekday(self) -> str:
        return self._one(_WEEKDAYS[self._lang].split())

    def _date(self) -> str:
        number = self._random.randint
        clock = f"{number(0, 23):02}:{number(0, 59):02}:{number(0, 59):02}"
        return self._one(_DATES[self._lang].split("|")).format(
            d=number(1, 28), m=number(1, 12), y=number(1930, 2027),
            n=self._month(), w=self._weekday(), t=clock,
        )  # fmt: skip

    def _title(self) -> str:
        return self._one(_TITLES[self._lang].split("|"))

    def _job(self) -> str:
        job = self._one(self._pools.jobs[self._lang])
        return job.lower() if self._lang == "en" and self._chance(0.5) else job

    def _age(self) -> str:
        return str(self._random.randint(1, 99))

    def _nrp(self) -> str:
        return self._one(self._pools.nationalities[self._lang])

    def _num(self) -> str:
        return str(self._random.randint(1, 10 ** self._random.randint(1, 6)))

    def _email(self) -> str:
        host = self._one(["example.com", "gmail.com", "web.de", "free.fr"])
        return f"{self._first()}.{self._last()}@{host}".lower().replace(" ", "")

    def _phone(self) -> str:
        return self._shaped(self._one(_PHONES))

    def _card(self) -> str:
        return str(self._random.randint(4 * 10**15, 5 * 10**15))

    def _iban(self) -> str:
        return f"DE{self._random.randint(10**19, 10**20 - 1)}"

    def _ssn(self) -> str:
        number = self._random.randint
        return f"{number(100, 700)}-{number(10, 99)}-{number(1000, 9999)}"

    def _url(self) -> str:
        return "http://t.co/" + "".join(self._random.choices("abcdefghijkXYZ0123456789", k=8))

    def _handle(self) -> str:
        end = self._one(["", "_", str(self._random.randint(1, 2020)), "xo", "official", "_news"])
        return (self._first() + self._one(["", self._last(), "_" + self._last()])).replace(
            " ", ""
        ) + end

    def _citytag(self) -> str:
        return self._one(self._pools.big_cities).replace(" ", "")

    def _orgtag(self) -> str:
        return self._one(self._pools.known).replace(" ", "")

    def _teamtag(self) -> str:
        return self._team().replace(" ", "")

    def _pertag(self) -> str:
        return self._one(self._pools.famous).replace(" ", "")

    def _tech(self) -> str:
        return self._one(self._pools.technology)

    def _verb(self) -> str:
        """A verb, or another small word that follows a name."""
        return self._one(self._pools.verbs[self._lang])

    def _noun(self) -> str:
        return self._one(self._pools.nouns)
