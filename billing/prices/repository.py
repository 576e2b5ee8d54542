"""The SQL of the price book's entries, which belong to the deployment and not to a tenant."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import PriceBookEntry


class Revision(NamedTuple):
    """Tells whether the entries are still those that were read.

    Entries are added and archived, never changed and never deleted: two counts say all.
    """

    entries: int
    archived: int


async def revision(session: AsyncSession) -> Revision:
    query = select(func.count(PriceBookEntry.id), func.count(PriceBookEntry.archived_at))
    return Revision(*(await session.execute(query)).one())


async def all_entries(session: AsyncSession) -> Sequence[PriceBookEntry]:
    """By when they were added; archived ones too."""
    query = select(PriceBookEntry).order_by(PriceBookEntry.created_at, PriceBookEntry.id)
    return (await session.scalars(query)).all()


async def get(session: AsyncSession, entry_id: str) -> PriceBookEntry | None:
    return await session.get(PriceBookEntry, entry_id)
