"""Feature rows of Chinese text: what the network is told of each character.

Per character: itself and the pair it makes with the next one; the longest word of the lexicon
that begins there, as kind and length and as the word itself; the longest name that begins, and
the longest word and name that end there. Rare things share rows of the network's table by their
hash. What a neighbour is told need not be told twice: the network looks to both sides. The
layout is part of the weights: change it, and train again.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from guardrails.pii.names_zh.codes import FIRST_HAN, LAST_HAN, Codes, is_han
from guardrails.pii.names_zh.lexicon import Lexicon

Rows = NDArray[np.int32]

_OTHERS: Final = 1
_OTHER_ROWS: Final = 512
_HAN: Final = _OTHERS + _OTHER_ROWS
_HAN_ROWS: Final = LAST_HAN - FIRST_HAN + 1
_PAIRS: Final = _HAN + _HAN_ROWS
_PAIR_ROWS: Final = 1 << 16
_CLASSES: Final = _PAIRS + _PAIR_ROWS
_CLASS_ROWS: Final = 128
_WORDS: Final = _CLASSES + 4 * _CLASS_ROWS
_WORD_ROWS: Final = 1 << 15

TABLE_ROWS: Final = _WORDS + _WORD_ROWS
SLOTS: Final = (2, 3, 2)
COLUMNS: Final = sum(SLOTS)

_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_PAIR_SHIFT: Final = np.uint64(64 - 16)
_WORD_SHIFT: Final = np.uint64(64 - 15)
_EDGE: Final = 2


def rows(codes: Codes, lexicon: Lexicon, drop: NDArray[np.bool_] | None = None) -> Rows:
    """(n,) codes -> (n, COLUMNS) rows of the network's table, 0 where a feature is absent.

    Args:
        drop: names that the lexicon shall overlook (``Lexicon.match``).
    """
    result = np.empty((len(codes), COLUMNS), np.int32)
    own = codes.astype(np.int32) + (_HAN - FIRST_HAN)
    result[:, 0] = np.where(is_han(codes), own, codes % _OTHER_ROWS + _OTHERS)
    result[:, 1] = _pairs(codes)
    found = lexicon.match(codes, drop)
    result[:, 2] = _classes(found.first, 0)
    result[:, 3] = _words(found.first_hash, found.first)
    result[:, 4] = _classes(found.first_name, 1)
    result[:, 5] = _classes(found.last, 2)
    result[:, 6] = _classes(found.last_name, 3)
    return result


def _pairs(codes: Codes) -> NDArray[np.int64]:
    """(n,) rows of the pairs of each code and the next."""
    padded = np.full(len(codes) + 1, _EDGE, np.uint64)
    padded[:-1] = codes
    mixed = ((padded[:-1] << np.uint64(17)) + padded[1:] + np.uint64(1)) * _PRIME
    return (mixed >> _PAIR_SHIFT).astype(np.int64) + _PAIRS


def _classes(classes: NDArray[np.int16], block: int) -> NDArray[np.int32]:
    return np.where(
        classes > 0, classes.astype(np.int32) - 16 + (_CLASSES + block * _CLASS_ROWS), 0
    )


def _words(hashes: NDArray[np.uint64], classes: NDArray[np.int16]) -> NDArray[np.int64]:
    numbers = (hashes * _PRIME >> _WORD_SHIFT).astype(np.int64) + _WORDS
    return np.where(classes > 0, numbers, 0)
