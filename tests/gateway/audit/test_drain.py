import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import SystemClock
from core.database import Base, Database
from gateway.audit import AuditChain, Drain, DrainOptions, SigningKey
from gateway.audit.models import AuditCheckpoint, AuditRecord
from gateway.audit.verify import verify_database

QUICK = DrainOptions(gather_s=0.01)


@pytest.fixture
def chain(key: SigningKey) -> AuditChain:
    return AuditChain(SystemClock(), key)


def make_drain(journal: Any, database: Database, chain: AuditChain, *sinks: Any) -> Drain:
    return Drain(journal, database, chain, sinks, clock=SystemClock(), options=QUICK)


async def write(journal: Any, numbers: range, tenant: str = "acme") -> None:
    for number in numbers:
        name = f"req_{number:05d}"
        settlement = {"request_id": name} if number % 2 else None
        await journal.outcome(name, {"tenant": tenant, "upstream": None}, settlement)


async def recorded(database: Database, tenant: str = "acme") -> list[str]:
    async with database.session() as session:
        query = select(AuditRecord.request_id).where(AuditRecord.tenant == tenant)
        return list(await session.scalars(query.order_by(AuditRecord.seq)))


async def test_records_and_settlements_arrive_in_order(
    audit_database: Database, chain: AuditChain, journals: Any, sink: Any
) -> None:
    journal = journals.open()
    drain = make_drain(journal, audit_database, chain, sink)
    await drain.start()
    await write(journal, range(1000))
    await drain.flush()
    names = [f"req_{number:05d}" for number in range(1000)]
    assert await recorded(audit_database) == names
    assert await sink.booked(audit_database) == names[1::2]
    assert drain.drained == 1000
    await drain.flush()  # nothing to do returns at once
    assert await drain.stop()


async def test_an_outcome_is_drained_without_anyone_asking(
    audit_database: Database, chain: AuditChain, journals: Any
) -> None:
    journal = journals.open()
    drain = Drain(journal, audit_database, chain, clock=SystemClock())
    await drain.start()
    await asyncio.sleep(0.3)
    await write(journal, range(1))
    deadline = time.monotonic() + 30
    while not await recorded(audit_database):
        assert time.monotonic() < deadline, "a record joins the chain"
        await asyncio.sleep(0.02)
    assert await drain.stop()


async def test_stop_drains_and_signs(
    audit_database: Database, chain: AuditChain, journals: Any
) -> None:
    journal = journals.open()
    drain = make_drain(journal, audit_database, chain)
    await drain.start()
    await write(journal, range(10))
    await write(journal, range(10, 13), "globex")
    assert await drain.stop()
    async with audit_database.session() as session:
        signed = (await session.execute(select(AuditCheckpoint.tenant, AuditCheckpoint.seq))).all()
    assert sorted(map(tuple, signed)) == [("acme", 10), ("globex", 3)]


async def test_a_crash_between_commit_and_acknowledgement_repeats_nothing(
    audit_database: Database, chain: AuditChain, journals: Any, sink: Any
) -> None:
    dead = journals.open()
    await write(dead, range(50))
    drain = make_drain(dead, audit_database, chain, sink)
    load = await drain._prepare(None)
    assert load is not None
    await drain._commit(load)  # and then the process dies
    journals.abandon(dead)

    journal = journals.open()
    assert journal.replay(lambda intent, call: (intent, None)).folders == 1
    await write(journal, range(50, 60))
    drain = make_drain(journal, audit_database, chain, sink)
    await drain.start()
    await drain.flush()
    assert await drain.stop()
    assert len(await recorded(audit_database)) == 60
    assert await sink.booked(audit_database) == [f"req_{n:05d}" for n in range(1, 60, 2)]


@pytest.mark.parametrize("count", [3, 40])
async def test_what_another_process_has_drained_is_found_out_and_skipped(
    audit_database: Database, chain: AuditChain, journals: Any, sink: Any, count: int
) -> None:
    for extra in (0, 2):
        journal = journals.open()
        drain = make_drain(journal, audit_database, chain, sink)
        await write(journal, range(count + extra))  # of this process: not looked up at first
        await drain.start()
        await drain.flush()
        assert await drain.stop()
    assert await recorded(audit_database) == [f"req_{n:05d}" for n in range(count + 2)]
    assert await sink.booked(audit_database) == [f"req_{n:05d}" for n in range(1, count + 2, 2)]


