"""Which ledger entries stand on an invoice: every one on exactly one.

An invoice of a month holds the month's entries, and those that came too late for
the invoice before it: dated before that one's end, but entered after it was
issued. Months are issued in order, so nothing else can be left.

Whoever issues holds the tenant's lock; then all entries so far are visible, and
later ones have higher ids.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.invoices import repository
from billing.ledger.accounts import is_charge
from billing.models import LedgerEntry
from billing.periods import PeriodKind, month_span, period_at
from core.database import amount_sum
from core.money import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class Issued:
    """How far a final invoice reaches: to an instant, and to a ledger entry."""

    ends_at: datetime
    last_entry: int


@dataclass(frozen=True, slots=True)
class Membership:
    """What an invoice of a month holds.

    Args:
        previous: the final invoice before it.
        pending: an earlier month that has entries and no final invoice: it comes
            first, and takes the late entries with it.
        last_entry: the highest entry there is.
    """

    tenant: str
    month: str
    start: datetime
    end: datetime
    previous: Issued | None
    pending: str | None
    last_entry: int

    @property
    def in_month(self) -> ColumnElement[bool]:
        at = LedgerEntry.at
        known = LedgerEntry.id <= self.last_entry
        return and_(self._charged, at >= self.start, at < self.end, known)

    @property
    def carried_over(self) -> ColumnElement[bool]:
        """Too late for the invoice before."""
        if self.previous is None or self.pending is not None:
            return false()
        late = and_(
            LedgerEntry.at < self.previous.ends_at,
            LedgerEntry.id > self.previous.last_entry,
            LedgerEntry.id <= self.last_entry,
        )
        return and_(self._charged, late)

    @property
    def _charged(self) -> ColumnElement[bool]:
        return and_(LedgerEntry.tenant == self.tenant, is_charge())

    async def total(self, session: AsyncSession, currency: str) -> tuple[int, Decimal]:
        """How many entries there are, and their sum.

        Raises:
            LedgerMismatch: one is in another currency.
        """
        entries, total = 0, ZERO
        # One after the other: each has an index of its own, an OR of both has none.
        for held in (self.in_month, self.carried_over):
            query: Any = (
                select(LedgerEntry.currency, func.count(), amount_sum(LedgerEntry.amount))
                .where(held)
                .group_by(LedgerEntry.currency)
            )
            for row in await session.execute(query):
                found, count, amount = tuple(row)
                if found != currency:
                    raise LedgerMismatch(
                        f"Tenant {self.tenant} has entries in {found}, which an invoice in "
                        f"{currency} cannot add up; the ledger has one currency."
                    )
                entries, total = entries + count, EXACT.add(total, amount)
        return entries, total


async def membership(session: AsyncSession, tenant: str, month: str) -> Membership:
    """What an invoice of this month would hold now.

    Raises:
        InvalidReport: the text is no month.
    """
    start, end = month_span(month)
    latest = await repository.latest_final(session, tenant)
    previous = None if latest is None else Issued(latest.ends_at, latest.last_entry)
    return Membership(
        tenant=tenant,
        month=month,
        start=start,
        end=end,
        previous=previous,
        pending=await _pending(session, tenant, previous, start),
        last_entry=await repository.last_entry(session),
    )


async def _pending(
    session: AsyncSession, tenant: str, previous: Issued | None, before: datetime
) -> str | None:
    """The earliest month after the last final invoice that has entries, before an instant."""
    query = select(LedgerEntry.at).where(
        LedgerEntry.tenant == tenant, is_charge(), LedgerEntry.at < before
    )
    if previous is not None:
        query = query.where(LedgerEntry.at >= previous.ends_at)
    earliest = await session.scalar(query.order_by(LedgerEntry.at).limit(1))
    return None if earliest is None else period_at(PeriodKind.MONTH, earliest).label
