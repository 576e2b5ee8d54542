"""Corrections: new entries, never changes of old ones."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.errors import InvalidSettlement
from billing.ledger.accounts import POSTINGS, move_accounts
from billing.locks import lock_tenants
from billing.models import LedgerEntry, UsageRecord
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
) -> str:
    """Enter a correction of now: positive charges, negative credits.

    It counts in the budgets of the request's project and key, or in the tenant's
    alone where no request is named, in the running periods.

    Returns:
        The id of the entry (``adj_...``).

    Raises:
        InvalidSettlement: the tenant has no settled request of that id.
    """
    amount, now = parse_amount(amount), clock.now()
    await lock_tenants(session, [tenant])
    record = await _record(session, tenant, request_id) if request_id else None
    entry = LedgerEntry(
        request_id=new_id("adj"),
        kind="adjustment",
        tenant=tenant,
        at=now,
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
            period = await repository.open_period(session, budget, now)
            period.spent = EXACT.add(period.spent, amount)
    session.add(entry)
    await move_accounts(session, [(tenant, "adjustment", currency, amount)])
    await session.flush()
    return entry.request_id


async def _record(session: AsyncSession, tenant: str, request_id: str) -> UsageRecord:
    query = select(UsageRecord).where(
        UsageRecord.tenant == tenant, UsageRecord.request_id == request_id
    )
    record = await session.scalar(query)
    if record is None:
        raise InvalidSettlement(f"Tenant {tenant} has no settled request {request_id}.")
    return record
