"""Corrections: new entries, never changes of old ones."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.errors import InvalidSettlement, PeriodInvoiced
from billing.ledger.accounts import POSTINGS, move_accounts
from billing.locks import lock_tenants
from billing.models import Invoice, LedgerEntry, UsageRecord
from core.clock import Clock
from core.ids import new_id
from core.money import EXACT, parse_amount


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
    posted = at or now
    record = await _record(session, tenant, request_id) if request_id else None
    entry = LedgerEntry(
        request_id=new_id("adj"),
        kind="adjustment",
        tenant=tenant,
        at=posted,
        amount=amount,
        currency=currency,
        debit=POSTINGS["adjustment"][0],
        credit=POSTINGS["adjustment"][1],
        organisation=organisation,
        reference=request_id,
        reason=reason,
        author=author,
    )
    for budget in await repository.all_budgets(session, [tenant]):
        scopes = {"tenant": tenant}
        if record is not None:
            scopes |= {"project": record.project_id, "key": record.key_id}
        if scopes.get(budget.scope) == budget.scope_id:
            period = await repository.open_period(session, budget, posted)
            period.spent = EXACT.add(period.spent, amount)
    session.add(entry)
    await move_accounts(session, [(tenant, "adjustment", currency, amount)])
    await session.flush()
    return entry.request_id


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
