"""Texts in Latin script cut into tokens, and the hashed features of a token.

A token's key is what the tagger sees of it; two tokens with one key share one vector. Numbers
keep their length only, so that a text full of different numbers asks for few vectors. It knows
no language, and of other scripts only that they are there.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

# Words with inner digits and underscores stay whole; the endings of English contractions, line
# breaks, runs of one mark, and every other mark stand alone. The group tells a mark between two
# word characters: "a.b" is no end of a sentence.
_TOKEN: Final = re.compile(
    r"\w+|['’](?:s|t|re|ve|ll|d|m|S|T|LL|D|M)\b|((?<=\w)[^\w\s](?=\w))"
    r"|\n+|[-=*.#~]{2,}|[!?]{2,}|[^\w\s]"
)
_OTHER_SCRIPT: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DIGITS: Final = re.compile(r"\d")

_WORDS: Final = 1 << 16
_SHAPES: Final = 1 << 10
_AFFIXES: Final = 1 << 14
_GRAMS: Final = 1 << 15
_WORD_AT: Final = 1
_SHAPE_AT: Final = _WORD_AT + _WORDS
_AFFIX_AT: Final = _SHAPE_AT + _SHAPES
_GRAM_AT: Final = _AFFIX_AT + _AFFIXES
ROWS: Final = _GRAM_AT + _GRAMS
_LONGEST: Final = 24
_GRAM_COLUMNS: Final = 16
SLOTS: Final = (1, 1, 1, 2, _GRAM_COLUMNS)
"""Columns of a token: word; shape; prefix; suffixes; parts of three and four letters."""


class Tokens(NamedTuple):
    """``keys[i]`` stands at ``starts[i]`` to ``ends[i]`` of the text."""

    keys: list[str]
    starts: list[int]
    ends: list[int]


def tokenise(text: str) -> Tokens:
    """All tokens of a text, in order; white space but line breaks is between them."""
    keys: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        word = match[0]
        if match.lastindex:
            word += "+"
        elif word.isdigit():
            word = _number(word)
        keys.append(word)
        starts.append(start)
        ends.append(end)
    return Tokens(keys, starts, ends)


def _number(digits: str) -> str:
    """Years and short numbers as they are; of others the length."""
    if len(digits) <= 2 or (len(digits) == 4 and digits[:2] in ("19", "20")):
        return digits
    return "#" + "0" * min(len(digits), 12)


def is_mark(key: str) -> bool:
    """Is it neither word nor number, such as ``,`` or ``'s``?"""
    return not (key[0].isalnum() or key.startswith("#0"))


def feature_rows(key: str) -> list[int]:
    """``sum(SLOTS)`` rows of the embedding table for a token; 0 where it has no such feature."""
    if key[0] in "\n!?-=*_.#~" or len(key) > _LONGEST:
        key = _clipped(key)
    if _OTHER_SCRIPT.search(key) is not None:
        key = "\u3400"
    lower = key.lower()
    plain = _DIGITS.sub("0", lower)
    rows = [
        _WORD_AT + _hashed("w" + lower, _WORDS),
        _SHAPE_AT + _hashed(_shape(key), _SHAPES),
        _AFFIX_AT + _hashed("p" + plain[:3], _AFFIXES),
        _AFFIX_AT + _hashed("s" + plain[-3:], _AFFIXES),
        _AFFIX_AT + _hashed("e" + plain[-2:], _AFFIXES),
    ]
    grams = _grams(f"<{plain}>")
    rows += [_GRAM_AT + _hashed(gram, _GRAMS) for gram in grams]
    return rows + [0] * (_GRAM_COLUMNS - len(grams))


def _clipped(key: str) -> str:
    """Runs of marks up to three; of very long words both ends."""
    if key[0].isalnum():
        return key[: _LONGEST // 2] + key[-_LONGEST // 2 :] if len(key) > _LONGEST else key
    return key[:3]


def _grams(word: str) -> Sequence[str]:
    threes = [word[at : at + 3] for at in range(len(word) - 2)]
    fours = [word[at : at + 4] for at in range(len(word) - 3)]
    grams = threes + fours
    if len(grams) <= _GRAM_COLUMNS:
        return grams
    half = _GRAM_COLUMNS // 2
    return threes[: half // 2] + threes[-half // 2 :] + fours[: half // 2] + fours[-half // 2 :]


def _shape(key: str) -> str:
    """``X`` upper, ``x`` lower, ``0`` digit, else itself; runs cut to three, then the length."""
    shape = ""
    for letter in key[:_LONGEST]:
        if letter.isdigit():
            kind = "0"
        elif letter.isupper():
            kind = "X"
        elif letter.isalpha():
            kind = "x"
        else:
            kind = letter
        if shape[-3:] != kind * 3:
            shape += kind
    return shape


def _hashed(feature: str, size: int) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass")) % size
