"""Characters that stand for others: invisible ones, look-alikes, digits of other scripts."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

from guardrails.pii.scan.alphabet import CHINESE_DIGITS, INVISIBLE, ascii_twins
from guardrails.pii.views.view import Edit

# Cyrillic and Greek letters drawn like Latin ones, in the order of both lines.
_DRAWN: Final = "аеорсухіјѕԁԛԝһӏвкмнтАВЕКМНОРСТУХІЈЅԌԚԜҮαοιυνκρτχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡıᴀᴇᴏ"
_LATIN: Final = "aeopcyxijsdqwhlbkmhtABEKMHOPCTYXIJSGQWYaoiuvkptxwABEZHIKMNOPTYXagiaeo"
LOOKALIKES: Final = dict(zip(_DRAWN, _LATIN, strict=True))
_NUMERALS: Final = re.compile(rf"(?:[{''.join(CHINESE_DIGITS)}][ -]?){{7,}}")
_MIXED: Final = re.compile(rf"(?:[A-Za-z0-9@._+-][{_DRAWN}]|[{_DRAWN}][A-Za-z0-9@._+-])")
_RUN: Final = re.compile(r"\S+")


@cache
def _folded() -> re.Pattern[str]:
    letters = re.escape("".join([*INVISIBLE, *ascii_twins()]))
    return re.compile(rf"[{letters}]|(?![0-9])\d|(?<=\S)[\ufe00-\ufe0f\u0300-\u036f](?=\S)")


def folds(text: str) -> Iterator[Edit]:
    """Invisible characters out, full-width and the like as ASCII, digits as 0 to 9."""
    twins = ascii_twins()
    for match in _folded().finditer(text):
        letter = match.group()
        if letter.isdecimal():
            yield match.start(), match.end(), str(unicodedata.decimal(letter))
        elif letter in twins:
            yield match.start(), match.end(), twins[letter]
        elif letter in INVISIBLE:
            yield match.start(), match.end(), ""


def lookalikes(text: str) -> Iterator[Edit]:
    """In runs of characters that mix Latin with letters drawn like it."""
    for run in _RUN.finditer(text):
        if _MIXED.search(run.group()) is None:
            continue
        for offset, letter in enumerate(run.group(), run.start()):
            latin = LOOKALIKES.get(letter)
            if latin is not None:
                yield offset, offset + 1, latin


def numerals(text: str) -> Iterator[Edit]:
    """Seven and more Chinese digits in a row."""
    for run in _NUMERALS.finditer(text):
        for offset, letter in enumerate(run.group(), run.start()):
            digit = CHINESE_DIGITS.get(letter)
            if digit is not None:
                yield offset, offset + 1, digit
