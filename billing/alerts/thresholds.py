"""Notes which thresholds a budget period has reached, exactly once each.

It is called wherever a balance or a limit changes, in that transaction: the alert is
there if and only if what caused it is. The database knows each period and threshold
once, so that replays and later changes add nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from billing.alerts.rule import AlertRule
from billing.models import Budget, BudgetAlert, BudgetPeriod
from core.batches import insert_new
from core.ids import new_id
from core.money import EXACT


@dataclass(frozen=True, slots=True)
class Standing:
    """A period's balance against the limit that holds now, raises included."""

    budget: Budget
    period: BudgetPeriod
    limit: Decimal

    @property
    def used_up(self) -> bool:
        return self.period.spent >= self.limit

    def reached(self) -> list[int]:
        """The thresholds that the spending is at or above; nothing spent reaches none."""
        if not self.budget.alerts or self.budget.archived_at is not None:
            return []
        spent = EXACT.multiply(self.period.spent, Decimal(100))
        return [
            percent
            for percent in AlertRule.of(self.budget.alerts).thresholds
            if 0 < spent >= EXACT.multiply(self.limit, Decimal(percent))
        ]


async def note_standings(
    session: AsyncSession, standings: Iterable[Standing], now: datetime
) -> None:
    """Mark what is used up and enter the alerts that are new; the periods are in the database."""
    rows: list[dict[str, Any]] = []
    for standing in standings:
        period = standing.period
        if period.over_at is None and standing.used_up:
            period.over_at = now
        rows += [_row(standing, percent, now) for percent in standing.reached()]
    await insert_new(session, cast(Table, BudgetAlert.__table__), rows)


def _row(standing: Standing, percent: int, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("alr"),
        "tenant": standing.budget.tenant,
        "budget_id": standing.budget.id,
        "period_id": standing.period.id,
        "threshold": percent,
        "spent": standing.period.spent,
        "limit_amount": standing.limit,
        "at": now,
        "status": "pending",
        "attempts": 0,
        "next_attempt_at": now,
    }
