"""Fills the slots of a sentence: names, dates, addresses and the numbers that stand beside them."""

import random
from collections.abc import Callable
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
    "en": ["Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Mr", "Mrs", "Ms", "Dr", "Prof.", "Professor", "Sir"],
    "de": ["Herr", "Frau", "Herrn", "Dr.", "Prof.", "Prof. Dr.", "Herr Dr.", "Frau Dr."],
    "fr": ["Monsieur", "Madame", "M.", "Mme", "Mlle", "Docteur", "Maître", "Dr"],
}
_LETTERS: Final = "ABCDEFGHIJKLMNOPRSTVW"
Filler = Callable[["Filled"], str]


class Filled:
    """Draws values for one sentence, in one language."""

    def __init__(self, pools: Gazetteers, lang: str, generator: random.Random) -> None:
        self._pools = pools
        self._lang = lang if lang in _MONTHS else "en"
        self._random = generator

    def value(self, slot: str) -> str:
        """A value for a slot such as ``PER`` or ``CITY``."""
        return getattr(self, f"_{slot.lower()}")()

    def _one(self, pool: list[str]) -> str:
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
            return f"{first} {self._one(list(_LETTERS))}. {last}"
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
        name = self._one([self._last(), self._city(), self._last() + " & " + self._last()])
        kinds = {
            "en": "Inc.|LLC|Ltd|Ltd.|Corp.|Group|Bank|Partners|Solutions|Technologies|Labs|Systems|"
            "Software|Consulting|Hospital|University|College|High School|Foundation|Airlines|"
            "Insurance|Logistics|Energy|Media|Motors|Pharmaceuticals|Studios|Records|Health|Church|"
            "Police Department|Fire Department|City Council|Times|Post|Herald|Tribune",
            "de": "GmbH|AG|GmbH & Co. KG|KG|e.V.|SE|Bank|Versicherung|Klinikum|Verlag|Gruppe|Werke|"
            "Holding|Universität|Gymnasium|Bau GmbH|Stiftung|Verein|Brauerei|Zeitung|Rundschau",
            "fr": "SA|SARL|SAS|et Fils|Groupe|Banque|Assurances|Hôpital|Université|Lycée|Fondation",
        }
        kind = self._one(kinds[self._lang].split("|"))
        front = kind in ("Universität", "Université", "Hôpital", "Lycée", "Klinikum", "Groupe", "Verlag")
        return f"{kind} {name}" if front else f"{name} {kind}"

    def _team(self) -> str:
        return self._one(self._pools.teams)

    def _street(self) -> str:
        """A street without a number, as one speaks of it."""
        if self._lang == "de":
            return f"{self._last()}{self._one(['straße', 'weg', 'allee', '-Straße', 'platz', 'gasse'])}"
        if self._lang == "fr":
            return f"rue {self._one(['de ', 'du ', ''])}{self._last()}"
        return f"{self._last()} {self._one('Street Avenue Road Lane Drive St Ave Rd Boulevard'.split())}"

    def _addr(self) -> str:
        locale = self._locale()
        street = self._one(self._pools.streets[locale])
        number = f"{self._random.randint(0, 99):02} " if self._chance(0.15) else ""
        text = number + street
        if self._chance(0.25):
            text += self._one([" ", ", ", "\n "]) + self._one(["Apt. ", "Suite ", "Unit ", "Apt "]) + self._num()
        draw = self._random.random()
        gap = self._one([" ", ", ", "\n", "\n ", ", "])
        if draw < 0.4:
            return text
        if draw < 0.6:
            return f"{text}{gap}{self._city()}"
        if draw < 0.8:
            return f"{text}{gap}{self._zip()} {self._city()}" if locale not in ("en_US", "en_CA") else f"{text}{gap}{self._city()}, {self._state()} {self._zip()}"
        if draw < 0.9:
            return f"{text}{gap}{self._city()}{self._one([' ', ', ', chr(10)])}{self._one(self._pools.countries['en'])} {self._zip()}"
        return self._odd_address()

    def _locale(self) -> str:
        if self._lang == "de" and self._chance(0.8):
            return "de_DE"
        if self._lang == "fr" and self._chance(0.8):
            return "fr_FR"
        return self._one(list(self._pools.streets))

    def _odd_address(self) -> str:
        number = self._random.randint
        return self._one(
            [
                f"P.O. Box {number(1, 9999)}",
                f"Unit {number(1000, 9999)} Box {number(1000, 9999)}\nDPO AE {number(10000, 99999)}",
                f"PSC {number(1000, 9999)}, Box {number(1000, 9999)}\nAPO AP {number(10000, 99999)}",
                f"USS {self._last()}\nFPO AA {number(10000, 99999)}",
                f"USNS {self._last()}\nFPO AP {number(10000, 99999)}",
                f"{self._street()} {number(1, 200)}",
                f"{number(1, 99)} {self._city()} {number(1, 99)}",
                f"{self._last()} {number(1, 300)}",
            ]
        )

    def _zip(self) -> str:
        draw = self._random.random()
        if draw < 0.75:
            return f"{self._random.randint(1000, 99999):05}"
        if draw < 0.85:
            return f"{self._random.randint(1000, 9999)}"
        one = self._random.choice
        return f"{one('BCEGLMNSW')}{self._random.randint(1, 29)} {self._random.randint(1, 9)}{one('ABDEFGH')}{one('JLNPQRS')}"

    def _month(self) -> str:
        return self._one(_MONTHS[self._lang].split())

    def _weekday(self) -> str:
        return self._one(_WEEKDAYS[self._lang].split())

    def _date(self) -> str:
        day, month = self._random.randint(1, 28), self._random.randint(1, 12)
        year = self._random.randint(1930, 2027)
        name = self._month()
        if self._lang == "de":
            forms = [f"{day:02}.{month:02}.{year}", f"{day}.{month}.{year}", f"{day}. {name} {year}", f"{day}. {name}",
                     self._weekday(), f"{self._weekday()}, {day}. {name}", f"{year}-{month:02}-{day:02}", f"{name} {year}"]  # fmt: skip
        elif self._lang == "fr":
            forms = [f"{day:02}/{month:02}/{year}", f"{day} {name} {year}", f"{day} {name}", f"{self._weekday()} {day} {name}",
                     self._weekday(), f"{name} {year}"]  # fmt: skip
        else:
            clock = f"{self._random.randint(0, 23):02}:{self._random.randint(0, 59):02}:{self._random.randint(0, 59):02}"
            forms = [f"{month}/{day}/{year}", f"{month}/{day}/{year}", f"{name} {day}, {year}", f"{name} {day}", f"{day} {name} {year}",
                     self._weekday(), self._weekday(), f"{year}-{month:02}-{day:02}", f"{year}-{month:02}-{day:02} {clock}",
                     f"{name} {year}", f"{self._weekday()}, {name} {day}", f"{day:02}-{month:02}-{year}", f"{day}/{month}/{str(year)[2:]}",
                     f"{name[:3]} {day}, {year}", f"the {day}th of {name}", str(year)]  # fmt: skip
        return self._one(forms)

    def _title(self) -> str:
        return self._one(_TITLES[self._lang])

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
        return f"{self._first()}.{self._last()}@{self._one(['example.com', 'gmail.com', 'web.de', 'free.fr'])}".lower().replace(" ", "")

    def _phone(self) -> str:
        number = self._random.randint
        return self._one([f"+49 {number(100, 999)} {number(100000, 9999999)}", f"({number(200, 999)}) {number(200, 999)}-{number(1000, 9999)}",
                          f"{number(200, 999)}-{number(200, 999)}-{number(1000, 9999)}", f"0{number(100, 999)} {number(1000, 999999)}"])  # fmt: skip

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
        return (self._first() + self._one(["", self._last(), "_" + self._last()])).replace(" ", "") + end

    def _citytag(self) -> str:
        return self._one(self._pools.big_cities).replace(" ", "")

    def _orgtag(self) -> str:
        return self._one(self._pools.known).replace(" ", "")

    def _teamtag(self) -> str:
        return self._team().replace(" ", "")

    def _pertag(self) -> str:
        return self._one(self._pools.famous).replace(" ", "")

    def _noun(self) -> str:
        return self._one(self._pools.nouns)
