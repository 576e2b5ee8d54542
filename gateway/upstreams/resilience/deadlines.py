"""How long an upstream may take, and what it is called when it takes longer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from gateway.errors import UpstreamFirstTokenTimeout, UpstreamTimeout, UpstreamTotalTimeout

LOOK_S = 0.05


@dataclass(slots=True)
class Deadlines:
    """Of one request, on the monotonic clock.

    Connecting and the silence between tokens are the client's to watch: ``connect_timeout_s``,
    ``read_timeout_s``.

    Args:
        total_by: the last byte.
        first_by: the first event of a stream, counted from the attempt that answers.
    """

    upstream: str
    total_by: float
    first_by: float | None = None

    def next(self) -> float:
        """The nearest one while no event has come."""
        return self.total_by if self.first_by is None else min(self.first_by, self.total_by)

    def passed(self, *, begun: bool) -> UpstreamTimeout:
        """The error of the one that has passed."""
        if not begun and self.first_by is not None and self.first_by <= self.total_by:
            return UpstreamFirstTokenTimeout(
                f"Upstream {self.upstream} did not begin to answer in time; try again later.",
                upstream=self.upstream,
            )
        return UpstreamTotalTimeout(
            f"Upstream {self.upstream} did not finish in time; ask for a shorter answer.",
            upstream=self.upstream,
        )


class DeadlineWatch:
    """Ends what runs beyond its deadline, at most ``LOOK_S`` late.

    One timer looks at all that is running, in place of one for each: those cost a request as
    much as its parsing does.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: set[Limit] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # while the timer runs

    def until(self, by: float) -> "Limit":
        """For ``with``, in the task to be ended at ``by``."""
        return Limit(self, by)

    def add(self, limit: "Limit") -> "asyncio.Task[Any]":
        """Returns: the current task."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
            loop.call_later(LOOK_S, self._look)
        task = asyncio.current_task(loop)
        assert task is not None, "what may be ended is a task"
        self._running.add(limit)
        return task

    def discard(self, limit: "Limit") -> None:
        self._running.discard(limit)

    def _look(self) -> None:
        loop, self._loop = self._loop, None
        assert loop is not None, "its timer ran"
        now = self._clock()
        for limit in self._running:
            limit.look(now)
        if self._running:
            self._loop = loop
            loop.call_later(LOOK_S, self._look)


class Limit:
    """As ``asyncio.timeout_at``: TimeoutError where ``by`` has passed. It may be set anew."""

    __slots__ = ("_cancelling", "_has_passed", "_task", "_watch", "by")

    def __init__(self, watch: DeadlineWatch, by: float) -> None:
        self.by = by
        self._watch = watch
        self._has_passed = False

    def __enter__(self) -> Self:
        self._task = self._watch.add(self)
        self._cancelling = self._task.cancelling()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watch.discard(self)
        if not self._has_passed:
            return
        # Who cancelled the task besides wants it to end as cancelled.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def look(self, now: float) -> None:
        if now >= self.by and not self._has_passed:
            self._has_passed = True
            self._task.cancel()
