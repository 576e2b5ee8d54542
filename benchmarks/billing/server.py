"""A PostgreSQL for a benchmark: durable, on a disk of the caller's choice, migrated.

The server is the one of the tests (``tests/support``), with durability on and memory
as a small production server would have. It knows nothing of what is measured.
"""

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
from sqlalchemy import text

from core.database import Database
from migrations.runner import upgrade

_TESTS = Path(__file__).resolve().parents[2] / "tests"

# What differs from PostgreSQL's defaults; a commit waits for the disk, as by default.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "512MB",
    "random_page_cost": "1.1",
    "jit": "off",
}


@contextmanager
def bench_server(directory: Path | None) -> Iterator[str]:
    """A server whose data lies in a new folder under ``directory``; gives its URL."""
    if str(_TESTS) not in sys.path:
        sys.path.append(str(_TESTS))
    from support.postgres import postgres_server

    with (
        tempfile.TemporaryDirectory(prefix="sovgate-bench-", dir=directory) as folder,
        postgres_server(Path(folder), SETTINGS) as url,
    ):
        yield f"{url}/postgres"


@asynccontextmanager
async def migrated(url: str) -> AsyncIterator[Database]:
    """The database behind ``url`` with every table."""
    database = Database(url)
    try:
        await upgrade(database)
        yield database
    finally:
        await database.dispose()


class Stopwatch:
    """CPU seconds of this process and of the server's processes on this machine."""

    def __init__(self, server: psutil.Process | None) -> None:
        self._server = server
        self._own, self._theirs = psutil.Process().cpu_times(), self._server_s()

    def own_s(self) -> float:
        now = psutil.Process().cpu_times()
        return now.user + now.system - self._own.user - self._own.system

    def server_s(self) -> float:
        return self._server_s() - self._theirs

    def _server_s(self) -> float:
        if self._server is None:
            return 0.0
        times = self._server.cpu_times()
        total = times.children_user + times.children_system
        for process in (self._server, *self._server.children(recursive=True)):
            used = process.cpu_times()
            total += used.user + used.system
        return total


async def server_process(database: Database) -> psutil.Process | None:
    """The server's first process, where it runs on this machine and is PostgreSQL."""
    if database.is_sqlite:
        return None
    async with database.session() as session:
        backend = await session.scalar(text("SELECT pg_backend_pid()"))
    try:
        return psutil.Process(backend).parent()
    except psutil.NoSuchProcess:
        return None
