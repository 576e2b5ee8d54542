"""Findings of texts seen before: chat requests repeat their history word for word.

Keyed digests with a key of this process; no text is kept, and one tenant's entries are never
another's.
"""

import hashlib
import os
import threading
from collections import OrderedDict

from guardrails.detectors import Finding


class FindingsCache:
    """A bounded, thread-safe LRU: (tenant, what was asked, text) -> finding.

    Args:
        max_weight: bound on the spans kept in all; every entry weighs one more than its spans.
    """

    def __init__(self, max_weight: int = 50_000) -> None:
        self._key = os.urandom(32)
        self._max = max_weight
        self._weight = 0
        self._entries: OrderedDict[bytes, Finding] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, tenant: str, asked: str, text: str) -> bytes:
        """128 bits: a collision would show one text the findings of another."""
        digest = hashlib.blake2b(key=self._key, digest_size=16)
        for part in (tenant, asked, text):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.digest()

    def get(self, key: bytes) -> Finding | None:
        with self._lock:
            finding = self._entries.get(key)
            if finding is not None:
                self._entries.move_to_end(key)
            return finding

    def put(self, key: bytes, finding: Finding) -> None:
        with self._lock:
            previous = self._entries.pop(key, None)
            self._weight += _weight(finding) - (0 if previous is None else _weight(previous))
            self._entries[key] = finding
            while self._weight > self._max and len(self._entries) > 1:
                _, dropped = self._entries.popitem(last=False)
                self._weight -= _weight(dropped)


def _weight(finding: Finding) -> int:
    return 1 + (len(finding) if isinstance(finding, tuple) else 0)
