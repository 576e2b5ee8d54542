"""Explaining costs CPU that requests need: how often an account may ask, and how many at once.

Counted in this process only: it bounds a person at a form, not an attack.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from core.clock import Clock
from gateway.admin.errors import ExplainThrottled

_WINDOW_S = 60.0
_ACCOUNTS = 1000


class ExplainThrottle:
    """One per process.

    Args:
        per_minute: calls of one account.
        at_once: calls of all accounts that run at the same time.
    """

    def __init__(self, clock: Clock, *, per_minute: int = 60, at_once: int = 2) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._at_once = at_once
        self._running = 0
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    @contextmanager
    def turn(self, account: str) -> Iterator[None]:
        """Raises: ExplainThrottled."""
        self._count(account)
        if self._running >= self._at_once:
            raise ExplainThrottled(1)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def _count(self, account: str) -> None:
        now = self._clock.monotonic()
        calls = self._calls.setdefault(account, deque())
        self._calls.move_to_end(account)
        while calls and calls[0] <= now - _WINDOW_S:
            calls.popleft()
        if len(calls) >= self._per_minute:
            raise ExplainThrottled(ceil(calls[0] + _WINDOW_S - now))
        calls.append(now)
        if len(self._calls) > _ACCOUNTS:
            self._calls.popitem(last=False)
