"""From the journal to the database: audit records and settlements in one transaction.

Outcomes are read from the journal's files in order, a batch at a time, so
memory stays bounded however long the database is away. A batch is tried until
it is committed; only then does the journal forget it. What a crash between the
two brings again is known by (tenant, request_id) and skipped.

It knows neither what a record means nor how a settlement is booked (sinks do).
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.tasks import cancel
from gateway.audit.chain import AuditChain
from gateway.audit.journal import Batch, Journal, OnInterrupted
from gateway.audit.loads import Item, Load

log = logging.getLogger(__name__)
FIRST_RETRY_S = 0.05
LAST_RETRY_S = 5.0
FULL = 1000  # records of one transaction, about
# A transaction costs some ten milliseconds of processor time however few records it has, which
# requests lack. So they gather for so many times what the last one took, and on while more come.
REST = 15.0
MOST_GATHER_S = 1.0
LOOK_S = 0.1  # how often it is looked whether more have come, or enough


class BodyStore(Protocol):
    """Stores the sealed bodies of requests; idempotent by request id."""

    async def store(self, session: AsyncSession, bodies: Sequence[dict[str, Any]], /) -> None:
        """Within the drain's transaction, for records that the chain had not yet."""
        ...


class Sink(Protocol):
    """Books settlements; must be idempotent by request id."""

    async def apply(self, session: AsyncSession, entries: Sequence[Any], /) -> None:
        """Within the drain's transaction, for records that the chain had not yet."""
        ...


@dataclass(frozen=True, slots=True)
class DrainOptions:
    """Seconds: how long outcomes gather, and how often other duties come up."""

    gather_s: float = 0.1
    checkpoint_s: float = 60.0
    adopt_s: float = 10.0


