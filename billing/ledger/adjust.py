"""Corrections: new entries, never changes of old ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.errors import InvalidSettlement, PeriodInvoiced
from billing.ledger.accounts import POSTINGS, move_accounts
from billing.locks import lock_tenants
from billing.models import Budget, BudgetPeriod, Invoice, LedgerEntry, UsageRecord
from billing.periods import PeriodKind, period_at
from core.batches import insert_new
from core.clock import Clock
from core.ids import new_id
from core.money import EXACT, parse_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One entry to make: its id makes it idempotent; ``record`` is the request corrected."""

    id: str
    amount: Decimal
    at: datetime
    reason: str
    author: str
    record: UsageRecord | None = None
    organisation: str | None = None
    currency: str = "USD"

    def counts_in(self, budget: Budget, tenant: str) -> bool:
        """Where no request is named, in the tenant's budgets alone."""
        scopes = {"tenant": tenant}
        if self.record is not None:
            scopes |= {"project": self.record.project_id, "key": self.record.key_id}
        return scopes.get(budget.scope) == budget.scope_id


async def adjust(
    session: AsyncSession,
    clock: Clock,
    *,
    tenant: str,
    amount: Decimal | str,
    reason: str,
    author: str,
    request_id: str | None = None,
    organisation: str | None = None,
    currency: str = "USD",
    at: datetime | None = None,
) -> str:
    """Enter a correction: positive charges, negative credits.

    It counts in the budgets of the request's project and key, or in the tenant's
    alone where no request is named, in the periods of its date.

    Args:
        at: its date, in a month that is not invoiced yet; ``None``: now.

    Returns:
        The id of the entry (``adj_...``).

    Raises:
        InvalidSettlement: the tenant has no settled request of that id, or the
            date lies ahead.
        PeriodInvoiced: the month of the date has a final invoice.
    """
    amount, now = parse_amount(amount), clock.now()
    await lock_tenants(session, [tenant])
    if at is not None:
        await _check_date(session, tenant, at, now)
    correction = Correction(
        id=new_id("adj"),
        amount=amount,
        at=at or now,
        reason=reason,
        author=author,
        record=await _record(session, tenant, request_id) if request_id else None,
        organisation=organisation,
        currency=currency,
    )
    await enter(session, tenant, [correction])
    return correction.id


async def enter(session: AsyncSession, tenant: str, corrections: Sequence[Correction]) -> int:
    """Enter those whose id the ledger does not know, and move what they move.

    The caller holds the tenant's lock.

    Returns:
        How many were entered.
    """
    # Opening a period sums the entries so far, so it comes before they are written.
    periods = await _periods(session, tenant, corrections)
    table = cast(Table, LedgerEntry.__table__)
    rows = [_row(tenant, correction) for correction in corrections]
    entered = set(await insert_new(session, table, rows, table.c.request_id))
    fresh = [correction for correction in corrections if correction.id in entered]
    for period, ids in periods:
        for correction in fresh:
            if correction.id in ids:
                period.spent = EXACT.add(period.spent, correction.amount)
    movements = [(tenant, "adjustment", one.currency, one.amount) for one in fresh]
    await move_accounts(session, movements)
    await session.flush()
    return len(fresh)


async def _periods(
    session: AsyncSession, tenant: str, corrections: Sequence[Correction]
) -> list[tuple[BudgetPeriod, set[str]]]:
    """The budget periods that corrections count in, each once, with their ids."""
    found: list[tuple[BudgetPeriod, set[str]]] = []
    for budget in await repository.all_budgets(session, [tenant]):
        kind, dated = PeriodKind(budget.period), dict[str, list[Correction]]()
        for correction in corrections:
            if correction.counts_in(budget, tenant):
                dated.setdefault(period_at(kind, correction.at).label, []).append(correction)
        for members in dated.values():
            period = await repository.open_period(session, budget, members[0].at)
            found.append((period, {member.id for member in members}))
    return found


def _row(tenant: str, correction: Correction) -> dict[str, Any]:
    names = ("amount", "at", "reason", "author", "organisation", "currency")
    debit, credit = POSTINGS["adjustment"]
    return {
        "request_id": correction.id,
        "kind": "adjustment",
        "tenant": tenant,
        "debit": debit,
        "credit": credit,
        "reference": correction.record.request_id if correction.record else None,
        **{name: getattr(correction, name) for name in names},
    }


async def _check_date(session: AsyncSession, tenant: str, at: datetime, now: datetime) -> None:
    if at > now:
        raise InvalidSettlement("A correction is dated until now, not into the future.", param="at")
    query = select(Invoice.number).where(
        Invoice.tenant == tenant,
        Invoice.kind == "invoice",
        Invoice.status == "final",
        Invoice.ends_at > at,
    )
    number = await session.scalar(query.order_by(Invoice.starts_at).limit(1))
    if number is not None:
        raise PeriodInvoiced(
            f"That date is invoiced ({number}). Leave it out, and the correction stands on the "
            "next invoice; or issue a credit note.",
            param="at",
        )


async def _record(session: AsyncSession, tenant: str, request_id: str) -> UsageRecord:
    query = select(UsageRecord).where(
        UsageRecord.tenant == tenant, UsageRecord.request_id == request_id
    )
    record = await session.scalar(query)
    if record is None:
        raise InvalidSettlement(f"Tenant {tenant} has no settled request {request_id}.")
    return record
