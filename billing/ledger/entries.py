"""Ledger entries page by page, the newest first."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidReport
from billing.ledger.accounts import POSTINGS, of_kind
from billing.models import LedgerEntry
from core.clock import isoformat
from core.money import format_amount

KINDS = tuple(POSTINGS)
_CLOSING = ("settle", "release")
_OWN = tuple(kind for kind in KINDS if kind not in _CLOSING)


async def list_entries(
    session: AsyncSession,
    tenant: str,
    *,
    kind: str | None = None,
    request_id: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[LedgerEntry]:
    """Entries of a tenant by their instants, later ones first.

    Args:
        request_id: of a request, with what corrects it; or of an entry.
        before: the id of the last entry of the page before.

    Raises:
        InvalidReport: no such kind, or ``before`` is no entry of the tenant.
    """
    entry, conditions = LedgerEntry, [LedgerEntry.tenant == tenant]
    if kind is not None:
        if kind not in KINDS:
            raise InvalidReport(f"A kind is one of {', '.join(KINDS)}.", param="kind")
        conditions.append(of_kind(kind))
    if request_id is not None:
        conditions.append(_about(request_id))
    if start is not None:
        conditions.append(entry.at >= start)
    if end is not None:
        conditions.append(entry.at < end)
    if before is not None:
        conditions.append(await _after(session, tenant, before))
    query = select(entry).where(*conditions).order_by(entry.at.desc(), entry.id.desc())
    return list(await session.scalars(query.limit(limit)))


async def get_entry(session: AsyncSession, tenant: str, entry_id: str) -> LedgerEntry:
    """An entry that has an id of its own, such as an adjustment."""
    query = select(LedgerEntry).where(
        LedgerEntry.request_id == entry_id,
        of_kind(*_OWN),
        LedgerEntry.tenant == tenant,
    )
    return (await session.scalars(query)).one()


def entry_to_json(entry: LedgerEntry) -> dict[str, Any]:
    """One entry, the amount as exact text."""
    names = ("id", "request_id", "kind", "tenant", "currency", "debit", "credit")
    names += ("organisation", "reference", "reason", "author")
    body = {name: getattr(entry, name) for name in names}
    return body | {"at": isoformat(entry.at), "amount": format_amount(entry.amount)}


def _about(request_id: str) -> ColumnElement[bool]:
    """Written so that PostgreSQL finds the partial indexes."""
    entry = LedgerEntry
    return or_(
        and_(entry.request_id == request_id, of_kind(*_CLOSING)),
        and_(entry.request_id == request_id, of_kind(*_OWN)),
        entry.reference == request_id,
    )


async def _after(session: AsyncSession, tenant: str, before: int) -> ColumnElement[bool]:
    """What follows an entry on the next page."""
    entry = LedgerEntry
    query = select(entry.at).where(entry.id == before, entry.tenant == tenant)
    at = await session.scalar(query)
    if at is None:
        raise InvalidReport("'before' is the id of an entry of this tenant.", param="before")
    return or_(entry.at < at, and_(entry.at == at, entry.id < before))
