"""SQL of alerts: claim what is due, note what came of it, list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.alerts.message import AlertFacts
from billing.models import Budget, BudgetAlert, BudgetPeriod
from core.clock import isoformat
from core.money import format_amount


@dataclass(frozen=True, slots=True)
class Claimed:
    """An alert that this process delivers now, for the ``attempts``-th time."""

    facts: AlertFacts
    rule: dict[str, Any] | None
    delivered: tuple[str, ...]
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """An alert as administrators see it; ``end_user`` is a pseudonym."""

    id: str
    budget_id: str
    scope: str
    scope_id: str
    end_user: str | None
    period_start: datetime
    threshold: int
    spent: Decimal
    limit: Decimal
    currency: str
    at: datetime
    status: str
    attempts: int
    sent_at: datetime | None
    error_code: str | None

    def to_json(self) -> dict[str, Any]:
        names = ("id", "budget_id", "scope", "scope_id", "end_user", "threshold", "currency")
        body: dict[str, Any] = {name: getattr(self, name) for name in names}
        body |= {name: getattr(self, name) for name in ("status", "attempts", "error_code")}
        for name in ("spent", "limit"):
            body[name] = format_amount(getattr(self, name))
        for name in ("period_start", "at", "sent_at"):
            instant = getattr(self, name)
            body[name] = isoformat(instant) if instant else None
        return body


async def claim_due(
    session: AsyncSession, now: datetime, lease: timedelta, most: int
) -> list[Claimed]:
    """Alerts that are due; nobody else gets them before ``lease`` is over."""
    query = (
        _with_budgets()
        .where(BudgetAlert.status == "pending", BudgetAlert.next_attempt_at <= now)
        .order_by(BudgetAlert.next_attempt_at, BudgetAlert.id)
        .limit(most)
        .with_for_update(of=BudgetAlert, skip_locked=True)
    )
    claimed: list[Claimed] = []
    for alert, budget, period in await session.execute(query):
        alert.attempts += 1
        alert.next_attempt_at = now + lease
        facts = _facts(alert, budget, period)
        claimed.append(Claimed(facts, budget.alerts, tuple(alert.delivered), alert.attempts))
    return claimed


async def get_alert(session: AsyncSession, alert_id: str) -> BudgetAlert:
    return await session.get_one(BudgetAlert, alert_id, with_for_update=True)


async def list_alerts(
    session: AsyncSession, owner: str, *, budget_id: str | None = None, limit: int = 100
) -> Sequence[AlertView]:
    """An owner's alerts, the newest first."""
    query = _with_budgets().where(BudgetAlert.tenant == owner)
    if budget_id is not None:
        query = query.where(BudgetAlert.budget_id == budget_id)
    query = query.order_by(BudgetAlert.at.desc(), BudgetAlert.id.desc()).limit(limit)
    return [_view(*row) for row in await session.execute(query)]


def _with_budgets() -> Select[BudgetAlert, Budget, BudgetPeriod]:
    return (
        select(BudgetAlert, Budget, BudgetPeriod)
        .join(Budget, Budget.id == BudgetAlert.budget_id)
        .join(BudgetPeriod, BudgetPeriod.id == BudgetAlert.period_id)
    )


def _facts(alert: BudgetAlert, budget: Budget, period: BudgetPeriod) -> AlertFacts:
    return AlertFacts(
        id=alert.id,
        at=alert.at,
        threshold=alert.threshold,
        spent=alert.spent,
        limit=alert.limit,
        currency=budget.currency,
        owner=budget.tenant,
        budget_id=budget.id,
        scope=budget.scope,
        scope_id=budget.scope_id,
        hard=budget.hard,
        period=budget.period,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
    )


def _view(alert: BudgetAlert, budget: Budget, period: BudgetPeriod) -> AlertView:
    return AlertView(
        id=alert.id,
        budget_id=budget.id,
        scope=budget.scope,
        scope_id=budget.scope_id,
        end_user=period.end_user,
        period_start=period.starts_at,
        threshold=alert.threshold,
        spent=alert.spent,
        limit=alert.limit,
        currency=budget.currency,
        at=alert.at,
        status=alert.status,
        attempts=alert.attempts,
        sent_at=alert.sent_at,
        error_code=alert.error_code,
    )
