"""Budgets as the process knows them between two looks at the database."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.errors import BudgetExceeded, InvalidBudget
from billing.models import Budget
from billing.periods import Period, PeriodKind, period_at

SCOPES = ("tenant", "project", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDefinition:
    """One budget: who, how much, how often, and whether it refuses.

    ``scope_id`` is the tenant's name, the project's id or the key's id.
    """

    id: str
    tenant: str
    scope: str
    scope_id: str
    period: PeriodKind
    hard: bool
    limit: Decimal
    spent_out: str | None = None  # label of the period in which a soft budget is used up

    @classmethod
    def of(cls, row: Budget, *, spent_out: str | None = None) -> "BudgetDefinition":
        return cls(
            id=row.id,
            tenant=row.tenant,
            scope=row.scope,
            scope_id=row.scope_id,
            period=PeriodKind(row.period),
            hard=row.hard,
            limit=row.limit,
            spent_out=spent_out,
        )

    def covers(self, tenant: str, project_id: str, key_id: str) -> bool:
        if self.tenant != tenant:
            return False
        if self.scope == "tenant":
            return self.scope_id == tenant
        return self.scope_id == (project_id if self.scope == "project" else key_id)

    @property
    def name(self) -> str:
        return f"{self.scope}/{self.scope_id}/{self.period}"

    def used_up_at(self, at: datetime) -> bool:
        """Whether a soft budget was seen used up in the period of an instant."""
        return self.spent_out == period_at(self.period, at).label

    def exceeded(self, period: Period) -> BudgetExceeded:
        return BudgetExceeded(
            scope=self.scope,
            scope_id=self.scope_id,
            period=self.period,
            resets_at=period.ends_at,
        )


def validate_budget(scope: str, period: str, scope_id: str | None, limit: Decimal) -> None:
    """Raises ``InvalidBudget`` unless the parts are known and the limit is not negative."""
    if scope not in SCOPES:
        raise InvalidBudget("A budget's scope is tenant, project or key.", param="scope")
    if not scope_id:
        raise InvalidBudget(f"Name the {scope} whose budget it is.", param="scope_id")
    if period not in set(PeriodKind):
        raise InvalidBudget("A budget's period is day, month or total.", param="period")
    if limit < 0:
        raise InvalidBudget("A budget's limit must not be negative.", param="limit")
