"""Addresses, places and firms: made-up ones of the same language and build."""

import re
from random import Random
from typing import Final

from guardrails.pii.masking.surrogates import pools
from guardrails.pii.masking.surrogates.language import CJK, language_of_name

_GERMAN: Final = re.compile(
    r"[^\d,]*?(straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer)(\s+)(\d{1,4})(\s?[a-z])?"
    r"(?:(,?\s+)((?:D-)?)\d{5}\s+[^\d,]+)?",
    re.IGNORECASE,
)
_ENGLISH: Final = re.compile(
    r"(\d{1,5})(\s+)[A-Z][^,\d]*?(\s+(?:Street|St\.?|Road|Rd\.?|Avenue|Ave\.?|Lane|Ln\.?|Drive|Dr\.?"
    r"|Boulevard|Blvd\.?|Court|Ct\.?|Way|Place|Close|Crescent|Terrace))"
    r"(?:(,\s*)[A-Z][^,\d]*(,\s*)[A-Z]{2}(\s+)\d{5})?"
)
_FRENCH: Final = re.compile(
    r"(\d{1,4})((?:\s?(?:bis|ter))?,?\s+)(rue|avenue|boulevard|place|chemin|allée|impasse|quai)"
    r"\s[^\d]+?(?:(,?\s+)\d{5}\s+[^\d,]+)?",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"\S+")


def address(value: str, random: Random) -> str | None:
    """A street of a made-up name, number and town; ``None`` for a form not understood."""
    for pattern, build in ((_GERMAN, _german), (_FRENCH, _french), (_ENGLISH, _english)):
        match = pattern.fullmatch(value)
        if match is not None:
            return build(match, random)
    return None


def _german(match: re.Match[str], random: Random) -> str:
    kind, gap, number, letter, gap_after, country = match.groups()
    name = random.choice(pools.STREETS["de"])
    written = kind if kind[0].islower() else f" {kind}"
    street = f"{name}{written}{gap}{_number(number, random)}{letter or ''}"
    if gap_after is None:
        return street
    code, city = random.choice(pools.POSTCODES["de"])
    return f"{street}{gap_after}{country}{code} {city}"


def _french(match: re.Match[str], random: Random) -> str:
    number, gap, kind, gap_after = match.groups()
    street = f"{_number(number, random)}{gap}{kind} des {random.choice(pools.STREETS['fr'])}"
    if gap_after is None:
        return street
    code, city = random.choice(pools.POSTCODES["fr"])
    return f"{street}{gap_after}{code} {city}"


def _english(match: re.Match[str], random: Random) -> str:
    number, gap, kind, before_city, before_state, before_code = match.groups()
    street = f"{_number(number, random)}{gap}{random.choice(pools.STREETS['en'])}{kind}"
    if before_city is None:
        return street
    code, city, state = random.choice(pools.POSTCODES["us"])
    return f"{street}{before_city}{city}{before_state}{state}{before_code}{code}"


def _number(number: str, random: Random) -> str:
    return str(random.randrange(10 ** (len(number) - 1), 10 ** len(number)))


def place(value: str, random: Random, language: str) -> str | None:
    """A town of the same language."""
    spoken = "zh" if CJK.search(value) else language_of_name(value, language)
    if any(map(str.isdigit, value)):
        return None
    if spoken == "zh" and value.endswith("市"):
        return random.choice(pools.CITIES["zh"]) + "市"
    chosen = random.choice(pools.CITIES[spoken])
    if value.isupper() and not CJK.search(value):
        return chosen.upper()
    return chosen.lower() if value.islower() else chosen


def firm(value: str, random: Random, language: str) -> str | None:
    """A made-up name with the legal form or kind of the real one."""
    if CJK.search(value):
        kind = next((kind for kind in pools.ZH_FIRM_KINDS if value.endswith(kind)), "")
        return random.choice(pools.FIRMS["zh"]) + kind
    words = _WORDS.findall(value)
    kinds: list[str] = []
    while words and (words[-1].strip(",") in pools.FIRM_KINDS or words[-1] in {"&", "und", "and"}):
        kinds.insert(0, words.pop())
    if not words:
        return None
    spoken = language_of_name(value, language)
    stem = random.choice(pools.FIRMS[spoken])
    return " ".join([stem.upper() if words[0].isupper() and len(words[0]) > 4 else stem, *kinds])
