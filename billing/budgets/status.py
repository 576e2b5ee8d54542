"""Where a budget stands in its present period, as administrators see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.alerts.rule import AlertRule
from billing.budgets.raises import NOT_RAISED, Raised, active_raises
from billing.budgets.scopes import EACH, period_id
from billing.budgets.spending import spent_by_end_users, spent_within
from billing.models import Budget, BudgetPeriod
from billing.periods import Period, PeriodKind, period_at
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget and its balance in the present period. ``over``: nothing is left.

    Args:
        tenant: the owner: a tenant, or ``@`` and an organisation.
        raised: active raises, on top of the limit, until ``raised_until`` at least.
        spent, leased: of a budget of each end user, of the one who has spent most.
    """

    id: str
    tenant: str
    scope: str
    scope_id: str
    period: str
    hard: bool
    limit: Decimal
    raised: Decimal
    raised_until: datetime | None
    currency: str
    spent: Decimal
    leased: Decimal
    alerts: AlertRule
    starts_at: datetime
    resets_at: datetime | None

    @property
    def effective_limit(self) -> Decimal:
        return EXACT.add(self.limit, self.raised)

    @property
    def remaining(self) -> Decimal:
        """Not yet spent; below zero where a soft budget was passed."""
        return EXACT.subtract(self.effective_limit, self.spent)

    @property
    def over(self) -> bool:
        return self.spent >= self.effective_limit

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("id", "tenant", "scope", "scope_id", "period", "hard", "currency", "over")
        }
        for name in ("limit", "raised", "spent", "leased", "remaining"):
            body[name] = format_amount(getattr(self, name))
        for name in ("raised_until", "starts_at", "resets_at"):
            instant = getattr(self, name)
            body[name] = isoformat(instant) if instant else None
        return body | {"alerts": self.alerts.to_json()}


async def statuses(
    session: AsyncSession, budgets: Sequence[Budget], now: datetime
) -> list[BudgetStatus]:
    raised = await active_raises(session, {budget.id for budget in budgets}, now)
    return [await _status(session, budget, raised, now) for budget in budgets]


async def _status(
    session: AsyncSession, budget: Budget, raises: Mapping[str, Raised], now: datetime
) -> BudgetStatus:
    period = period_at(PeriodKind(budget.period), now)
    spent, leased = await _balance(session, budget, period)
    raised = raises.get(budget.id, NOT_RAISED)
    return BudgetStatus(
        id=budget.id,
        tenant=budget.tenant,
        scope=budget.scope,
        scope_id=budget.scope_id,
        period=budget.period,
        hard=budget.hard,
        limit=budget.limit,
        raised=raised.amount,
        raised_until=raised.until,
        currency=budget.currency,
        spent=spent,
        leased=leased,
        alerts=AlertRule.of(budget.alerts),
        starts_at=period.starts_at,
        resets_at=period.ends_at,
    )


async def _balance(
    session: AsyncSession, budget: Budget, period: Period
) -> tuple[Decimal, Decimal]:
    if budget.scope == "end_user" and budget.scope_id == EACH:
        return await _largest(session, budget, period)
    end_user = budget.scope_id if budget.scope == "end_user" else None
    row = await session.get(BudgetPeriod, period_id(budget.id, period, end_user))
    if row is not None:
        return row.spent, row.leased
    if end_user is None:
        return await spent_within(session, budget, period), ZERO
    spent = await spent_by_end_users(session, budget.tenant, period, {end_user})
    return spent[end_user], ZERO


async def _largest(
    session: AsyncSession, budget: Budget, period: Period
) -> tuple[Decimal, Decimal]:
    query = select(BudgetPeriod.spent, BudgetPeriod.leased).where(
        BudgetPeriod.budget_id == budget.id, BudgetPeriod.starts_at == period.starts_at
    )
    rows = [(spent, leased) for spent, leased in await session.execute(query)]
    return max(rows, default=(ZERO, ZERO))
