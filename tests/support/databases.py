"""Fresh databases for tests: copies of one that has been made ready."""

import asyncio
import atexit
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from core.database import Database
from migrations.runner import upgrade
from support import postgres

_NUMBERS = count(1)


@contextmanager
def copied(template: str, directory: Path) -> Iterator[str]:
    """URL of a copy of the database that ``template`` is the URL of, for the length of the block.

    Args:
        template: nobody may be connected to it.
        directory: where a copy in a file is put.
    """
    if template.startswith("sqlite"):
        path = directory / "sovgate.db"
        shutil.copyfile(template.partition(":///")[2], path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server, _, source = template.rpartition("/")
    name = f"sovgate_test_{os.getpid()}_{next(_NUMBERS)}"
    # Copied file by file: half the time of a copy through the log, which nobody needs here.
    create = f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY"
    asyncio.run(postgres.execute(server, create))
    try:
        yield f"{server}/{name}"
    finally:
        asyncio.run(postgres.execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def migrated_file() -> Path:
    """An SQLite file at the newest migration that tests copy; lives as long as this process."""
    directory = TemporaryDirectory(prefix="sovgate-sqlite-")
    atexit.register(directory.cleanup)
    path = Path(directory.name) / "template.db"
    with ThreadPoolExecutor(1) as thread:  # whoever asks may be in an event loop
        thread.submit(asyncio.run, migrate(f"sqlite+aiosqlite:///{path}")).result()
    return path


async def migrate(url: str) -> None:
    """Bring a database to the newest migration, as one does before gateways start."""
    database = Database(url)
    try:
        await upgrade(database)
    finally:
        await database.dispose()
