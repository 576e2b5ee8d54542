"""The balances of budget periods: found by their ids, opened when first needed.

Expects the owners' locks (``billing.locks``).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.alerts.thresholds import Standing, note_standings
from billing.budgets.raises import NOT_RAISED, Raised, active_raises
from billing.budgets.scopes import Spender, cached_period, end_user_of, period_id
from billing.budgets.spending import spent_by_end_users, spent_within
from billing.models import Budget, BudgetPeriod
from billing.periods import Period, PeriodKind
from core.money import EXACT, ZERO

_MOST_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class PeriodKey:
    """Which balance: a budget's, in one period, of one end user where it has one for each."""

    budget: Budget
    period: Period
    end_user: str | None = None

    @classmethod
    def at(cls, budget: Budget, at: datetime, spender: Spender) -> "PeriodKey":
        period = cached_period(PeriodKind(budget.period), at)
        return cls(budget, period, end_user_of(budget.scope, spender))

    @property
    def id(self) -> str:
        return period_id(self.budget.id, self.period, self.end_user)


async def load_periods(session: AsyncSession, ids: Collection[str]) -> dict[str, BudgetPeriod]:
    """Those that are open, locked in the order of their ids."""
    found: dict[str, BudgetPeriod] = {}
    names = sorted(set(ids))
    for first in range(0, len(names), _MOST_AT_ONCE):
        query = select(BudgetPeriod).where(
            BudgetPeriod.id.in_(names[first : first + _MOST_AT_ONCE])
        )
        query = query.order_by(BudgetPeriod.id).with_for_update()
        rows = await session.scalars(query, execution_options={"populate_existing": True})
        found |= {row.id: row for row in rows}
    return found


async def open_periods(
    session: AsyncSession, keys: Iterable[PeriodKey], now: datetime
) -> dict[str, BudgetPeriod]:
    """Load periods; those that are missing begin with what was spent in them before.

    A threshold that was passed before the budget was there is noted now.
    """
    wanted = {key.id: key for key in keys}
    found = await load_periods(session, wanted)
    missing = [key for id_, key in wanted.items() if id_ not in found]
    if not missing:
        return found
    spent = await _spent_before(session, missing)
    opened = {key.id: _opened(key, spent[key.id]) for key in missing}
    session.add_all(opened.values())
    await session.flush()
    passed = [(key.budget, opened[key.id]) for key in missing if spent[key.id]]
    await note_thresholds(session, passed, now)
    return found | opened


async def note_thresholds(
    session: AsyncSession, changed: Iterable[tuple[Budget, BudgetPeriod]], now: datetime
) -> None:
    """Look at balances that have changed: which budgets are used up, which alerts are due."""
    pairs = list(changed)
    raised = await active_raises(session, {budget.id for budget, _ in pairs}, now)
    standings = [
        Standing(budget, period, effective_limit(budget, raised)) for budget, period in pairs
    ]
    await note_standings(session, standings, now)


async def review_periods(session: AsyncSession, budget: Budget, now: datetime) -> None:
    """Look at the running balances of a budget whose limit or alerts have changed."""
    query = select(BudgetPeriod).where(
        BudgetPeriod.budget_id == budget.id,
        or_(BudgetPeriod.ends_at.is_(None), BudgetPeriod.ends_at > now),
    )
    rows = await session.scalars(query.order_by(BudgetPeriod.id).with_for_update())
    await note_thresholds(session, [(budget, row) for row in rows], now)


def effective_limit(budget: Budget, raised: Mapping[str, Raised]) -> Decimal:
    return EXACT.add(budget.limit, raised.get(budget.id, NOT_RAISED).amount)


async def _spent_before(session: AsyncSession, keys: Iterable[PeriodKey]) -> dict[str, Decimal]:
    spent: dict[str, Decimal] = {}
    end_users: dict[tuple[str, Period], list[PeriodKey]] = {}
    for key in keys:
        if key.end_user is None:
            spent[key.id] = await spent_within(session, key.budget, key.period)
        else:
            end_users.setdefault((key.budget.tenant, key.period), []).append(key)
    for (tenant, period), group in end_users.items():
        names = {key.end_user for key in group if key.end_user is not None}
        amounts = await spent_by_end_users(session, tenant, period, names)
        spent |= {key.id: amounts[key.end_user] for key in group if key.end_user is not None}
    return spent


def _opened(key: PeriodKey, spent: Decimal) -> BudgetPeriod:
    return BudgetPeriod(
        id=key.id,
        budget_id=key.budget.id,
        end_user=key.end_user,
        starts_at=key.period.starts_at,
        ends_at=key.period.ends_at,
        spent=spent,
        leased=ZERO,
    )