async def test_a_commit_whose_answer_was_lost_is_not_repeated(
    audit_database: Database, chain: AuditChain, journals: Any, sink: Any
) -> None:
    journal = journals.open()
    drain = make_drain(journal, audit_database, chain, sink)
    await write(journal, range(40))
    load = drain._load = await drain._prepare(None)
    assert load is not None
    await drain._commit(load)  # committed, but the connection broke before it said so
    await drain.start()
    await drain.flush()
    assert await drain.stop()
    assert len(await recorded(audit_database)) == 40
    assert len(await sink.booked(audit_database)) == 20


class FailingSink:
    """Fails after it has written, as long as it is told to."""

    def __init__(self, sink: Any) -> None:
        self.sink, self.failing = sink, True

    async def apply(self, session: AsyncSession, entries: Any) -> None:
        await self.sink.apply(session, entries)
        if self.failing:
            raise ConnectionResetError


async def test_a_failing_sink_leaves_neither_record_nor_settlement_until_it_works(
    audit_database: Database, chain: AuditChain, journals: Any, sink: Any
) -> None:
    journal = journals.open()
    await write(journal, range(20))
    failing = FailingSink(sink)
    drain = make_drain(journal, audit_database, chain, failing)
    with pytest.raises(ConnectionResetError):
        await drain._step()
    assert await recorded(audit_database) == []
    assert await sink.booked(audit_database) == []
    await drain.start()
    deadline = time.monotonic() + 30
    while drain.last_error != "ConnectionResetError":
        assert time.monotonic() < deadline, "a failure is told"
        await asyncio.sleep(0.01)
    assert await recorded(audit_database) == []
    failing.failing = False
    await drain.flush()
    assert await drain.stop()
    assert drain.last_error is None
    assert len(await recorded(audit_database)) == 20
    assert len(await sink.booked(audit_database)) == 10


async def test_replicas_drain_the_same_tenant_together(
    audit_database: Database, chain: AuditChain, journals: Any, sink: Any
) -> None:
    drains = []
    for _ in range(4):
        journal = journals.open()
        drain = make_drain(journal, audit_database, chain, sink)
        await drain.start()
        drains.append((journal, drain))
    for start in range(0, 400, 40):
        await asyncio.gather(
            *(
                write(journal, range(start + index * 10, start + index * 10 + 10))
                for index, (journal, _) in enumerate(drains)
            )
        )
        await asyncio.sleep(0.01)
    for _, drain in drains:
        await drain.flush()
        assert await drain.stop()
    assert sorted(await recorded(audit_database)) == [f"req_{n:05d}" for n in range(400)]
    assert len(await sink.booked(audit_database)) == 200
    async with audit_database.session() as session:
        (report,) = await verify_database(session)
    assert report.ok, report


async def test_a_sibling_that_dies_later_is_adopted(
    audit_database: Database, chain: AuditChain, journals: Any
) -> None:
    journal, sibling = journals.open(), journals.open()
    drain = Drain(
        journal,
        audit_database,
        chain,
        clock=SystemClock(),
        on_interrupted=lambda intent, call: ({"tenant": intent["tenant"]}, None),
        options=DrainOptions(gather_s=0.01, adopt_s=0.1),
    )
    await drain.start()
    await sibling.intent("req_left", {"tenant": "acme"})
    journals.abandon(sibling)
    deadline = time.monotonic() + 30
    while await recorded(audit_database) != ["req_left"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert await drain.stop()


def _be_impatient(connection: Any, _: Any) -> None:
    connection.cursor().execute("PRAGMA busy_timeout=50")


async def test_a_locked_database_loses_nothing(
    chain: AuditChain, journals: Any, tmp_path: Path
) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'locked.db'}")
    event.listen(database.engine.sync_engine, "connect", _be_impatient)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await database.dispose()
    other = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    journal = journals.open(segment_bytes=8192)
    drain = make_drain(journal, database, chain)
    await drain.start()
    await write(journal, range(300))
    assert not await drain.stop(timeout_s=0.3), "stop does not wait for ever"
    assert journal.backlog_bytes > 0
    other.execute("ROLLBACK")
    other.close()

    drain = make_drain(journal, database, chain)
    await drain.start()
    await drain.flush()
    assert await drain.stop()
    assert await recorded(database) == [f"req_{number:05d}" for number in range(300)]
    await database.dispose()


async def test_flush_without_a_drain_is_an_error(
    audit_database: Database, chain: AuditChain, journals: Any
) -> None:
    drain = make_drain(journals.open(), audit_database, chain)
    with pytest.raises(RuntimeError, match="not running"):
        await drain.flush()
    assert await drain.stop()
