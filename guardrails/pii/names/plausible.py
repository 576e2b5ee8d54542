"""Which findings of the tagger can be what it takes them for, judged by their neighbours.

The tagger reads sentences. Forms, tables and logs have none: there it takes the label of a field
for a name, a part of a code for a house, the cents of a price for an age. It is no second opinion
on names in sentences.
"""

import re
from typing import Final

from guardrails.pii.names.code import is_identifier, is_in_slug
from guardrails.pii.names.common import COMMON, EVERYDAY, UNTAUGHT
from guardrails.pii.names.tagger import NAMES, Name
from guardrails.pii.recognizers.base import has_digit
from guardrails.pii.recognizers.national.fields import is_field_name

_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD: Final = re.compile(r"[^\W_]+")
# A single everyday word is a name only where the model is all but sure; several of them, or words
# without a capital in a text that has capitals, where it is rather sure.
_LEAST_COMMON: Final = 0.98
_LEAST_PHRASE: Final = 0.9
_LEAST_LOWER: Final = 0.5
_LEAST_LOWER_AMONG_CAPITALS: Final = 0.65

# "los angeles", "van dijk"
_LEADING: Final = frozenset("el los las la il di da de del della van het o os i".split())
_NEXT_WORD: Final = re.compile(r"[ '’-]{1,2}([^\W_]+)")
# Letters that English, German and French words do not have.
_UNTAUGHT_LETTER: Final = re.compile("[ąęłńśźżěřůčšžďťňőűğışåøãõñ]")
_UNTAUGHT_REACH: Final = 120
_PARTICLES: Final = frozenset(
    "de del della di da do dos das van von der den het ter ten y e i la las los le el al".split()
)
_LABEL: Final = re.compile(r"[A-Z]{2,5}")
# A number or a code stands right behind; a postcode is none.
_CODE_BEHIND: Final = re.compile(
    r"[ \t]?[:=#(]?[ \t]?(?!\d{5}(?:-\d{4})?(?![\w-]))(?=\S{0,20}\d)[A-Za-z0-9][^\s,;]{5}"
)
_JOINED_BEHIND: Final = re.compile(r"-\d")
_JOINED_BEFORE: Final = re.compile(r"\d-")
_LONGEST_CODE_PART: Final = 5

_AGE: Final = re.compile(
    r"\d|(?i:teen|ty\b|zig|zehn|ßig|ante\b|ingt\b|one|two|three|four|five|six|ten)"
)
_PRICE_BEFORE: Final = re.compile(r"(?:\d[.,:/]|[€$£¥#№])\s?")
_PRICE_BEHIND: Final = re.compile(
    r"[.,:/]\d|\s?(?:[%€$£¥°]|(?:EUR|USD|CHF|GBP|euros?|dollars?|cents?|percent|Prozent|km|kg|pages?)\b)",
    re.IGNORECASE,
)
_AGE_WORD: Final = re.compile(
    r"\b(?:aged?|years?|yrs?|old|y/?o|alter|alt|jung|jahren?|jährige\w*|âge\w*|ans|edad|años|età|anni|wiek|lat|jaar|turn\w*|"
    r"birthday|geburtstag|anniversaire|i'?m|am|he'?s|she'?s|is|bin|ist|wird|j'ai|male|female|man|woman|boy|girl)\b|[’'][ms]\b|岁",
    re.IGNORECASE,
)

_LONG_NUMBER: Final = re.compile(r"\d{7}")
_MONEY: Final = re.compile(r"\b(?:USD|EUR|GBP|CHF|CNY|JPY|PLN)\b|[€$£¥]")
_STREET_WORD: Final = re.compile(
    r"(?:stra(?:ß|ss)e|str|weg|gasse|platz|allee|ufer|damm|street|road|avenue|lane|drive|way|square|court|gata|gatan|vej|laan|straat)$"
)
_LIST_BEFORE: Final = re.compile(r"[^\W\d_][,(]\s?$|\($")


def plausible(text: str, name: Name) -> Name | None:
    """``name``, its capitalised part, or ``None`` where nothing there can be of its kind."""
    if _is_untaught(text, name):
        found = _capitalised(text, name)
        return found if found is not None and _is_plausible(text, found) else None
    return name if _is_plausible(text, name) else None


def _is_plausible(text: str, name: Name) -> bool:
    value = text[name.start : name.end]
    if is_field_name(value) or _is_label(text, name, value):
        return False
    if name.kind == "AGE":
        return _is_age(text, name, value)
    if name.kind == "STREET_ADDRESS":
        return _is_address(text, name, value)
    return name.kind not in NAMES or _is_named(text, name, value)


def _is_label(text: str, name: Name, value: str) -> bool:
    """ "South African" before "ID", "social" before "insurance number"."""
    following = _NEXT_WORD.match(text, name.end, name.end + 24)
    if following is None or following[1][0].isdigit():
        return False
    return is_field_name(f"{value} {following[1]}")


def _is_untaught(text: str, name: Name) -> bool:
    """Lower-case words in a sentence of a language of which the model knows no word."""
    value = text[name.start : name.end]
    if name.kind == "AGE" or (_has_house(name, value)):
        return False
    if not any(word == word.lower() and word not in _PARTICLES for word in _WORD.findall(value)):
        return False
    around = text[max(0, name.start - _UNTAUGHT_REACH) : name.end + _UNTAUGHT_REACH]
    if around.islower():  # whoever writes no capitals writes names so
        return False
    seen = {
        word
        for word in _WORD.findall(around)
        if word.lower() in UNTAUGHT or (word.islower() and _UNTAUGHT_LETTER.search(word))
    }
    return len(seen) >= 2


