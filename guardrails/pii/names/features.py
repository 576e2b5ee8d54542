"""Words of a text and their hashed features, as arrays.

Everything about one word alone is cached; what concerns its neighbours is arithmetic on arrays,
so a text of 60 words costs a few tenths of a millisecond. It knows no labels and no weights.
"""

import re
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

import numpy as np

BITS: Final = 17
KINDS: Final = ("O", "PERSON", "LOCATION", "ORGANIZATION")
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]|_|\n")
_LANGUAGES: Final = {
    1: [
        "the", "and", "of", "to", "in", "is", "was", "for", "that", "with", "my", "it", "on", "i",
        "you", "are", "this", "have", "not", "be", "at", "me", "can",
    ],
    2: [
        "der", "die", "das", "und", "ist", "von", "zu", "den", "mit", "nicht", "ein", "eine", "ich",
        "auf", "für", "im", "des", "dem", "sich", "auch", "wie", "bitte", "es", "wird", "wurde",
        "sie", "mir", "mein", "meine",
    ],
    3: [
        "le", "la", "les", "des", "est", "et", "un", "une", "du", "que", "pour", "dans", "je",
        "vous", "sur", "au", "par", "qui", "ne", "pas", "mon", "ma", "avec", "il", "elle", "a",
        "été", "en", "ce",
    ],
}  # fmt: skip
_LANGUAGE_OF: Final = {word: code for code, words in _LANGUAGES.items() for word in words}

Array = np.ndarray[Any, np.dtype[Any]]


def tokens(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Words, single marks and line ends, with their offsets."""
    matches = list(_TOKEN.finditer(text))
    return [match[0] for match in matches], [match.span() for match in matches]


def language_of(words: list[str]) -> int:
    """1 English, 2 German, 3 French, 0 unknown, by counting small words."""
    counts = [0, 0, 0, 0]
    for word in words[:400]:
        counts[_LANGUAGE_OF.get(word.lower(), 0)] += 1
    best = max(1, 2, 3, key=lambda code: counts[code])
    return best if counts[best] else 0


@lru_cache(maxsize=60_000)
def _word(word: str) -> tuple[int, ...]:
    """Ids of: the word, as written, shape, length, beginnings, ends, first half, kind of mark."""
    lower = word.lower()
    shape = _shape(word)
    texts = (
        lower, "=" + word, "s" + shape, f"l{min(len(word), 12)}{shape[:2]}",
        "p" + lower[:2], "p" + lower[:3], "p" + lower[:4], "e" + lower[-2:], "e" + lower[-3:],
        "e" + lower[-4:],
    )  # fmt: skip
    return tuple(crc32(text.encode("utf-8", "replace")) for text in texts)


def _shape(word: str) -> str:
    """``Greta`` -> ``Xx``, ``BMW`` -> ``XX``, ``iPhone`` -> ``xXx``, ``12`` -> ``d``."""
    if word == "\n" or not word[0].isalnum():
        return word
    out = ""
    for character in word:
        kind = "X" if character.isupper() else "d" if character.isdigit() else "x"
        if not out.endswith(kind) or (kind == "X" and not out.endswith("XX")):
            out += kind
    return out[:6]


def features(words: list[str], hints: Array) -> Array:
    """Indices into the weights, one row per word.

    Args:
        words: from ``tokens``.
        hints: another model's label per word, an index into ``KINDS``.
    """
    count = len(words)
    base = np.array([_word(word) for word in words], dtype=np.uint64).reshape(count, -1)
    edges = [np.full((2, base.shape[1]), mark, np.uint64) for mark in (7, 9)]
    padded = np.vstack([edges[0], base, edges[1]])
    word, shape = padded[:, 0], padded[:, 2]
    here = slice(2, count + 2)
    before, after = slice(1, count + 1), slice(3, count + 3)
    before2, after2 = slice(0, count), slice(4, count + 4)
    language = np.uint64(language_of(words) + 11)
    starts = _starts(words)
    columns: list[Array] = [base[:, column] for column in range(base.shape[1])]
    columns += [
        _mix(word[before], word[before]), _mix(word[after], word[after] * np.uint64(3)),
        _mix(word[before2], np.uint64(101)), _mix(word[after2], np.uint64(103)),
        _mix(word[before], word[here]), _mix(word[here], word[after]),
        _mix(shape[before], shape[here] * np.uint64(5)),
        _mix(shape[here], shape[after] * np.uint64(7)),
        _mix(shape[before] * np.uint64(13) + shape[after], shape[here]),
        _mix(word[before] * np.uint64(17), shape[here]),
        _mix(word[after] * np.uint64(19), shape[here]),
        _mix(padded[before, 8], shape[here]), _mix(padded[after, 8] * np.uint64(23), shape[here]),
        _mix(shape[here], language * np.uint64(29) + starts),
        _mix(base[:, 8], language), _mix(word[here] * np.uint64(31), language + starts),
        _mix(base[:, 9] * np.uint64(37), shape[here] + language),
        _mix(shape[before2] * np.uint64(41) + shape[before], shape[here] + language),
    ]  # fmt: skip
    columns += _hinted(hints, shape[here], base[:, 8], word[here], language, starts)
    mask = np.uint64((1 << BITS) - 1)
    rows = [_mix(column, 97 + 2 * index) & mask for index, column in enumerate(columns)]
    return np.stack(rows, axis=1).astype(np.int64)


def _hinted(
    hints: Array, shape: Array, ending: Array, word: Array, language: Any, starts: Array
) -> list[Array]:
    hint = np.concatenate([[0], hints, [0]]).astype(np.uint64) + np.uint64(1)
    here, before, after = hint[1:-1], hint[:-2], hint[2:]
    around = here * np.uint64(25) + before * np.uint64(5) + after
    return [
        _mix(here, language), _mix(around, language), _mix(around, shape),
        _mix(here, shape + language + starts), _mix(here, ending + language),
        _mix(here * np.uint64(43), word),
    ]  # fmt: skip


def _starts(words: list[str]) -> Array:
    """1 where a sentence or line begins: a capital there says little."""
    out = np.zeros(len(words), np.uint64)
    fresh = True
    for index, word in enumerate(words):
        out[index] = fresh
        if word[0].isalnum():
            fresh = False
        elif word in ".!?\n:":
            fresh = True
    return out


def _mix(first: Array, second: Any) -> Array:
    """A cheap hash of two arrays; wraps around on purpose."""
    if not isinstance(second, np.ndarray):  # numpy warns of scalars that wrap around
        second = np.uint64(int(second) * 0xC2B2AE3D27D4EB4F & 0xFFFFFFFFFFFFFFFF)
    else:
        second = second * np.uint64(0xC2B2AE3D27D4EB4F)
    value = first * np.uint64(0x9E3779B97F4A7C15) + second
    return (value ^ (value >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(24)
