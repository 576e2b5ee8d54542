"""Traffic as pieces that can be priced anew: by the hour from roll-ups, or request by request."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import of_kind
from billing.ledger.rerated import is_rerating
from billing.models import LedgerEntry, UsageRecord
from billing.prices import UNPRICED
from billing.reports import grouping
from billing.reports.source import Source
from billing.reports.usage import usage_report
from billing.usage import TOKEN_CLASSES, Usage
from core.database import amount_sum

Tenants = str | Collection[str] | None
_GROUPS = ("tenant", "trend", "tier", "price_version", "hour")
_TOKENS = tuple(f"{name}_tokens" for name in TOKEN_CLASSES)


@dataclass(frozen=True, slots=True)
class Piece:
    """Requests of one tenant, trend, tier and rate at one instant, and what they cost."""

    tenant: str
    trend: str | None
    tier: str | None
    rate: str
    at: datetime
    requests: int
    usage: Usage
    cost: Decimal


async def pieces(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime, *, precise: bool
) -> AsyncIterator[Piece]:
    """The traffic of ``[start, end)`` that had a price.

    Args:
        precise: a piece per request, instead of per hour.
    """
    read = _by_request if precise else _by_hour
    async for piece in read(session, tenant, start, end):
        yield piece


async def _by_hour(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime
) -> AsyncIterator[Piece]:
    report = await usage_report(session, tenant, start, end, group_by=_GROUPS)
    for row in report.rows:
        owner, trend, tier, rate, hour = row.group
        if rate != UNPRICED:
            usage = _usage(row.tokens, row.worker_seconds)
            at = datetime.fromisoformat(str(hour))
            yield Piece(str(owner), trend, tier, str(rate), at, row.requests or 0, usage, row.cost)


async def _by_request(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime
) -> AsyncIterator[Piece]:
    query = select(*_columns(), UsageRecord.cost).where(
        *_within(tenant, start, end), UsageRecord.price_version != UNPRICED
    )
    async for row in await session.stream(query):
        yield _piece(*row)


async def priced_later(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime
) -> AsyncIterator[Piece]:
    """Requests that had none and that re-rating has priced since: their cost is its entries."""
    columns = _columns()
    query = (
        select(*columns, amount_sum(LedgerEntry.amount))
        .join(LedgerEntry, LedgerEntry.reference == UsageRecord.request_id)
        .where(
            *_within(tenant, start, end),
            UsageRecord.price_version == UNPRICED,
            LedgerEntry.tenant == UsageRecord.tenant,
            is_rerating(LedgerEntry),
        )
        .group_by(*columns, UsageRecord.request_id)
    )
    async for row in await session.stream(query):
        yield _piece(*row)


async def adjusted(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime
) -> dict[tuple[str, str | None], Decimal]:
    """What was corrected, whenever, of priced requests of the span: by tenant and trend."""
    record = UsageRecord
    query = (
        select(record.tenant, record.trend, amount_sum(LedgerEntry.amount))
        .join(LedgerEntry, LedgerEntry.reference == record.request_id)
        .where(
            *_within(tenant, start, end),
            record.price_version != UNPRICED,
            LedgerEntry.tenant == record.tenant,
            of_kind("adjustment"),
        )
        .group_by(record.tenant, record.trend)
    )
    return {(row[0], row[1]): row[2] for row in await session.execute(query)}


async def unpriced(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime
) -> dict[tuple[str, str | None], int]:
    """Requests that have no price to this day: by tenant and trend."""
    record = UsageRecord
    rerated = (
        select(LedgerEntry.id)
        .where(LedgerEntry.reference == record.request_id, is_rerating(LedgerEntry))
        .exists()
    )
    query = (
        select(record.tenant, record.trend, func.count())
        .where(*_within(tenant, start, end), record.price_version == UNPRICED, ~rerated)
        .group_by(record.tenant, record.trend)
    )
    return {(row[0], row[1]): row[2] for row in await session.execute(query)}


def _columns() -> list[Any]:
    record = UsageRecord
    head = [record.tenant, record.trend, record.tier, record.price_version, record.at]
    return [*head, *(getattr(record, name) for name in _TOKENS), record.worker_seconds]


def _within(tenant: Tenants, start: datetime, end: datetime) -> list[ColumnElement[bool]]:
    return grouping.conditions(Source(UsageRecord, start, end), tenant, {})


def _piece(
    tenant: str, trend: str | None, tier: str | None, rate: str, at: datetime, *counts: Any
) -> Piece:
    *tokens, seconds, cost = counts
    return Piece(tenant, trend, tier, rate, at, 1, _usage(tokens, seconds), cost)


def _usage(tokens: Sequence[int], seconds: Decimal) -> Usage:
    counts: dict[str, Any] = dict(zip(_TOKENS, tokens, strict=True))
    return Usage(**counts, worker_seconds=seconds)
