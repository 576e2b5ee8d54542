"""Identifiers: a type prefix and 26 characters that sort by creation time."""

import os
import time
from base64 import b32encode
from collections.abc import Iterator

_ALPHABET = b"0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_FROM_RFC_4648 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)
_RANDOM_BYTES, _RANDOM_CHARACTERS = 10, 16
_AT_ONCE = 64


class _Source:
    """Both parts of an identifier; used by every thread, so nothing is changed in two steps."""

    def __init__(self) -> None:
        self._endings: Iterator[str] = iter(())
        self._stamp = (-1, "")
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
        known, text = self._stamp
        if known != now:
            text = _text((now << 30).to_bytes(_RANDOM_BYTES, "big"))[:10]
            self._stamp = (now, text)
        return text

    def _forget(self) -> None:
        self._endings = iter(())


def _endings() -> list[str]:
    text = _text(os.urandom(_AT_ONCE * _RANDOM_BYTES))
    return [text[at : at + _RANDOM_CHARACTERS] for at in range(0, len(text), _RANDOM_CHARACTERS)]


def _text(data: bytes) -> str:
    return b32encode(data).translate(_FROM_RFC_4648).decode()


_SOURCE = _Source()


def new_id(prefix: str) -> str:
    """``prefix_`` + ULID (48 bits of milliseconds, 80 random bits).

    >>> new_id("req")[:4]
    'req_'
    """
    return f"{prefix}_{_SOURCE.stamp()}{_SOURCE.ending()}"
