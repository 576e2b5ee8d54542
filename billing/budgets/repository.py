"""SQL of budgets and leases; the periods' balances are in ``periods`` and ``spending``.

An owner is a tenant or an organisation (``scopes.organisation_owner``). Every function
that moves money expects ``lock_tenants`` to have been called in its transaction.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets.raises import NOT_RAISED, Raised, active_raises
from billing.models import Budget, BudgetLease, BudgetPeriod
from core.money import EXACT

_MOST_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease as a heartbeat sees it.

    Args:
        over: its period has more out than its effective limit.
        raised: the raises of its budget.
    """

    amount: Decimal
    recalled_at: datetime | None
    over: bool
    raised: Raised


async def active_budgets(session: AsyncSession, owners: Collection[str]) -> list[Budget]:
    query = select(Budget).where(Budget.tenant.in_(owners), Budget.archived_at.is_(None))
    return list(await session.scalars(query.order_by(Budget.id)))


async def all_budgets(session: AsyncSession, owners: Collection[str]) -> list[Budget]:
    """Archived ones too: their open periods still take what was reserved from them."""
    query = select(Budget).where(Budget.tenant.in_(owners))
    return list(await session.scalars(query.order_by(Budget.id)))


async def budgets_by_id(session: AsyncSession, ids: Collection[str]) -> dict[str, Budget]:
    """As they are now."""
    query = select(Budget).where(Budget.id.in_(ids))
    rows = await session.scalars(query, execution_options={"populate_existing": True})
    return {row.id: row for row in rows}


async def used_up_periods(
    session: AsyncSession, budgets: Sequence[Budget], at: datetime
) -> dict[str, frozenset[str]]:
    """The running periods, by budget, in which the effective limit is spent."""
    limits = {budget.id: budget.limit for budget in budgets}
    if not limits:
        return {}
    raised = await active_raises(session, limits, at)
    query = select(BudgetPeriod.id, BudgetPeriod.budget_id, BudgetPeriod.spent).where(
        BudgetPeriod.budget_id.in_(limits),
        BudgetPeriod.over_at.is_not(None),
        or_(BudgetPeriod.ends_at.is_(None), BudgetPeriod.ends_at > at),
    )
    found: dict[str, set[str]] = {}
    for id_, budget_id, spent in await session.execute(query):
        if spent >= EXACT.add(limits[budget_id], raised.get(budget_id, NOT_RAISED).amount):
            found.setdefault(budget_id, set()).add(id_)
    return {budget_id: frozenset(ids) for budget_id, ids in found.items()}


async def leases_by_id(session: AsyncSession, ids: Collection[str]) -> list[BudgetLease]:
    """Locked, in the order in which everybody locks them."""
    found: list[BudgetLease] = []
    for part in _parts(ids):
        query = select(BudgetLease).where(BudgetLease.id.in_(part)).order_by(BudgetLease.id)
        found += await session.scalars(query.with_for_update())
    return found


async def lease_ids(session: AsyncSession, condition: ColumnElement[bool]) -> list[str]:
    return list(await session.scalars(select(BudgetLease.id).where(condition)))


async def lease_views(
    session: AsyncSession, ids: Collection[str], at: datetime
) -> dict[str, LeaseView]:
    views: dict[str, LeaseView] = {}
    for part in _parts(ids):
        query = (
            select(
                BudgetLease.id,
                BudgetLease.amount,
                BudgetPeriod.recalled_at,
                BudgetPeriod.spent,
                BudgetPeriod.leased,
                Budget.id,
                Budget.limit,
            )
            .join(BudgetPeriod, BudgetPeriod.id == BudgetLease.period_id)
            .join(Budget, Budget.id == BudgetPeriod.budget_id)
            .where(BudgetLease.id.in_(part))
        )
        rows = (await session.execute(query)).all()
        raises = await active_raises(session, {row[5] for row in rows}, at)
        for lease_id, amount, recalled_at, spent, leased, budget_id, limit in rows:
            raised = raises.get(budget_id, NOT_RAISED)
            over = EXACT.add(spent, leased) > EXACT.add(limit, raised.amount)
            views[lease_id] = LeaseView(amount, recalled_at, over, raised)
    return views


async def renew_leases(session: AsyncSession, until: dict[str, datetime]) -> set[str]:
    """Set expiries by id; the ids of those that still exist. Locks in order, against deadlocks."""
    found = await leases_by_id(session, until)
    instants: dict[datetime, list[str]] = {}
    for lease in found:
        instants.setdefault(until[lease.id], []).append(lease.id)
    for instant, ids in instants.items():
        for part in _parts(ids):
            renewal = update(BudgetLease).where(BudgetLease.id.in_(part))
            await session.execute(
                renewal.values(expires_at=instant),
                execution_options={"synchronize_session": False},
            )
    return {lease.id for lease in found}


async def expired_leases(
    session: AsyncSession, period_ids: Collection[str], before: datetime
) -> list[BudgetLease]:
    query = select(BudgetLease).where(
        BudgetLease.period_id.in_(period_ids), BudgetLease.expires_at < before
    )
    return list(await session.scalars(query.order_by(BudgetLease.id).with_for_update()))


async def owners_of_leases(session: AsyncSession, ids: Collection[str]) -> set[str]:
    query = select(Budget.tenant).join(BudgetPeriod).join(BudgetLease)
    owners: set[str] = set()
    for part in _parts(ids):
        owners |= set(await session.scalars(query.where(BudgetLease.id.in_(part)).distinct()))
    return owners


async def return_lease(session: AsyncSession, lease: BudgetLease) -> None:
    """Give all that is in a lease back to its period and delete it."""
    period = await session.get_one(BudgetPeriod, lease.period_id, with_for_update=True)
    period.leased = EXACT.subtract(period.leased, lease.amount)
    await session.delete(lease)
    await session.flush()


def _parts(ids: Collection[str]) -> Iterator[list[str]]:
    """Fewer at a time than a statement may have parameters."""
    names = sorted(set(ids))
    for first in range(0, len(names), _MOST_AT_ONCE):
        yield names[first : first + _MOST_AT_ONCE]
