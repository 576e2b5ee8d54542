"""Reads a tenant's records by a filter: newest first for people, oldest first for files.

Times become bounds of ``seq`` by a binary search, since they never go back along a chain.
The rest is looked at record by record, a bounded number of them at a time.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.filters import RecordFilter
from gateway.audit.models import AuditHead, AuditRecord

SCAN = 100_000  # records that one page looks at, at most
BATCH = 1000  # records read at a time for a file
_COLUMNS = AuditRecord.__table__.columns


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first; ``next_before`` goes on where this page stopped looking."""

    records: Sequence[Any]
    next_before: int | None


async def newest(
    session: AsyncSession,
    tenant: str,
    wanted: RecordFilter,
    *,
    limit: int,
    before: int | None = None,
    scan: int = SCAN,
) -> Page:
    """At most ``limit`` records with a ``seq`` below ``before``.

    Looks at ``scan`` records at most: a page can hold fewer, or none, and still have a
    ``next_before`` to go on from.
    """
    low, high = await bounds(session, tenant, wanted)
    if before is not None:
        high = min(high, before - 1)
    floor = low if wanted.request_id is not None else max(low, high - scan + 1)
    query = _select(tenant, wanted, floor, high).order_by(AuditRecord.seq.desc()).limit(limit + 1)
    rows = (await session.execute(query)).all()
    if len(rows) > limit:
        return Page(rows[:limit], rows[limit - 1].seq)
    return Page(rows, floor if floor > low else None)


async def oldest_first(
    session: AsyncSession, tenant: str, wanted: RecordFilter
) -> AsyncIterator[Any]:
    """All of them, in the order of the chain, a batch in memory at a time."""
    low, high = await bounds(session, tenant, wanted)
    while low <= high:
        until = min(low + SCAN - 1, high)
        query = _select(tenant, wanted, low, until).order_by(AuditRecord.seq).limit(BATCH)
        rows = (await session.execute(query)).all()
        for row in rows:
            yield row
        low = rows[-1].seq + 1 if len(rows) == BATCH else until + 1


async def bounds(session: AsyncSession, tenant: str, wanted: RecordFilter) -> tuple[int, int]:
    """First and last ``seq`` that the filter's times leave; the first is larger for none."""
    ends = select(func.min(AuditRecord.seq), func.max(AuditRecord.seq))
    low, high = (await session.execute(ends.where(AuditRecord.tenant == tenant))).one()
    if low is None:
        return 1, 0
    if wanted.end is not None:
        high = await _first_at(session, tenant, wanted.end, low, high) - 1
    if wanted.start is not None:
        low = await _first_at(session, tenant, wanted.start, low, high)
    return low, high


async def find(session: AsyncSession, tenant: str, name: str) -> Any | None:
    """One record, by its number or its request id."""
    query = select(*_COLUMNS).where(AuditRecord.tenant == tenant)
    if name.isascii() and name.isdigit() and len(name) < 19:
        query = query.where(AuditRecord.seq == int(name))
    else:
        query = query.where(AuditRecord.request_id == name)
    return (await session.execute(query)).one_or_none()


async def tenant_of(
    session: AsyncSession, request_id: str, among: Collection[str] | None = None
) -> str | None:
    """Whose record has this id, of all tenants or ``among`` some; one look into each chain."""
    known = (
        select(AuditRecord.seq)
        .where(AuditRecord.tenant == AuditHead.tenant, AuditRecord.request_id == request_id)
        .exists()
    )
    query = select(AuditHead.tenant).where(known)
    if among is not None:
        query = query.where(AuditHead.tenant.in_(among))
    return await session.scalar(query.limit(1))


async def head(session: AsyncSession, tenant: str) -> AuditHead | None:
    """The end of a chain; None if it has no record."""
    return await session.get(AuditHead, tenant)


async def _first_at(session: AsyncSession, tenant: str, time: datetime, low: int, high: int) -> int:
    """The lowest ``seq`` from ``low`` on whose time is not before ``time``; else ``high + 1``."""
    query = select(AuditRecord.seq, AuditRecord.time).where(AuditRecord.tenant == tenant)
    while low <= high:
        middle = (low + high) // 2
        from_here = query.where(AuditRecord.seq.between(middle, high))
        row = (await session.execute(from_here.order_by(AuditRecord.seq).limit(1))).first()
        if row is None or row.time >= time:
            high = middle - 1  # also where erased records leave a gap up to the end
        else:
            low = row.seq + 1
    return low


def _select(tenant: str, wanted: RecordFilter, low: int, high: int) -> Any:
    query = select(*_COLUMNS).where(AuditRecord.tenant == tenant)
    query = query.where(AuditRecord.seq.between(low, high))
    return query.where(*wanted.conditions())
