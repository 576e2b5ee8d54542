"""The one lock order of money: a tenant's balances are moved by one transaction at a time.

It also closes the gap that row locks leave open: opening a budget period sums
the entries so far, and no entry may slip in between.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# PostgreSQL evaluates what is volatile after it has sorted, so the locks come in order.
_LOCK_ALL = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('billing/' || owner, 0)) "
    "FROM unnest(CAST(:owners AS text[])) WITH ORDINALITY AS owners (owner, place) "
    "ORDER BY place"
)


async def lock_tenants(session: AsyncSession, owners: Iterable[str]) -> None:
    """Hold the balances of some tenants and organisations until the transaction ends.

    An organisation is ``@`` and its name, as budgets have it. Organisations come after
    all tenants, so that who holds a tenant and learns then which organisation it needs
    may still lock that.

    On SQLite ``Database.transaction`` has taken the only write lock already.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    in_order = sorted(set(owners), key=lambda name: (name.startswith("@"), name))
    await session.execute(_LOCK_ALL, {"owners": in_order})


async def lock_price_book(session: AsyncSession) -> None:
    """Let nobody else change the price book until the transaction ends."""
    if session.get_bind().dialect.name == "sqlite":
        return
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('price book', 0))"))
