"""PostgreSQL stopped (as a crash would) and started again under running requests."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.clock import SystemClock
from core.database import Base, Database
from gateway.audit import AuditChain, Drain, DrainOptions, SigningKey
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_database
from support import postgres
from support.processes import free_port, running


@contextmanager
def server(directory: Path, port: int) -> Iterator[None]:
    """The server on the data of ``directory``, durable; it is stopped without warning."""
    user = postgres._unprivileged_user()
    binaries = postgres._binaries(directory, user)
    settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=")
    options = [part for setting in settings for part in ("-c", setting)]
    with running(
        [binaries / "postgres", "-D", directory / "data", "-p", str(port), *options],
        ready=postgres._is_ready(binaries, port),
        log=directory / "outage.log",
        cwd=directory,
        user=user,
        stop_signal=signal.SIGQUIT,
    ):
        yield


async def test_an_outage_loses_nothing_and_keeps_the_order(
    journals: Any, key: SigningKey, tmp_path_factory: Any
) -> None:
    directory = tmp_path_factory.mktemp("outage")
    with postgres.postgres_server(directory):
        pass  # makes the data directory
    port, clock = free_port(), SystemClock()
    journal = journals.open(segment_bytes=50_000)
    database = Database(f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres")
    drain = Drain(
        journal, database, AuditChain(clock, key), clock=clock, options=DrainOptions(gather_s=0.01)
    )
    names = [f"req_{number:04d}" for number in range(900)]

    async def serve(some: list[str]) -> None:
        for name in some:
            await journal.intent(name, {"tenant": "acme"})
            await journal.outcome(name, {"tenant": "acme", "upstream": None}, None)

    with server(directory, port):
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await drain.start()
        running_requests = asyncio.create_task(serve(names[:300]))
        await asyncio.sleep(0.1)
    await running_requests
    await serve(names[300:600])
    await asyncio.sleep(0.2)
    assert drain.last_error is not None
    assert journal.healthy, "requests go on without the database"
    with server(directory, port):
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
