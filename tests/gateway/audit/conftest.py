"""Fixtures of the audit tests: a journal, a chain, and a database with its tables."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import ManualClock, SystemClock
from core.database import Database
from gateway.audit import AuditChain, Journal, SigningKey

SETTLEMENTS = Table(
    "test_settlements",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("request_id", String(64)),
)


class RecordingSink:
    """Books settlements into a table without any protection against doing it twice."""

    async def apply(self, session: AsyncSession, entries: Any) -> None:
        rows = [{"request_id": entry["request_id"]} for entry in entries]
        await session.execute(insert(SETTLEMENTS), rows)

    async def booked(self, database: Database) -> list[str]:
        async with database.session() as session:
            query = select(SETTLEMENTS.c.request_id).order_by(SETTLEMENTS.c.number)
            return list(await session.scalars(query))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.load_or_create(None, tmp_path / "keys")


@pytest.fixture
def chain(clock: ManualClock, key: SigningKey) -> AuditChain:
    return AuditChain(clock, key)


@pytest.fixture
async def audit_database(database: Database) -> Database:
    """A database of each kind with a table more, for the test's sink."""
    async with database.engine.begin() as connection:
        await connection.run_sync(SETTLEMENTS.metadata.create_all)
    return database


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


class Journals:
    """Opens journals in one directory, each as a process of its own would."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.opened: list[Journal] = []

    def open(self, **options: Any) -> Journal:
        journal = Journal.open(self.directory, SystemClock(), **options)
        self.opened.append(journal)
        return journal

    def abandon(self, journal: Journal) -> None:
        """What the kernel does for a killed process: its locks go, its files stay."""
        self.opened.remove(journal)
        journal._commit.close()
        for log in journal._logs():
            log.close(delete=False)

    async def close(self, journal: Journal) -> None:
        self.opened.remove(journal)
        await journal.close()


@pytest.fixture
async def journals(tmp_path: Path) -> AsyncIterator[Journals]:
    journals = Journals(tmp_path / "journal")
    yield journals
    for journal in [*journals.opened]:
        await journals.close(journal)
