"""The one lock order of money: a tenant's balances are moved by one transaction at a time.

It also closes the gap that row locks leave open: opening a budget period sums
the entries so far, and no entry may slip in between.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def lock_tenants(session: AsyncSession, owners: Iterable[str]) -> None:
    """Hold the balances of some tenants and organisations until the transaction ends.

    An organisation is ``@`` and its name, as budgets have it. Organisations come after
    all tenants, so that who holds a tenant and learns then which organisation it needs
    may still lock that.

    On SQLite ``Database.transaction`` has taken the only write lock already.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    statement = text("SELECT pg_advisory_xact_lock(hashtextextended('billing/' || :owner, 0))")
    for owner in sorted(set(owners), key=lambda name: (name.startswith("@"), name)):
        await session.execute(statement, {"owner": owner})


async def lock_price_book(session: AsyncSession) -> None:
    """Let nobody else change the price book until the transaction ends."""
    if session.get_bind().dialect.name == "sqlite":
        return
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('price book', 0))"))
