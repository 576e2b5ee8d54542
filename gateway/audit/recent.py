"""The newest outcomes of this process, in memory: the drain need not read them back.

They stand in the journal all the same. What does not fit in here is read from there.
"""

from collections import deque

from gateway.audit.outcomes import Journaled, Prepared, Written, read_outcome
from gateway.audit.segments import Position

MOST_BYTES = 6 * 1024 * 1024  # of their frames: some 2,000 requests
_AT_ONCE = 32  # outcomes of a batch: some have to be decoded, which holds up the others


class RecentOutcomes:
    """Outcomes of one log in its order, without a gap from where they begin to where they end."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: deque[tuple[Position, Written, int]] = deque()  # where it ends, it, its bytes
        self._bytes = 0
        self._start = Position(0, 0)
        self._full = False  # what was written since then is in the log only

    @property
    def crowded(self) -> bool:
        """Whether more is held, or was written, than should wait."""
        return self._full or 2 * self._bytes >= self._most_bytes

    def add(self, end: Position, written: Written, size: int) -> None:
        """An outcome was written whose frame ends at ``end``."""
        if self._full or self._bytes + size > self._most_bytes:
            self._full = True
            return
        self._held.append((end, written, size))
        self._bytes += size

    def take(self, start: Position, end: Position) -> tuple[list[Journaled], Position] | None:
        """The next outcomes behind ``start``, and where to go on.

        Args:
            end: of the log now.

        Returns:
            None where the log has to be read; no outcomes where it has none up to ``end``.
        """
        if start < self._start:
            return None
        while self._held and self._held[0][0] <= start:
            self._pop()
        self._start = start
        if self._full and not self._held:
            self._start, self._full = end, False  # the log is read up to here
            return None
        taken: list[Journaled] = []
        while self._held and len(taken) < _AT_ONCE:
            self._start, written = self._pop()
            taken.append(written if isinstance(written, Prepared) else read_outcome(written))
        if not self._held and not self._full:
            self._start = end
        return taken, self._start

    def _pop(self) -> tuple[Position, Written]:
        end, written, size = self._held.popleft()
        self._bytes -= size
        return end, written
