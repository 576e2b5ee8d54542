"""Identifiers: a type prefix and 26 characters that sort by creation time."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each


def new_id(prefix: str) -> str:
    """``prefix_`` + ULID (48 bits of milliseconds, 80 random bits).

    >>> new_id("req")[:4]
    'req_'
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    pairs = [_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"
