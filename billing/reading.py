"""One consistent view of the database for reports and checks, while others write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[AsyncSession]:
    """A session for reading in which nothing changes between two queries."""
    async with database.session() as session:
        begin = "BEGIN" if database.is_sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        await (await session.connection()).execute(text(begin))
        yield session
