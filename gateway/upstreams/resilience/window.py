"""Counts over the last seconds, in a few buckets."""

_BUCKETS = 10


class Window:
    """How many attempts there were within ``seconds``, and how many of them failed."""

    __slots__ = ("_bucket_s", "_failed", "_slot", "_total")

    def __init__(self, seconds: float) -> None:
        self._bucket_s = seconds / _BUCKETS
        self.clear()

    def clear(self) -> None:
        self._total = [0] * _BUCKETS
        self._failed = [0] * _BUCKETS
        self._slot = -1

    def add(self, now: float, total: int, failed: int) -> None:
        index = self._advance(now)
        self._total[index] += total
        self._failed[index] += failed

    def counts(self, now: float) -> tuple[int, int]:
        """(attempts, failed ones)."""
        self._advance(now)
        return sum(self._total), sum(self._failed)

    def _advance(self, now: float) -> int:
        slot = int(now / self._bucket_s)
        if slot != self._slot:
            # Buckets that nobody wrote since are those of a turn ago.
            gone = _BUCKETS if self._slot < 0 else min(slot - self._slot, _BUCKETS)
            for step in range(gone):
                index = (slot - step) % _BUCKETS
                self._total[index] = self._failed[index] = 0
            self._slot = slot
        return slot % _BUCKETS