class Drain:
    """Runs as one task beside the requests of a process.

    Args:
        sinks: applied in order, before the chain is locked.
        on_interrupted: adopt the journals of siblings that die later, too.

    Attributes:
        last_error: why the newest attempt failed, None while all is well.
        drained: records committed so far.
    """

    def __init__(
        self,
        journal: Journal,
        database: Database,
        chain: AuditChain,
        sinks: Sequence[Sink] = (),
        *,
        clock: Clock,
        on_interrupted: OnInterrupted | None = None,
        options: DrainOptions | None = None,
        bodies: BodyStore | None = None,
    ) -> None:
        self._bodies = bodies
        self.last_error: str | None = None
        self.drained = 0
        self._journal = journal
        self._database = database
        self._chain = chain
        self._sinks = tuple(sinks)
        self._clock = clock
        self._on_interrupted = on_interrupted
        self._options = options or DrainOptions()
        self._wal = _wal_file(database)
        self._load: Load | None = None
        self._next: Load | None = None
        self._retry_s = 0.0
        self._took_s = 0.0  # the last transaction
        self._stopping = False
        self._hurry = asyncio.Event()
        self._progress = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_checkpoint = clock.monotonic() + self._options.checkpoint_s
        self._next_adoption = clock.monotonic() + self._options.adopt_s

    async def start(self) -> None:
        """Begin to drain; what ``Journal.replay`` found comes first."""
        self._task = asyncio.create_task(self._run(), name="audit-drain")

    async def flush(self) -> None:
        """Return when every outcome written so far is committed (however long that takes)."""
        if self._task is None or self._task.done():
            raise RuntimeError("the drain is not running")
        targets = self._journal.targets()
        while not self._journal.reached(targets):
            progress = self._progress
            self._hurry.set()
            self._journal.arrived.set()
            await progress.wait()

    async def stop(self, timeout_s: float = 10.0) -> bool:
        """Drain what is there, sign checkpoints, end.

        Returns:
            False if the database did not take everything in time: the rest stays
            in the journal for the next start.
        """
        if self._task is None:
            return True
        self._stopping = True
        self._hurry.set()
        self._journal.arrived.set()
        done, _ = await asyncio.wait({self._task}, timeout=timeout_s)
        if not done:
            await cancel(self._task)
        self._task = None
        return bool(done)

    async def _run(self) -> None:
        while True:
            self._journal.arrived.clear()
            try:
                idle = await self._step()
            except Exception as error:  # the task's outermost boundary: nothing may end it
                await self._back_off(error)
                continue
            self.last_error, self._retry_s = None, 0.0
            if not idle or (self._stopping and self._journal.arrived.is_set()):
                continue
            if self._stopping:
                return
            await self._gather()

    async def _step(self) -> bool:
        """Commit one batch; return True, and do the other duties, where it was the last."""
        self._journal.probe()
        if self._load is None:
            self._load = await self._prepare(None)
        load = self._load
        if load is not None:
            started = self._clock.monotonic()
            await self._commit_and_prepare(load)
            self._took_s = self._clock.monotonic() - started
            self._journal.ack(load.last)
            self._load, self._next = self._next, None
        self._signal()
        if load is not None and not _is_last(load):
            return False
        await self._adopt()
        if self._stopping or self._clock.monotonic() >= self._next_checkpoint:
            await self.checkpoint()
            self._next_checkpoint = self._clock.monotonic() + self._options.checkpoint_s
        return True

    async def _prepare(self, after: Batch | None) -> Load | None:
        """Read a batch, in steps that leave the event loop to the requests."""
        batch = self._journal.read(after)
        if batch is None:
            return None
        items = [Item.of(outcome) for outcome in batch.outcomes]
        while len(items) < FULL:
            await asyncio.sleep(0)
            if (more := self._journal.read(batch)) is None:
                break
            items += [Item.of(outcome) for outcome in more.outcomes]
            batch = more
        return Load(batch, items)

    async def _commit_and_prepare(self, load: Load) -> None:
        """While the database works on one batch, the next is made ready."""
        following = self._next
        if following is None and _is_last(load):
            await self._commit(load)
            return
        committed, prepared = await asyncio.gather(
            self._commit(load),
            self._prepare(load.last) if following is None else _same(following),
            return_exceptions=True,
        )
        if isinstance(prepared, BaseException):
            prepared = None  # it will be read again, when it is its turn
        self._next = prepared
        if committed is not None:
            raise committed

    async def _commit(self, load: Load) -> None:
        if not load.items:
            return
        async with self._database.transaction() as session:
            known: set[tuple[str, str]] = set()
            if load.tried or not load.last.fresh:
                known = await self._chain.known(session, [item.draft for item in load.items])
            load.tried = True
            new = load.new(known)
            settlements = [item.settlement for item in new if item.settlement is not None]
            if settlements:
                for sink in self._sinks:
                    await sink.apply(session, settlements)
            bodies = [body for item in new for body in item.bodies]
            if self._bodies is not None and bodies:
                await self._bodies.store(session, bodies)
            await self._chain.append_new(session, [item.draft for item in new])
        if self._wal is not None:
            await asyncio.to_thread(_sync_file, self._wal)
        self.drained += len(new)

    async def checkpoint(self) -> None:
        """Sign the chain of every tenant that has new records, a transaction each."""
        async with self._database.session() as session:
            tenants = await self._chain.unsigned_tenants(session)
        for tenant in tenants:
            signed = True
            while signed:  # a chain with a long way to sign goes in steps
                async with self._database.transaction() as session:
                    signed = await self._chain.checkpoint(session, tenant) is not None

    async def _adopt(self) -> None:
        if self._on_interrupted is None or self._stopping:
            return
        if self._clock.monotonic() >= self._next_adoption:
            self._next_adoption = self._clock.monotonic() + self._options.adopt_s
            await asyncio.to_thread(self._journal.replay, self._on_interrupted)

    async def _gather(self) -> None:
        """Wait for outcomes, then while more keep coming, unless someone is in a hurry."""
        arrived = self._journal.arrived
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):  # housekeeping comes round even when idle
                await arrived.wait()
        least_s = max(self._options.gather_s, min(self._took_s * REST, MOST_GATHER_S))
        waited_s, coming = 0.0, arrived.is_set()
        while coming and waited_s < MOST_GATHER_S and not self._is_urgent():
            arrived.clear()
            look_s = min(LOOK_S, least_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(look_s):
                    await self._hurry.wait()
            waited_s += look_s
            coming = waited_s < least_s or arrived.is_set()
        self._hurry.clear()

    def _is_urgent(self) -> bool:
        return self._stopping or self._hurry.is_set() or self._journal.crowded

    async def _back_off(self, error: Exception) -> None:
        text = f"{type(error).__name__}"
        if self.last_error != text:
            log.warning("audit drain waits for the database: %s", text)
        self.last_error = text
        self._retry_s = min(max(self._retry_s * 2, FIRST_RETRY_S), LAST_RETRY_S)
        await asyncio.sleep(self._retry_s)

    def _signal(self) -> None:
        done, self._progress = self._progress, asyncio.Event()
        done.set()


def _is_last(load: Load) -> bool:
    """Whether it reached the end of this process's own journal when it was made ready."""
    return load.last.fresh and len(load.items) < FULL


async def _same(load: Load) -> Load:
    return load


def _wal_file(database: Database) -> Path | None:
    """SQLite's write-ahead log: with ``synchronous=NORMAL`` a commit is not on disk yet."""
    name = database.engine.url.database
    return Path(f"{name}-wal") if database.is_sqlite and name and name != ":memory:" else None


def _sync_file(file: Path) -> None:
    with suppress(FileNotFoundError):  # checkpointed into the database, which was synced then
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
