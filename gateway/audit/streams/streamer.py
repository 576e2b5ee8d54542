"""One stream: reads what its cursors have not passed, sends it, moves them.

Of all replicas the one that holds the stream's row works; the row is held for a while
and held anew with each round, so another takes over when a process dies.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.database import Database
from gateway.audit.errors import DeliveryFailed
from gateway.audit.streams.record import Receiver, StreamRecord
from gateway.audit.streams.repository import StreamRepository, Waiting

BATCH = 500
HOLD = timedelta(seconds=30)  # longer than a batch may take
POLL_S = 1.0
LAST_RETRY_S = 15.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the metrics say of a stream; ``lag`` is None where another replica works at it."""

    name: str
    lag: int | None
    delivered: int
    error: str | None


class Streamer:
    """A task beside the requests of a process.

    Args:
        holder: names this process.
        tenants: whose records; None: everybody's, those of ``_system`` too.
        past: begin with the oldest records, not with those to come.
        observe: is told how it goes, after each round.
    """

    def __init__(
        self,
        name: str,
        receiver: Receiver,
        database: Database,
        clock: Clock,
        *,
        holder: str,
        tenants: frozenset[str] | None = None,
        past: bool = False,
        observe: Callable[[StreamState], None] = lambda state: None,
    ) -> None:
        self._name = name
        self._receiver = receiver
        self._database = database
        self._clock = clock
        self._holder = holder
        self._tenants = tenants
        self._past = past
        self._observe = observe
        self._delivered = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"audit-stream-{self._name}")

    async def stop(self) -> None:
        """End, and leave the stream to others; what is under way is sent again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._receiver.close()
        try:
            async with self._database.transaction() as session:
                await StreamRepository(session, self._name).release(self._holder)
        except (SQLAlchemyError, OSError):
            pass  # it is free when its time is over

    async def round(self) -> bool:
        """Send a batch of each tenant that has any; False if there is nothing left to send.

        Raises:
            DeliveryFailed: the receiver is away; the cursors stay.
        """
        if not await self._hold():
            self._tell(None)
            return False
        waiting = await self._waiting()
        self._tell(sum(one.lag for one in waiting))
        for one in waiting:
            await self._send(one)
        return bool(waiting)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                if not await self.round():
                    await asyncio.sleep(POLL_S)
                failures = 0
            except (DeliveryFailed, SQLAlchemyError, OSError) as error:
                reason = error.message if isinstance(error, DeliveryFailed) else "database"
                if not failures:
                    _log.warning("audit.stream_waits", stream=self._name, reason=reason)
                self._tell(await self._lag(), reason)
                failures += 1
                await asyncio.sleep(min(2.0 ** (failures - 2), LAST_RETRY_S))

    async def _hold(self) -> bool:
        now = self._clock.now()
        async with self._database.transaction() as session:
            repository = StreamRepository(session, self._name)
            await repository.begin(past=self._past)
            return await repository.hold(self._holder, now, now + HOLD)

    async def _waiting(self) -> list[Waiting]:
        async with self._database.session() as session:
            return await StreamRepository(session, self._name).waiting(self._tenants)

    async def _send(self, waiting: Waiting) -> None:
        async with self._database.session() as session:
            repository = StreamRepository(session, self._name)
            rows = await repository.records(waiting, BATCH)
        reached = rows[-1].seq if rows else waiting.head  # what is gone is not waited for
        if rows:
            await self._receiver.send([StreamRecord.of(row) for row in rows])
        async with self._database.transaction() as session:
            repository = StreamRepository(session, self._name)
            if await repository.is_held(self._holder):
                await repository.move(waiting.tenant, reached)
                self._delivered += len(rows)

    async def _lag(self) -> int | None:
        try:
            return sum(one.lag for one in await self._waiting())
        except (SQLAlchemyError, OSError):
            return None

    def _tell(self, lag: int | None, error: str | None = None) -> None:
        self._observe(StreamState(self._name, lag, self._delivered, error))
