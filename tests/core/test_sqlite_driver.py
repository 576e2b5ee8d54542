"""SQLite through one turn of its thread a statement: the same results, fewer turns."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from core.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}", busy_timeout_s=0.3)
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE pairs (name TEXT PRIMARY KEY, number INTEGER)"))
    yield database
    await database.dispose()


async def test_rows_counts_and_names_come_back(database: Database) -> None:
    insert = text("INSERT INTO pairs VALUES (:name, :number)")
    async with database.transaction() as session:
        await session.execute(insert, [{"name": n, "number": i} for i, n in enumerate("abc")])
    async with database.transaction() as session:
        changed: Any = await session.execute(text("UPDATE pairs SET number = 9 WHERE number > 0"))
        assert changed.rowcount == 2
        returned = await session.execute(text("DELETE FROM pairs WHERE name = 'a' RETURNING name"))
        assert returned.all() == [("a",)]
    async with database.session() as session:
        found = await session.execute(text("SELECT name, number FROM pairs ORDER BY name"))
        assert list(found.keys()) == ["name", "number"]
        assert found.all() == [("b", 9), ("c", 9)]
        assert (await session.execute(text("SELECT 1 FROM pairs WHERE number = 1"))).all() == []


async def test_an_error_is_the_databases_own(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO pairs VALUES ('a', 1), ('a', 2)"))
    with pytest.raises(OperationalError, match="no such table"):
        async with database.session() as session:
            await session.execute(text("SELECT * FROM nowhere"))
    async with database.session() as session:
        assert (await session.execute(text("SELECT count(*) FROM pairs"))).scalar_one() == 0


async def test_a_statement_takes_one_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, fn: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal turns
        turns += 1
        return await execute(self, fn, *args, **kwargs)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    async with database.transaction() as session:
        for number in range(5):
            await session.execute(text(f"INSERT INTO pairs VALUES ('{number}', {number})"))
    # To begin, the five, to commit; nothing for the way back to the pool.
    assert turns == 7


async def test_a_transaction_that_nobody_waits_for_any_more_is_rolled_back(
    database: Database, tmp_path: Path
) -> None:
    """The thread still waits for the lock when the task is cancelled, and gets it afterwards."""
    holder = sqlite3.connect(tmp_path / "one.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.transaction():
            pass

    task = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)
    holder.execute("COMMIT")
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(3):  # whichever connection the pool lends
        await asyncio.sleep(0.05)
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("COMMIT")
        await write()
    holder.close()
