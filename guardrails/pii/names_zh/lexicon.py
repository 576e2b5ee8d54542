"""Which words of a lexicon begin and end where, found for a whole text at once.

A lexicon of 200,000 words as Python strings would take 20 MB; here a word is 16 bits in a table
of 2^19 places (1 MB): 12 bits to tell it from others, 4 bits for its kinds. Each word lies in
one of two places given by its hash (cuckoo hashing), so a look-up is two reads. About one wrong
string in 4,000 is taken for a word, which the network, trained on the same table, puts up with.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from guardrails.pii.names_zh.codes import Codes, encode

Hashes = NDArray[np.uint64]

SHORTEST: Final = 2
LONGEST: Final = 8
LENGTHS: Final = LONGEST - SHORTEST + 1
PERSON: Final = 1
PLACE: Final = 2
ORGANISATION: Final = 4
WORD: Final = 8
NAMES: Final = PERSON | PLACE | ORGANISATION
BITS: Final = 19

_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_STIR: Final = np.uint64(0xD6E8FEB86659FD93)
_MASK: Final = np.uint64((1 << BITS) - 1)
_SECOND: Final = np.uint64(BITS)
_MARK_SHIFT: Final = np.uint64(50)
_KINDS: Final = 4
_MOVES: Final = 500
_ROWS: Final = np.arange(LENGTHS)[:, None]
_LENGTH_CLASSES: Final = ((_ROWS + 1) << _KINDS).astype(np.int16)


class Matches(NamedTuple):
    """Longest words per place of a text, as (n,) arrays; 0 where there is none.

    Each value is ``(length - 1) * 16 + kinds``. ``first`` words begin at the place, ``last``
    ones end there; names are the longest that are names of some kind, whatever longer ordinary
    word lies over them.
    """

    first: NDArray[np.int16]
    first_hash: Hashes
    last: NDArray[np.int16]
    first_name: NDArray[np.int16]
    last_name: NDArray[np.int16]


def hashes(codes: Codes) -> Hashes:
    """(LENGTHS, n) hashes of the strings of each length that begin at each place.

    Columns near the end, where a string would pass it, hold those of the text and zeros.
    """
    count = len(codes)
    padded = np.zeros(count + LONGEST, np.uint64)
    padded[:count] = codes
    running = padded[:count]
    result = np.empty((LENGTHS, count), np.uint64)
    for length in range(SHORTEST, LONGEST + 1):
        running = running * _PRIME + padded[length - 1 : length - 1 + count]
        result[length - SHORTEST] = running
    return _stirred(result)


def _stirred(values: Hashes) -> Hashes:
    """Spread over all bits, in place."""
    values ^= values >> np.uint64(29)
    values *= _STIR
    values ^= values >> np.uint64(32)
    return values


class Lexicon:
    """Words and their kinds.

    Args:
        table: (2^19,) entries as ``build`` makes them.
    """

    def __init__(self, table: NDArray[np.uint16]) -> None:
        self.table = table

    @classmethod
    def build(cls, words: Mapping[str, int], fold: Codes) -> "Lexicon":
        """Lay out the words.

        Args:
            words: kinds (a sum of PERSON, PLACE, ORGANISATION, WORD) per word; words of other
                lengths than 2 to 8 are left out.
            fold: the table of ``codes.fold_table``.

        Raises:
            ValueError: the table is too full.
        """
        table = np.zeros(1 << BITS, np.uint16)
        owners: dict[int, tuple[int, int]] = {}
        for length in range(SHORTEST, LONGEST + 1):
            chosen = [word for word in words if len(word) == length]
            for word, code in zip(chosen, _word_hashes(chosen, length, fold), strict=True):
                _insert(owners, code, words[word])
        for place, (code, kinds) in owners.items():
            table[place] = _mark(code) << _KINDS | kinds
        return cls(table)

    def kinds(self, found: Hashes) -> NDArray[np.uint16]:
        """Kinds of each hash, 0 for a string that is no word."""
        mark = (found >> _MARK_SHIFT & np.uint64(0xFFF)).astype(np.uint16)
        first = self.table[(found & _MASK).astype(np.intp)]
        second = self.table[(found >> _SECOND & _MASK).astype(np.intp)]
        kinds = np.where(first >> _KINDS == mark, first, np.uint16(0))
        return np.where(second >> _KINDS == mark, second, kinds) & np.uint16(15)

    def match(self, codes: Codes, drop: NDArray[np.bool_] | None = None) -> Matches:
        """The longest words of a text of n >= 1 codes.

        Args:
            drop: (LENGTHS, n) names to overlook; training does, to learn to do without.
        """
        found, count = hashes(codes), len(codes)
        keys = np.zeros((LENGTHS, count + LONGEST), np.int16)
        inner = keys[:, LONGEST:]
        inner[:] = self.kinds(found)
        inner[_past_end(count)] = 0
        if drop is not None:
            inner[drop & (inner & NAMES > 0)] &= WORD
        names = np.where(keys & NAMES, keys + _LENGTH_CLASSES, 0)
        keys += np.where(keys, _LENGTH_CLASSES, 0)
        first = inner.max(axis=0)
        return Matches(
            first,
            found[(first >> _KINDS) - 1, np.arange(count)],
            _by_end(keys).max(axis=0),
            names[:, LONGEST:].max(axis=0),
            _by_end(names).max(axis=0),
        )


def _word_hashes(words: Sequence[str], length: int, fold: Codes) -> list[int]:
    codes = encode("".join(words), fold).reshape(-1, length)
    running = np.zeros(len(words), np.uint64)
    for column in codes.T:
        running = running * _PRIME + column
    return _stirred(running).tolist()


def _mark(code: int) -> int:
    return code >> int(_MARK_SHIFT) & 0xFFF


def _insert(owners: dict[int, tuple[int, int]], code: int, kinds: int) -> None:
    mask = int(_MASK)
    first, second = code & mask, code >> BITS & mask
    for place in (first, second):
        if place in owners and owners[place][0] == code:
            owners[place] = code, owners[place][1] | kinds
            return
    place = first if first not in owners else second
    entry = code, kinds
    for _ in range(_MOVES):
        evicted = owners.get(place)
        owners[place] = entry
        if evicted is None:
            return
        entry = evicted
        one, other = entry[0] & mask, entry[0] >> BITS & mask
        place = other if place == one else one
    raise ValueError("The lexicon's table is too full; leave words out or enlarge it.")


def _by_end(padded: NDArray[np.int16]) -> NDArray[np.int16]:
    """(LENGTHS, LONGEST + n) of strings by their first place -> (LENGTHS, n) by their last.

    A view: what ends at a place with length l began l - 1 before it, so each row is read from
    one place further left than the row above.
    """
    rows, columns = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded[:, LONGEST - SHORTEST + 1 :],
        shape=(LENGTHS, padded.shape[1] - LONGEST),
        strides=(rows - columns, columns),
        writeable=False,
    )


def _past_end(count: int) -> NDArray[np.bool_]:
    """(LENGTHS, n): the strings that would pass the end of n codes."""
    return np.arange(count) + _ROWS > count - SHORTEST
