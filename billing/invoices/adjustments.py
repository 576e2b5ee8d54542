"""Corrections as lines of an invoice: those with the same reason stand in one line."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoices import wording
from billing.invoices.membership import Membership
from billing.models import InvoiceLine, LedgerEntry, UsageRecord
from billing.periods import Period, PeriodKind, period_at
from core.database import amount_sum


async def adjustment_lines(session: AsyncSession, member: Membership) -> list[InvoiceLine]:
    """A line per month, project, model, tier and reason: re-rating enters thousands at once."""
    late = await _earliest_late(session, member)
    months = [period_at(PeriodKind.MONTH, member.start)]
    if late is not None and member.previous is not None:
        months += _months(late, member.previous.ends_at)
    return [line for month in months for line in await _of_month(session, member, month)]


async def _earliest_late(session: AsyncSession, member: Membership) -> datetime | None:
    query = select(func.min(LedgerEntry.at)).where(
        member.carried_over, LedgerEntry.kind == "adjustment"
    )
    return await session.scalar(query)


def _months(start: datetime, end: datetime) -> Iterator[Period]:
    at: datetime | None = start
    while at is not None and at < end:
        month = period_at(PeriodKind.MONTH, at)
        yield month
        at = month.ends_at


async def _of_month(session: AsyncSession, member: Membership, month: Period) -> list[InvoiceLine]:
    entry, record = LedgerEntry, UsageRecord
    groups: tuple[Any, ...] = (record.project_id, record.model, record.tier, entry.reason)
    query = (
        select(*groups, func.count(), func.min(entry.reference), amount_sum(entry.amount))
        .outerjoin(record, record.request_id == entry.reference)
        .where(
            or_(member.in_month, member.carried_over),
            entry.kind == "adjustment",
            entry.at >= month.starts_at,
            entry.at < month.ends_at,
        )
        .group_by(*groups)
    )
    return [_line(month.label, *tuple(row)) for row in await session.execute(query)]


def _line(
    month: str,
    project_id: str | None,
    model: str | None,
    tier: str | None,
    reason: str | None,
    entries: int,
    reference: str | None,
    amount: Decimal,
) -> InvoiceLine:
    return InvoiceLine(
        month=month,
        project_id=project_id,
        model=model,
        tier=tier,
        token_class=wording.ADJUSTMENT,
        description=wording.adjustment(reason, entries),
        quantity=Decimal(1),
        unit_price=amount,
        per=1,
        amount=amount,
        reference=reference if entries == 1 else None,
    )
