"""SQL of budgets, periods and leases.

Every function that moves money expects ``lock_tenants`` to have been called in
its transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import UnknownBudget
from billing.models import Budget, BudgetLease, BudgetPeriod, LedgerEntry, UsageRecord
from billing.periods import Period, PeriodKind, period_at
from core.database import amount_sum
from core.money import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease as a heartbeat sees it; ``over``: its period has more out than its limit."""

    amount: Decimal
    recalled_at: datetime | None
    over: bool


def period_id(budget_id: str, period: Period) -> str:
    return f"{budget_id}/{period.label}"


async def active_budgets(session: AsyncSession, tenants: Collection[str]) -> list[Budget]:
    query = select(Budget).where(Budget.tenant.in_(tenants), Budget.archived_at.is_(None))
    return list(await session.scalars(query.order_by(Budget.id)))


async def all_budgets(session: AsyncSession, tenants: Collection[str]) -> list[Budget]:
    """Archived ones too: their open periods still take what was reserved from them."""
    query = select(Budget).where(Budget.tenant.in_(tenants))
    return list(await session.scalars(query.order_by(Budget.id)))


async def open_period(session: AsyncSession, budget: Budget, at: datetime) -> BudgetPeriod:
    """The period of an instant, made when first asked for, with what was spent before."""
    period = period_at(PeriodKind(budget.period), at)
    key = period_id(budget.id, period)
    found = await session.get(BudgetPeriod, key, with_for_update=True, populate_existing=True)
    if found is not None:
        return found
    opened = BudgetPeriod(
        id=key,
        budget_id=budget.id,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        spent=await spent_within(session, budget, period),
        leased=ZERO,
    )
    session.add(opened)
    await session.flush()
    return opened


async def spent_within(session: AsyncSession, budget: Budget, period: Period) -> Decimal:
    """The sum of the entries in a budget's scope and period: what ``spent`` must be."""
    within = (
        LedgerEntry.tenant == budget.tenant,
        LedgerEntry.at >= period.starts_at,
        LedgerEntry.at < period.ends_at if period.ends_at else true(),
    )
    settled = select(amount_sum(LedgerEntry.amount)).where(LedgerEntry.kind == "settle", *within)
    adjusted = select(amount_sum(LedgerEntry.amount)).where(
        LedgerEntry.kind == "adjustment", *within
    )
    if budget.scope != "tenant":
        column = UsageRecord.project_id if budget.scope == "project" else UsageRecord.key_id
        in_scope = column == budget.scope_id
        record = UsageRecord.request_id
        settled = settled.join(UsageRecord, record == LedgerEntry.request_id).where(in_scope)
        adjusted = adjusted.join(UsageRecord, record == LedgerEntry.reference).where(in_scope)
    return EXACT.add(await session.scalar(settled) or ZERO, await session.scalar(adjusted) or ZERO)


async def periods_of(session: AsyncSession, budget_ids: Collection[str]) -> list[BudgetPeriod]:
    query = select(BudgetPeriod).where(BudgetPeriod.budget_id.in_(budget_ids))
    return list(await session.scalars(query.order_by(BudgetPeriod.id).with_for_update()))


async def get_budget(session: AsyncSession, budget_id: str) -> Budget:
    """The budget as it is now.

    Raises:
        UnknownBudget: it does not exist.
    """
    found = await session.get(Budget, budget_id, populate_existing=True)
    if found is None:
        raise UnknownBudget(f"There is no budget {budget_id}; list the tenant's budgets.")
    return found


async def spent_of(
    session: AsyncSession, budgets: Sequence[Budget], at: datetime
) -> dict[str, Decimal]:
    """Spent so far by budget id, for those whose period of that instant is open."""
    ids = [period_id(b.id, period_at(PeriodKind(b.period), at)) for b in budgets]
    query = select(BudgetPeriod.budget_id, BudgetPeriod.spent).where(BudgetPeriod.id.in_(ids))
    return {row.budget_id: row.spent for row in await session.execute(query)} if ids else {}


async def leases_by_id(session: AsyncSession, ids: Collection[str]) -> list[BudgetLease]:
    """Locked, in the order in which everybody locks them."""
    query = select(BudgetLease).where(BudgetLease.id.in_(ids)).order_by(BudgetLease.id)
    return list(await session.scalars(query.with_for_update()))


async def lease_ids(session: AsyncSession, condition: ColumnElement[bool]) -> list[str]:
    return list(await session.scalars(select(BudgetLease.id).where(condition)))


async def lease_views(session: AsyncSession, ids: Collection[str]) -> dict[str, LeaseView]:
    query = (
        select(
            BudgetLease.id,
            BudgetLease.amount,
            BudgetPeriod.recalled_at,
            BudgetPeriod.spent,
            BudgetPeriod.leased,
            Budget.limit,
        )
        .join(BudgetPeriod, BudgetPeriod.id == BudgetLease.period_id)
        .join(Budget, Budget.id == BudgetPeriod.budget_id)
        .where(BudgetLease.id.in_(ids))
    )
    views: dict[str, LeaseView] = {}
    for lease_id, amount, recalled_at, spent, leased, limit in await session.execute(query):
        views[lease_id] = LeaseView(amount, recalled_at, EXACT.add(spent, leased) > limit)
    return views


async def renew_leases(session: AsyncSession, ids: Collection[str], until: datetime) -> set[str]:
    """The ids of those that still exist; rows are locked in order, against deadlocks."""
    found = [lease.id for lease in await leases_by_id(session, ids)]
    if found:
        renewal = update(BudgetLease).where(BudgetLease.id.in_(found)).values(expires_at=until)
        await session.execute(renewal, execution_options={"synchronize_session": False})
    return set(found)


async def expired_leases(
    session: AsyncSession, period: BudgetPeriod, before: datetime
) -> list[BudgetLease]:
    query = select(BudgetLease).where(
        BudgetLease.period_id == period.id, BudgetLease.expires_at < before
    )
    return list(await session.scalars(query.order_by(BudgetLease.id).with_for_update()))


async def tenants_of_leases(session: AsyncSession, ids: Collection[str]) -> set[str]:
    query = select(Budget.tenant).join(BudgetPeriod).join(BudgetLease)
    return set(await session.scalars(query.where(BudgetLease.id.in_(ids)).distinct()))


async def return_lease(session: AsyncSession, lease: BudgetLease) -> None:
    """Give all that is in a lease back to its period and delete it."""
    period = await session.get_one(BudgetPeriod, lease.period_id, with_for_update=True)
    period.leased = EXACT.subtract(period.leased, lease.amount)
    await session.delete(lease)
    await session.flush()
