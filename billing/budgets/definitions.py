"""Budgets as the process knows them between two looks at the database."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.budgets.scopes import (
    EACH,
    SCOPES,
    ScopeKey,
    Spender,
    cached_period,
    end_user_of,
    organisation_owner,
    period_id,
)
from billing.errors import BudgetExceeded, InvalidBudget
from billing.models import Budget
from billing.periods import Period, PeriodKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDefinition:
    """One budget: who, how much, how often, and whether it refuses.

    ``tenant`` is its owner (``@name`` of an organisation). ``scope_id`` is the name of
    the organisation or tenant, the id of the project or key, or the pseudonym of an end
    user (``*``: each one). ``used_up`` holds the periods in which a soft budget is spent.
    """

    id: str
    tenant: str
    scope: str
    scope_id: str
    period: PeriodKind
    hard: bool
    limit: Decimal
    used_up: frozenset[str] = frozenset()

    @classmethod
    def of(cls, row: Budget, *, used_up: frozenset[str] = frozenset()) -> "BudgetDefinition":
        return cls(
            id=row.id,
            tenant=row.tenant,
            scope=row.scope,
            scope_id=row.scope_id,
            period=PeriodKind(row.period),
            hard=row.hard,
            limit=row.limit,
            used_up=used_up,
        )

    @property
    def scope_key(self) -> ScopeKey:
        return (self.tenant, self.scope, self.scope_id)

    @property
    def shown_id(self) -> str:
        """``scope_id`` for headers and errors, which name no end user."""
        return EACH if self.scope == "end_user" else self.scope_id

    @property
    def name(self) -> str:
        return f"{self.scope}/{self.shown_id}/{self.period}"

    def used_up_at(self, at: datetime, spender: Spender) -> bool:
        """Whether a soft budget was seen used up in the period of an instant."""
        if not self.used_up:
            return False
        end_user = end_user_of(self.scope, spender)
        return period_id(self.id, cached_period(self.period, at), end_user) in self.used_up

    def exceeded(self, period: Period) -> BudgetExceeded:
        return BudgetExceeded(
            scope=self.scope,
            scope_id=self.shown_id,
            period=self.period,
            resets_at=period.ends_at,
        )


def validate_budget(
    owner: str, scope: str, period: str, scope_id: str | None, limit: Decimal
) -> None:
    """Raises ``InvalidBudget`` unless the parts are known, fit the owner, and the limit is not
    negative."""
    if scope not in SCOPES:
        raise InvalidBudget(f"A budget's scope is one of {', '.join(SCOPES)}.", param="scope")
    if not scope_id:
        raise InvalidBudget(f"Name the {scope} whose budget it is.", param="scope_id")
    whole = {"organisation": organisation_owner(scope_id), "tenant": scope_id}
    if owner != whole.get(scope, owner) or (owner.startswith("@") != (scope == "organisation")):
        raise InvalidBudget(f"This is no {scope} of the budget's owner.", param="scope_id")
    if period not in set(PeriodKind):
        raise InvalidBudget("A budget's period is day, month or total.", param="period")
    if limit < 0:
        raise InvalidBudget("A budget's limit must not be negative.", param="limit")
