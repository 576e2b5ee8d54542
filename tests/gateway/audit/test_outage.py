"""PostgreSQL stopped (as a crash would) and started again under running requests."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from core.clock import SystemClock
from core.database import Base, Database
from gateway.audit import AuditChain, Drain, DrainOptions, SigningKey
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_database
from support.postgres import PostgresServer


@contextmanager
def started(server: PostgresServer) -> Iterator[None]:
    """It runs for the length of the block and is stopped without warning."""
    server.start(crash=True)
    try:
        yield
    finally:
        server.stop()


async def test_an_outage_loses_nothing_and_keeps_the_order(
    journals: Any, key: SigningKey, tmp_path_factory: Any
) -> None:
    durable = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    server = PostgresServer(tmp_path_factory.mktemp("outage"), durable)
    clock = SystemClock()
    journal = journals.open(segment_bytes=50_000)
    database = Database(f"{server.url}/postgres")
    drain = Drain(
        journal, database, AuditChain(clock, key), clock=clock, options=DrainOptions(gather_s=0.01)
    )
    names = [f"req_{number:04d}" for number in range(900)]

    async def serve(some: list[str]) -> None:
        for name in some:
            await journal.intent(name, {"tenant": "acme"})
            await journal.outcome(name, {"tenant": "acme", "upstream": None}, None)

    with started(server):
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await drain.start()
        running_requests = asyncio.create_task(serve(names[:300]))
        await asyncio.sleep(0.1)
    await running_requests
    await serve(names[300:600])
    async with asyncio.timeout(30):
        while drain.last_error is None:  # noqa: ASYNC110 - requests gather first, up to a second
            await asyncio.sleep(0.05)
    assert drain.last_error is not None
    assert journal.healthy, "requests go on without the database"
    with started(server):
        await serve(names[600:])
        await drain.flush()
        async with database.session() as session:
            query = select(AuditRecord.request_id).order_by(AuditRecord.seq)
            recorded = list(await session.scalars(query))
            (report,) = await verify_database(session)
        assert await drain.stop()
        await database.dispose()
    assert recorded == names
    assert report.ok
    assert drain.last_error is None