def _capitalised(text: str, name: Name) -> Name | None:
    """From its first word with a capital to its last one."""
    words = [
        match
        for match in _WORD.finditer(text, name.start, name.end)
        if match[0] != match[0].lower()
    ]
    return name._replace(start=words[0].start(), end=words[-1].end()) if words else None


def _is_named(text: str, name: Name, value: str) -> bool:
    """Names have letters that the model knows, and are no everyday words nor identifiers."""
    if sum(map(str.isalpha, value)) < 2 or "_" in value or _CJK.search(value) is not None:
        return False
    if not _is_written(text, name, value) or _is_everyday(text, name, value):
        return False
    if _is_code_part(text, name, value) or _names_a_code(text, name, value):
        return False
    return not (is_identifier(text, name.start, name.end) or is_in_slug(text, name.start, name.end))


def _is_written(text: str, name: Name, value: str) -> bool:
    """In lower case the model must be surer, the more so where others bother with capitals."""
    if value != value.lower():
        return True
    first = _WORD.search(text)
    capitals = first is not None and first[0][0].isupper()
    return name.score >= (_LEAST_LOWER_AMONG_CAPITALS if capitals else _LEAST_LOWER)


def _is_everyday(text: str, name: Name, value: str) -> bool:
    """Of words of forms and messages, if the model is not all but sure."""
    if name.score >= _LEAST_COMMON and value != value.lower():
        return False
    lower = value.lower()
    words = [word for word in _WORD.findall(lower) if sum(map(str.isdigit, word)) < 3]
    if not words or (name.score < _LEAST_COMMON and lower in COMMON):
        return True
    if all(word in EVERYDAY for word in words):
        return len(words) > 1 or value == lower or _begins(text, name.start)
    if name.score < _LEAST_COMMON and value == lower:
        return any(word in EVERYDAY and word not in _LEADING for word in (words[0], words[-1]))
    common = all(word in EVERYDAY or word in COMMON for word in words)
    return common and len(words) > 1 and name.score < _LEAST_PHRASE


def _begins(text: str, start: int) -> bool:
    """A sentence or a line begins there, so that its capital tells nothing."""
    before = text[:start][-3:].rstrip(" \t\"'«“*_-")
    return not before or before[-1] in ".!?:\n|"


def _is_code_part(text: str, name: Name, value: str) -> bool:
    """ "ORD" of "ORD-2021-71922", "NC" of "364-1563-NC"."""
    last = value.rpartition(" ")[2]
    if not last.isupper() or len(last) > _LONGEST_CODE_PART:
        return False
    if _JOINED_BEHIND.match(text, name.end) is not None:
        return True
    return last == value and _JOINED_BEFORE.match(text, max(0, name.start - 2)) is not None


def _names_a_code(text: str, name: Name, value: str) -> bool:
    """An abbreviation right before a code says what that is: "XMR 44AFFq5", "MBI 4FK0FC8QQ41"."""
    if _LABEL.fullmatch(value) is None or (name.kind == "PERSON" and len(value) > 4):
        return False
    return _CODE_BEHIND.match(text, name.end) is not None


def _is_age(text: str, name: Name, value: str) -> bool:
    """No part of a price, a measure or a table; a bare number has some word of age near."""
    if _AGE.search(value) is None:
        return False
    before, behind = text[max(0, name.start - 25) : name.start], text[name.end : name.end + 15]
    if _PRICE_BEFORE.fullmatch(before[-2:]) or _PRICE_BEHIND.match(behind):
        return False
    if not value.isdigit():
        return True
    if _LIST_BEFORE.search(before) is not None and behind[:1] in (",", ")"):
        return True
    return _AGE_WORD.search(before) is not None or _AGE_WORD.search(behind) is not None


def _is_address(text: str, name: Name, value: str) -> bool:
    """No code, no sum of money, no everyday words."""
    words = [word for word in _WORD.findall(value) if not word.isdigit()]
    telling = any(_is_telling(word) for word in words)
    if not telling and (_LONG_NUMBER.search(value) or _MONEY.search(value)):
        return False
    if not words:
        joined = text[name.start - 1 : name.start] in tuple("-/.,:#$€£¥") if name.start else False
        return not joined and _PRICE_BEHIND.match(text, name.end) is None
    if all(word.lower() in EVERYDAY or is_field_name(word) for word in words):
        return False
    if _is_code_part(text, name, value):
        return False
    alone = len(words) == 1 and value == value.lower() and value.isalpha()
    return not alone or _STREET_WORD.search(value) is not None


def _is_telling(word: str) -> bool:
    """No abbreviation, no label, no everyday word: it may be the name of a street."""
    if len(word) < 3 or not word.isalpha() or word.isupper():
        return False
    return word.lower() not in EVERYDAY and not is_field_name(word)


def _has_house(name: Name, value: str) -> bool:
    """An address with a number of a house or a postcode."""
    if name.kind != "STREET_ADDRESS" or _LONG_NUMBER.search(value) is not None:
        return False
    return has_digit(value)
