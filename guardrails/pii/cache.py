"""Findings per text block: chat requests repeat their history word for word.

Keys are keyed hashes with a key of this process, so the cache holds offsets and types, no
text, and cannot be searched for a guessed one from outside.
"""

import os
import threading
from collections import OrderedDict
from hashlib import blake2b

from guardrails.types import Span


class FindingsCache:
    """A bounded, thread-safe LRU: (text, what was looked for) -> spans.

    Args:
        max_spans: bound on the spans kept in all; an entry counts as one more than its spans.
    """

    def __init__(self, max_spans: int = 200_000) -> None:
        self._key = os.urandom(32)
        self._max = max_spans
        self._size = 0
        self._entries: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, text: str, looked_for: bytes) -> bytes:
        """128 bits: a collision would show one text the findings of another."""
        digest = blake2b(looked_for, digest_size=16, key=self._key)
        digest.update(b"\0")
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.digest()

    def get(self, key: bytes) -> tuple[Span, ...] | None:
        with self._lock:
            spans = self._entries.get(key)
            if spans is not None:
                self._entries.move_to_end(key)
            return spans

    def put(self, key: bytes, spans: tuple[Span, ...]) -> None:
        with self._lock:
            previous = self._entries.pop(key, None)
            if previous is not None:
                self._size -= len(previous) + 1
            self._entries[key] = spans
            self._size += len(spans) + 1
            while self._size > self._max and len(self._entries) > 1:
                _, dropped = self._entries.popitem(last=False)
                self._size -= len(dropped) + 1

    def __len__(self) -> int:
        return len(self._entries)
