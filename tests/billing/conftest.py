"""What the tests of money share: a frozen clock, prices worked out by hand, a small stage."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from billing import models
from billing.ledger.ddl import append_only_ddl
from core.clock import ManualClock
from core.database import Base, Database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        tables = [
            m.local_table for m in Base.registry.mappers if m.class_.__module__ == models.__name__
        ]
        await connection.run_sync(lambda c: Base.metadata.create_all(c, tables=tables))
        for statement in append_only_ddl(connection.dialect.name):
            await connection.execute(text(statement))
    yield database
    await database.dispose()
