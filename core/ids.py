"""Identifiers: a type prefix and 26 characters that sort by creation time."""

import os
import time
from collections.abc import Iterator

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each
_PAIRS_RANDOM = 8
_AT_ONCE = 64


class _Source:
    """Both parts of an identifier; used by every thread, so nothing is changed in two steps."""

    def __init__(self) -> None:
        self._endings: Iterator[str] = iter(())
        self._era = (-1, "")  # the part of the time that changes every 17 minutes, as text
        # A child must not use up the endings that its parent has drawn.
        os.register_at_fork(after_in_child=self._forget)

    def ending(self) -> str:
        """80 random bits."""
        for ending in self._endings:
            return ending
        drawn = self._endings = iter(_endings())
        return next(drawn)

    def stamp(self) -> str:
        """48 bits of milliseconds, with two bits of nothing before them."""
        now = time.time_ns() // 1_000_000
        era, text = self._era
        if era != now >> 20:
            era = now >> 20
            text = _PAIRS[era >> 20] + _PAIRS[era >> 10 & 1023] + _PAIRS[era & 1023]
            self._era = (era, text)
        return f"{text}{_PAIRS[now >> 10 & 1023]}{_PAIRS[now & 1023]}"

    def _forget(self) -> None:
        self._endings = iter(())


def _endings() -> list[str]:
    """Two random bytes make each pair, though it needs but ten bits of them."""
    drawn = memoryview(os.urandom(2 * _PAIRS_RANDOM * _AT_ONCE)).cast("H")
    pairs = [_PAIRS[bits & 1023] for bits in drawn]
    ends = range(0, len(pairs), _PAIRS_RANDOM)
    return ["".join(pairs[at : at + _PAIRS_RANDOM]) for at in ends]


_SOURCE = _Source()


def new_id(prefix: str) -> str:
    """``prefix_`` + ULID (48 bits of milliseconds, 80 random bits).

    >>> new_id("req")[:4]
    'req_'
    """
    return f"{prefix}_{_SOURCE.stamp()}{_SOURCE.ending()}"
