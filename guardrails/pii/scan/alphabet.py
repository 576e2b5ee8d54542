"""Every code point as one byte, so that a byte automaton scans text at its own offsets.

ASCII stays what it is. The rest of Unicode falls into 128 cells: single letters and marks that
rules name, decimal digits, spaces, letters with and without case, scripts, and ideographs by
their lowest six bits. A cell never mixes what ``\\w``, ``\\d`` and ``\\s`` tell apart. Lone
surrogates are characters like others, so nothing is invalid and no offset has to be mapped.

A set of characters becomes two sets of cells: those that hold some of it and those that hold
nothing else. An automaton over the first accepts at least what the set accepts.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import numpy as np

_POINTS: Final = 0x110000
_ASSIGNED: Final = 0x40000  # no letter, digit or space lies beyond; a test looks
_OTHER, _DIGIT, _SPACE, _WORD, _UPPER, _LOWER, _KANA, _HANGUL = range(128, 136)
_INVISIBLE, _FOLDED_WORD, _FOLDED_MARK, _FOREIGN_UPPER, _FOREIGN_LOWER, _NUMERAL = range(136, 142)
_FIRST_SINGLE: Final = 142
_IDEOGRAPH: Final = 192
_SINGLE: Final = "ßäöüÄÖÜéèêàçôîûâëïùœÉÈÀÇ：，。！？、；“”„‘’–—·（）【】《》«»€¿"
_IDEOGRAPHS: Final = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x2A6E0), (0x2A700, 0x2EBE1))
# The four letters beyond ASCII that sre's IGNORECASE takes for ASCII ones, at home with the rarer
# (upper) case: a literal in ASCII then stays a literal.
_ASCII_TWINS: Final = {0x130: "I", 0x131: "I", 0x17F: "S", 0x212A: "K"}
_CASED: Final = (
    (0xAA, 0x590), (0x10A0, 0x1400), (0x1C80, 0x2190), (0x24B6, 0x24EA), (0x2C00, 0x2D30),
    (0xA640, 0xA800), (0xAB30, 0xABC0), (0xFF21, 0xFF5B), (0x10400, 0x10600), (0x10C80, 0x10D00),
    (0x118A0, 0x118E0), (0x16E40, 0x16E80), (0x1E900, 0x1E944),
)  # fmt: skip
ALL: Final = (1 << 256) - 1
_GREEK_AND_CYRILLIC: Final = ((0x370, 0x530), (0x1F00, 0x2000))
# Drawn as nothing: soft hyphen, joiners, marks and overrides of direction, fillers, tags.
INVISIBLE: Final = frozenset(
    "\u00ad\u034f\u061c\u180e\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
).union(chr(code) for code in range(0xE0000, 0xE0080))
CHINESE_DIGITS: Final = {
    letter: str(digit)
    for digit, letters in enumerate(
        ("零〇洞", "一壹幺", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒拐", "八捌", "九玖")
    )
    for letter in letters
}
_COMPATIBLE: Final = ((0x2070, 0x20A0), (0x2460, 0x2500), (0xFF01, 0xFF5F), (0x1D400, 0x1D800))


@cache
def ascii_twins() -> dict[str, str]:
    """Full-width, mathematical, circled and raised characters -> the ASCII one they stand for."""
    ordinary = "，！？：；（）～"  # Chinese text is full of them
    twins: dict[str, str] = {}
    for low, high in _COMPATIBLE:
        for letter in map(chr, range(low, high)):
            plain = unicodedata.normalize("NFKC", letter)
            if len(plain) == 1 and plain.isascii() and plain.isprintable() and plain != " ":
                twins[letter] = plain
    return {letter: plain for letter, plain in twins.items() if letter not in ordinary}


DIGIT: Final = b"0"


@dataclass(frozen=True, slots=True)
class Cells:
    """A set of characters: bit masks over the 256 cells.

    Args:
        some: cells that hold at least one character of the set (or more cells than that).
        whole: cells that hold no other character (or fewer).
    """

    some: int
    whole: int

    def __or__(self, other: "Cells") -> "Cells":
        return Cells(self.some | other.some, self.whole | other.whole)

    def __invert__(self) -> "Cells":
        return Cells(ALL & ~self.whole, ALL & ~self.some)


NOTHING: Final = Cells(0, 0)
EVERYTHING: Final = Cells(ALL, ALL)


def bits(cells: Iterable[int]) -> int:
    mask = 0
    for cell in cells:
        mask |= 1 << cell
    return mask


class Alphabet:
    """The table of cells and what a rule's characters are in it. One per process is enough."""

    def __init__(self) -> None:
        table = bytearray([_OTHER]) * _POINTS
        text = np.arange(_ASSIGNED, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
        for pattern, cell in ((r"[^\W\d]+", _WORD), (r"\d+", _DIGIT), (r"\s+", _SPACE)):
            for match in re.finditer(pattern, text):
                start, end = match.span()
                table[start:end] = bytes([cell]) * (end - start)
        self._cased = [code for low, high in _CASED for code in range(low, high)]
        for code in self._cased:
            if table[code] == _WORD:
                letter = chr(code)
                table[code] = _UPPER if letter.isupper() else _LOWER if letter.islower() else _WORD
        for low, high in _IDEOGRAPHS:
            for code in range(low, high):
                if table[code] == _WORD:  # some places of the blocks are empty
                    table[code] = _IDEOGRAPH + code % 64
        _recell(table, 0x3040, 0x3100, _KANA)
        _recell(table, 0xAC00, 0xD7A4, _HANGUL)
        _set(table, INVISIBLE, _INVISIBLE)
        _set(table, CHINESE_DIGITS, _NUMERAL)
        for low, high in _GREEK_AND_CYRILLIC:
            for code in range(low, high):
                table[code] = {_UPPER: _FOREIGN_UPPER, _LOWER: _FOREIGN_LOWER}.get(
                    table[code], table[code]
                )
        for letter in ascii_twins():
            if table[ord(letter)] != _DIGIT:
                word = letter.isalnum()
                table[ord(letter)] = _FOLDED_WORD if word else _FOLDED_MARK
        for cell, letter in enumerate(_SINGLE, _FIRST_SINGLE):
            table[ord(letter)] = cell
        for code, twin in _ASCII_TWINS.items():
            table[code] = ord(twin)
        table[:128] = bytes(range(128))
        self._table = bytes(table)
        self._array = np.frombuffer(self._table, dtype=np.uint8)
        self._latin = self._table[:256]
        self._shared = bits(map(ord, "ISK"))
        digits = self.category(r"\d").some
        self._digits = bytes(DIGIT[0] if digits >> cell & 1 else 0 for cell in range(256))

    def encode(self, text: str) -> bytes:
        """One byte for each code point of ``text``."""
        if text.isascii():
            return text.encode("ascii")
        try:
            return text.encode("latin-1").translate(self._latin)
        except UnicodeEncodeError:
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
            return self._array[codes].tobytes()

    def mark_digits(self, data: bytes) -> bytes:
        """``data`` of ``encode`` with every digit as ``DIGIT`` and nothing else as it."""
        return data.translate(self._digits)

    @cache  # noqa: B019 - see category; rules name some hundred letters
    def literal(self, code: int, ignore_case: bool) -> Cells:
        if not ignore_case:
            return self._points((code,))
        return self._points(self._twins.get(_lower(code), {code}) | {code})

    @cache  # noqa: B019 - as above
    def span(self, low: int, high: int, ignore_case: bool) -> Cells:
        """``[low-high]`` of a class, both ends within."""
        if high - low < 128:
            found = NOTHING
            for code in range(low, high + 1):
                found |= self.literal(code, ignore_case)
            return found
        cells = Cells(bits(set(self._table[low : high + 1])), self._within(low, high))
        for code in range(low, min(high, 127) + 1):
            cells |= self.literal(code, ignore_case)
        if ignore_case and any(low <= code <= high for code in self._cased):
            cells = Cells(cells.some | self._cased_cells, cells.whole)
        return cells

    @cache  # noqa: B019 - one alphabet per process, a handful of categories
    def category(self, escape: str) -> Cells:
        r"""``\w``, ``\d``, ``\s``: cells never mix them, so the set is exact."""
        pattern = re.compile(escape)
        mask = bits(code for code in range(128) if pattern.match(chr(code)))
        samples = {cell: self._table.index(cell, 128) for cell in set(self._table[128:])}
        mask |= bits(c for c, code in samples.items() if c >= 128 and pattern.match(chr(code)))
        return Cells(mask, mask)

    def _points(self, codes: Iterable[int]) -> Cells:
        cells = [self._table[code] for code in codes]
        alone = (c for c in cells if c < 128 or _FIRST_SINGLE <= c < _IDEOGRAPH)
        return Cells(bits(cells), bits(alone) & ~self._shared)

    def _within(self, low: int, high: int) -> int:
        return bits(
            cell for cell, (first, last) in self._hulls.items() if low <= first <= last <= high
        )

    @cached_property
    def _hulls(self) -> dict[int, tuple[int, int]]:
        cells = set(self._table)
        return {cell: (self._table.find(cell), self._table.rfind(cell)) for cell in cells}

    @cached_property
    def _cased_cells(self) -> int:
        return bits({self._table[code] for code in self._cased})

    @cached_property
    def _twins(self) -> dict[int, set[int]]:
        """Lower case -> all code points that sre's IGNORECASE takes for one another."""
        twins: dict[int, set[int]] = {}
        for code in (*range(128), *self._cased):
            twins.setdefault(_lower(code), set()).add(code)
        extra: Any = __import__("re._casefix", fromlist=["_EXTRA_CASES"])._EXTRA_CASES
        direct = {code: set(group) for code, group in twins.items()}
        for code, others in extra.items():
            for other in others:
                twins.setdefault(code, {code}).update(direct.get(other, {other}))
        return twins


@cache
def alphabet() -> Alphabet:
    return Alphabet()


def _lower(code: int) -> int:
    """Simple lower case, as sre has it; İ is the one letter whose full lower case is longer."""
    return ord(chr(code).lower()[0])


def _set(table: bytearray, letters: Iterable[str], cell: int) -> None:
    for letter in letters:
        table[ord(letter)] = cell


def _recell(table: bytearray, low: int, high: int, cell: int) -> None:
    for code in range(low, high):
        if table[code] == _WORD:
            table[code] = cell
