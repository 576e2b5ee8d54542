"""A circuit breaker: leaves an upstream alone that fails too often."""

from enum import IntEnum

from gateway.settings import ResilienceSettings
from gateway.upstreams.resilience.window import Window


class BreakerState(IntEnum):
    """In the order in which metrics show it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Closed, it counts. Open, it refuses for ``breaker_open_s``. Then half open: one request
    at a time tries; an answer closes it, a failure opens it again.

    ``acquire`` gives a number that goes back with the outcome, so that what began in an
    earlier state says nothing about this one.
    """

    __slots__ = (
        "_epoch", "_minimum", "_open_s", "_opened_at", "_share", "_state", "_trying", "_window",
        "opened",
    )  # fmt: skip

    def __init__(self, settings: ResilienceSettings) -> None:
        self._share = None if settings.breaker_percent is None else settings.breaker_percent / 100
        self._minimum = settings.breaker_minimum
        self._open_s = settings.breaker_open_s
        self._window = Window(settings.breaker_window_s)
        self._state = BreakerState.CLOSED
        self._epoch = 0
        self._opened_at = 0.0
        self._trying = False
        self.opened = 0  # times

    def state(self, now: float) -> BreakerState:
        if self._state is BreakerState.OPEN and now - self._opened_at >= self._open_s:
            return BreakerState.HALF_OPEN
        return self._state

    def admits(self, now: float) -> bool:
        """Whether ``acquire`` would succeed."""
        if self._state is BreakerState.CLOSED:
            return True
        return self.state(now) is BreakerState.HALF_OPEN and not self._trying

    def acquire(self, now: float) -> int | None:
        """Leave for one attempt, or ``None``; followed by exactly one of the outcomes."""
        if self._state is BreakerState.CLOSED:
            return self._epoch
        if not self.admits(now):
            return None
        if self._state is BreakerState.OPEN:
            self._move(BreakerState.HALF_OPEN)
        self._trying = True
        return self._epoch

    def retry_after_s(self, now: float) -> float:
        """When it may be worth to come again."""
        return max(self._open_s - (now - self._opened_at), 1.0)

    def succeeded(self, epoch: int, now: float) -> None:
        """An answer began."""
        if epoch != self._epoch:
            return
        if self._state is BreakerState.CLOSED:
            if self._share is not None:
                self._window.add(now, 1, 0)
        else:
            self._move(BreakerState.CLOSED)

    def failed(self, epoch: int, now: float, *, late: bool = False) -> None:
        """
        Args:
            late: an answer that had begun, and was counted as a success, broke off.
        """
        if epoch != self._epoch or self._share is None:
            return
        if self._state is BreakerState.HALF_OPEN:
            self._open(now)
            return
        self._window.add(now, 0 if late else 1, 1)
        total, failed = self._window.counts(now)
        if total >= self._minimum and failed >= self._share * total:
            self._open(now)

    def abandoned(self, epoch: int) -> None:
        """Nobody waited for the outcome."""
        if epoch == self._epoch:
            self._trying = False

    def _open(self, now: float) -> None:
        self._move(BreakerState.OPEN)
        self._opened_at = now
        self.opened += 1

    def _move(self, state: BreakerState) -> None:
        self._state = state
        self._epoch += 1
        self._trying = False
        self._window.clear()
