"""Corrections: new entries, never changes of old ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.budgets.periods import load_periods, note_thresholds, open_periods
from billing.budgets.scopes import Spender
from billing.errors import InvalidSettlement, PeriodInvoiced
from billing.ledger.accounts import POSTINGS, move_accounts
from billing.ledger.balances import Charges
from billing.locks import lock_tenants
from billing.models import Budget, BudgetPeriod, Invoice, LedgerEntry, UsageRecord
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

    def spender(self, tenant: str) -> Spender:
        """In whose budgets it counts: where no request is named, in those of the whole alone."""
        record = self.record
        if record is None:
            return Spender(tenant, organisation=self.organisation)
        return Spender(tenant, record.project_id, record.key_id, self.organisation, record.end_user)


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

    It counts in the budgets that bound the request, or in the tenant's and the
    organisation's alone where no request is named, in the periods of its date.

    Args:
        organisation: the tenant's, where no request is named; that of a request is
            the one in which it was served.
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
    record = None
    if request_id is not None:
        record, organisation = await _request(session, tenant, request_id)
    correction = Correction(
        id=new_id("adj"),
        amount=amount,
        at=at or now,
        reason=reason,
        author=author,
        record=record,
        organisation=organisation,
        currency=currency,
    )
    await enter(session, tenant, [correction], now)
    return correction.id


async def enter(
    session: AsyncSession, tenant: str, corrections: Sequence[Correction], now: datetime
) -> int:
    """Enter those whose id the ledger does not know, and move what they move.

    The caller holds the tenant's lock; those of organisations are taken here.

    Returns:
        How many were entered.
    """
    await lock_tenants(session, _organisations(tenant, corrections))
    # Opening a period sums the entries so far, so it comes before they are written.
    periods, budgets = await _open(session, tenant, corrections, now)
    table = cast(Table, LedgerEntry.__table__)
    rows = [_row(tenant, correction) for correction in corrections]
    added = await insert_new(session, table, rows, table.c.request_id)
    entered = {name for (name,) in added}
    fresh = [correction for correction in corrections if correction.id in entered]
    charges = _charges(budgets, tenant, fresh)
    changed = [(key.budget, periods[id_]) for id_, key in charges.keys.items() if id_ in periods]
    for _, period in changed:
        period.spent = EXACT.add(period.spent, charges.amounts[period.id])
    movements = [(tenant, "adjustment", one.currency, one.amount) for one in fresh]
    await move_accounts(session, movements)
    await session.flush()
    await note_thresholds(session, changed, now)
    return len(fresh)


def _organisations(tenant: str, corrections: Iterable[Correction]) -> set[str]:
    owners = {owner for one in corrections for owner in one.spender(tenant).owners}
    return owners - {tenant}


async def _open(
    session: AsyncSession, tenant: str, corrections: Sequence[Correction], now: datetime
) -> tuple[dict[str, BudgetPeriod], list[Budget]]:
    """The budget periods that corrections count in, and the budgets of their owners."""
    owners = {tenant} | _organisations(tenant, corrections)
    budgets = await repository.all_budgets(session, owners)
    keys = _charges(budgets, tenant, corrections).keys
    ended = [id_ for id_, key in keys.items() if key.budget.archived_at is not None]
    periods = await load_periods(session, ended)
    opened = await open_periods(session, [keys[id_] for id_ in keys.keys() - set(ended)], now)
    return periods | opened, budgets


def _charges(budgets: Iterable[Budget], tenant: str, corrections: Iterable[Correction]) -> Charges:
    charges = Charges(budgets)
    for one in corrections:
        charges.add(one.spender(tenant), one.at, one.amount)
    return charges


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


async def _request(
    session: AsyncSession, tenant: str, request_id: str
) -> tuple[UsageRecord, str | None]:
    """A settled request, and the organisation that its entry names."""
    query = (
        select(UsageRecord, LedgerEntry.organisation)
        .join(LedgerEntry, LedgerEntry.request_id == UsageRecord.request_id)
        .where(
            UsageRecord.tenant == tenant,
            UsageRecord.request_id == request_id,
            LedgerEntry.kind == "settle",
        )
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise InvalidSettlement(f"Tenant {tenant} has no settled request {request_id}.")
    return found[0], found[1]
