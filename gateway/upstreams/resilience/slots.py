"""How many requests an upstream has at a time; the others wait for their turn."""

import asyncio

from gateway.errors import UpstreamQueueFull, UpstreamQueueTimeout
from gateway.upstreams.resilience.queue import PRIORITIES, FairQueue, Priority, Turn


class Slots:
    """``take`` one before a request, ``give_back`` after its answer.

    Args:
        most: requests at a time.
        queue_length: of those that wait.
        timeout_s: how long each may wait.

    Attributes:
        taken: requests that have one, by class.
        waits: how many had to wait so far, whatever became of them.
        waited_s: seconds that these waited, all together.
    """

    def __init__(self, upstream: str, most: int, queue_length: int, timeout_s: float) -> None:
        self.taken: dict[Priority, int] = dict.fromkeys(PRIORITIES, 0)
        self.waits: dict[Priority, int] = dict.fromkeys(PRIORITIES, 0)
        self.waited_s: dict[Priority, float] = dict.fromkeys(PRIORITIES, 0.0)
        self._upstream = upstream
        self._most = most
        self._timeout_s = timeout_s
        self._queue = FairQueue(queue_length)
        self._waiting: dict[Turn, asyncio.Future[None]] = {}

    @property
    def running(self) -> int:
        return sum(self.taken.values())

    @property
    def all_waiting(self) -> int:
        return len(self._queue)

    def waiting(self, priority: Priority) -> int:
        return self._queue.length(priority)

    async def take(self, turn: Turn) -> None:
        """Wait for its turn; who is cancelled leaves at once.

        Raises:
            UpstreamQueueFull: too many wait already, or a tenant with fewer came.
            UpstreamQueueTimeout: its turn did not come in time.
        """
        if self.running < self._most and not self._queue:
            self.taken[turn.priority] += 1
            return
        leaving = self._queue.push(turn)
        if leaving is turn:
            raise self._full()
        if leaving is not None:
            self._send_away(leaving)
        loop = asyncio.get_running_loop()
        future, since = loop.create_future(), loop.time()
        self._waiting[turn] = future
        try:
            async with asyncio.timeout(self._timeout_s):
                await future
        except TimeoutError:
            self._leave(turn, future)
            raise self._late() from None
        except BaseException:
            self._leave(turn, future)
            raise
        finally:
            self.waits[turn.priority] += 1
            self.waited_s[turn.priority] += loop.time() - since

    def give_back(self, priority: Priority) -> None:
        """A request of this class has its answer."""
        self.taken[priority] -= 1
        while (turn := self._queue.pop()) is not None:
            future = self._waiting.pop(turn)
            if not future.done():  # else it is about to leave
                self.taken[turn.priority] += 1
                future.set_result(None)
                return

    def _leave(self, turn: Turn, future: asyncio.Future[None]) -> None:
        self._queue.remove(turn)
        self._waiting.pop(turn, None)
        if future.done() and not future.cancelled() and future.exception() is None:
            self.give_back(turn.priority)  # its turn came at the same moment

    def _send_away(self, turn: Turn) -> None:
        future = self._waiting.pop(turn)
        if not future.done():
            future.set_exception(self._full())

    def _full(self) -> UpstreamQueueFull:
        return UpstreamQueueFull(
            f"Too many requests wait for upstream {self._upstream} already; try again later.",
            upstream=self._upstream,
            retry_after_s=1,
        )

    def _late(self) -> UpstreamQueueTimeout:
        return UpstreamQueueTimeout(
            f"Upstream {self._upstream} had no room for the request in time; try again later.",
            upstream=self._upstream,
            retry_after_s=1,
        )
