"""Values pulled apart: letters or digits one by one, digits as words."""

import re
from collections.abc import Iterator
from typing import Final

from guardrails.pii.views.view import Edit

_DIGITS: Final = {
    "zero": 0, "oh": 0, "null": 0, "zéro": 0, "one": 1, "eins": 1, "un": 1, "two": 2, "zwei": 2,
    "zwo": 2, "deux": 2, "three": 3, "drei": 3, "trois": 3, "four": 4, "vier": 4, "quatre": 4,
    "five": 5, "fünf": 5, "fuenf": 5, "cinq": 5, "six": 6, "sechs": 6, "seven": 7, "sieben": 7,
    "sept": 7, "eight": 8, "acht": 8, "huit": 8, "nine": 9, "neun": 9, "neuf": 9,
}  # fmt: skip
_WORD: Final = "(?:" + "|".join(sorted(_DIGITS, key=len, reverse=True)) + ")"
_SPELT: Final = re.compile(rf"(?<!\w)(?:{_WORD}[ ,.-]{{1,3}}){{4,}}{_WORD}(?!\w)", re.IGNORECASE)
# One character, one blank; two blanks and more are a space of the hidden text.
_APART: Final = re.compile(r"(?<![^\s\"'(:,;])\S(?:[ \t]{1,4}\S){5,}(?![^\s\"'),;.])")
_POINTED: Final = re.compile(r"(?<![^\W_])[^\W_](?:([._*|/-])[^\W_@])(?:\1[\w@.]){4,}(?![^\W_])")
_SPREAD: Final = re.compile(r"(?<!\d)\d(?:[._*|/ -]{1,3}\d){6,}(?!\d)")
_BETWEEN: Final = re.compile(r"[._*|/ -]+")
_BLANKS: Final = re.compile(r"[ \t]+")


def spelt(text: str) -> Iterator[Edit]:
    """Five and more digits as words, in English, German, French."""
    for run in _SPELT.finditer(text):
        words = re.finditer(rf"({_WORD})(?:[ ,.-]{{1,3}})?", run.group(), re.IGNORECASE)
        for word in words:
            low, high = run.start() + word.start(), run.start() + word.end()
            yield low, high, str(_DIGITS[word[1].lower()])


def joined(text: str) -> Iterator[Edit]:
    """Six and more single characters without what stands between them."""
    position = 0
    for low, high, marks in sorted(_runs(text), key=_first_and_longest):
        if low < position:
            continue
        position = high
        for mark in marks.finditer(text, low, high):
            wide = marks is _BLANKS and mark.end() - mark.start() > 1
            yield mark.start(), mark.end(), " " if wide else ""


def _first_and_longest(run: tuple[int, int, re.Pattern[str]]) -> tuple[int, int]:
    return run[0], -run[1]


def _runs(text: str) -> Iterator[tuple[int, int, re.Pattern[str]]]:
    for run in _SPREAD.finditer(text):
        yield *run.span(), _BETWEEN
    for run in _APART.finditer(text):
        yield *run.span(), _BLANKS
    for run in _POINTED.finditer(text):
        yield *run.span(), re.compile(re.escape(run[1]))
