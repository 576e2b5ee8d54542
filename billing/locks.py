"""The one lock order of money: a tenant's balances are moved by one transaction at a time.

It also closes the gap that row locks leave open: opening a budget period sums
the entries so far, and no entry may slip in between.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def lock_tenants(session: AsyncSession, tenants: Iterable[str]) -> None:
    """Hold the balances of some tenants until the transaction ends.

    On SQLite ``Database.transaction`` has taken the only write lock already.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    statement = text("SELECT pg_advisory_xact_lock(hashtextextended('billing/' || :tenant, 0))")
    for tenant in sorted(set(tenants)):
        await session.execute(statement, {"tenant": tenant})


async def lock_price_book(session: AsyncSession) -> None:
    """Let nobody else change the price book until the transaction ends."""
    if session.get_bind().dialect.name == "sqlite":
        return
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('price book', 0))"))
