"""Which earlier question means the same: cosine similarity over a matrix, by brute force.

One index per context key (``KeyMaker.context``), so that nothing is ever compared across
tenants, policies, models or conversations.
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np


class Similar(NamedTuple):
    """The key of a kept answer, and how near its question is."""

    key: str
    similarity: float


class Index:
    """Questions of one context, as rows of unit length.

    Args:
        most: rows; the oldest is overwritten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows = np.zeros((0, 0), np.float32)
        self._keys: list[str] = []
        self._expires: list[float] = []
        self._next = 0
        self.read_to = "-"  # how far the shared copy has been read

    @property
    def bytes(self) -> int:
        return int(self._rows.nbytes) + 200 * len(self._keys) + 500

    def add(self, key: str, vector: np.ndarray, expires: float) -> None:
        """A vector of another length than the first begins the index anew: another model's."""
        if self._rows.shape[1:] != vector.shape:
            self._rows = np.zeros((min(8, self._most), len(vector)), np.float32)
            self._keys, self._expires, self._next = [], [], 0
        if key in self._keys:
            at = self._keys.index(key)
        elif len(self._keys) < self._most:
            at = len(self._keys)
            if at == len(self._rows):
                self._rows = np.resize(self._rows, (min(2 * at, self._most), len(vector)))
            self._keys.append(key)
            self._expires.append(expires)
        else:
            at, self._next = self._next, (self._next + 1) % self._most
        self._rows[at] = vector
        self._keys[at], self._expires[at] = key, expires

    def nearest(self, vector: np.ndarray, threshold: float, now: float) -> Similar | None:
        """The nearest question that is near enough and has not expired."""
        count = len(self._keys)
        if not count or self._rows.shape[1:] != vector.shape:
            return None
        similar = self._rows[:count] @ vector
        for at in np.argsort(-similar)[:8]:
            if similar[at] < threshold:
                return None
            if self._expires[at] > now:
                return Similar(self._keys[at], float(similar[at]))
        return None


class Indexes:
    """All indexes of a process, bounded in bytes; the ones unused for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._by_context: OrderedDict[str, Index] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def of(self, context: str, most_rows: int) -> Index:
        index = self._by_context.get(context)
        if index is None:
            index = self._by_context[context] = Index(most_rows)
        self._by_context.move_to_end(context)
        return index

    def grown(self, context: str) -> None:
        """Count a context again after rows were added, and make room."""
        index = self._by_context.get(context)
        if index is not None:
            self._sizes[context] = index.bytes
        while sum(self._sizes.values()) > self._most and len(self._by_context) > 1:
            oldest, _ = self._by_context.popitem(last=False)
            self._sizes.pop(oldest, None)


def unit(vector: list[float]) -> np.ndarray | None:
    """As a row; ``None`` for one without a direction."""
    row = np.asarray(vector, np.float32)
    length = float(np.linalg.norm(row)) if row.ndim == 1 and row.size else 0.0
    return row / length if np.isfinite(length) and length > 0 else None
