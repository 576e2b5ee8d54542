"""Group commit: one fsync for everyone who waits, in a thread of its own.

A waiter joins the group that has not begun yet. While one fsync runs, the next
group gathers; so the group grows with the load and an idle process waits for
one fsync only. It knows nothing of records.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

LAZY_S = 0.05  # the longest that a record nobody waits for stays unsynced


class Job(Protocol):
    """A blocking piece of work."""

    def run(self) -> None: ...


class GroupCommit:
    """Runs ``prepare().run()`` in a thread for groups of waiters.

    Args:
        prepare: called on the event loop when a group begins.
        failed: called on the event loop when a job raised OSError; what it returns is
            raised where somebody waits.
    """

    def __init__(self, prepare: Callable[[], Job], failed: Callable[[OSError], Exception]) -> None:
        self._prepare = prepare
        self._failed = failed
        self._waiters: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._running = False
        self._lazy: asyncio.TimerHandle | None = None
        self._jobs: SimpleQueue[tuple[Job, list[asyncio.Future[None]]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def wait(self) -> asyncio.Future[None]:
        """Done when everything appended before this call is on disk.

        Its exception, if it is not, counts as seen: who is cancelled need not look.
        """
        loop = self._running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiters.append(future)
        self._schedule(loop)
        return future

    def soon(self) -> None:
        """Sync within ``LAZY_S`` although nobody waits."""
        if self._lazy is None and not self._scheduled:
            self._lazy = self._running_loop().call_later(LAZY_S, self._begin_lazy)

    def close(self) -> None:
        """Stop the thread; blocks until a running job has ended."""
        if self._lazy is not None:
            self._lazy.cancel()
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, name="journal-sync", daemon=True)
            self._thread.start()
        return self._loop

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        # By way of the loop's queue: all requests of this iteration share the group.
        if not self._scheduled and not self._running:
            self._scheduled = True
            loop.call_soon(self._begin)

    def _begin_lazy(self) -> None:
        self._lazy = None
        if not self._running and not self._scheduled:
            self._begin()
        elif self._loop is not None:
            self._lazy = self._loop.call_later(LAZY_S, self._begin_lazy)

    def _begin(self) -> None:
        self._scheduled = False
        self._running = True
        waiters, self._waiters = self._waiters, []
        self._jobs.put((self._prepare(), waiters))

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, waiters = item
            error: OSError | None = None
            try:
                job.run()
            except OSError as caught:
                error = caught
            if self._loop is None or self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(self._end, waiters, error)

    def _end(self, waiters: list[asyncio.Future[None]], error: OSError | None) -> None:
        self._running = False
        failure = None if error is None else self._failed(error)
        for future in waiters:
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
                future.exception()
        if self._waiters and self._loop is not None:
            self._schedule(self._loop)
