"""Which budgets bound a request: organisation > tenant > project > key > end user.

Every budget has an owner, which is what locks and look-ups go by: its tenant, or
``@`` and the name of an organisation, whose tenants share it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from billing.periods import Period, PeriodKind, period_at

SCOPES = ("organisation", "tenant", "project", "key", "end_user")
EACH = "*"  # of an end user's budget: every end user has one of their own

ScopeKey = tuple[str, str, str]  # owner, scope, scope_id


def organisation_owner(organisation: str) -> str:
    """
    >>> organisation_owner("group")
    '@group'
    """
    return f"@{organisation}"


class Spender(msgspec.Struct, frozen=True, gc=False):
    """For whom money is spent. What is ``None`` no budget can bound."""

    tenant: str
    project_id: str | None = None
    key_id: str | None = None
    organisation: str | None = None
    end_user: str | None = None

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose budgets may apply, in the order in which they are locked."""
        if self.organisation is None:
            return (self.tenant,)
        return (self.tenant, organisation_owner(self.organisation))

    def scopes(self) -> list[ScopeKey]:
        """Under which keys the budgets that apply are found."""
        tenant = self.tenant
        keys: list[ScopeKey] = [(tenant, "tenant", tenant)]
        if self.organisation is not None:
            owner = organisation_owner(self.organisation)
            keys.append((owner, "organisation", self.organisation))
        if self.project_id is not None:
            keys.append((tenant, "project", self.project_id))
        if self.key_id is not None:
            keys.append((tenant, "key", self.key_id))
        if self.end_user is not None:
            keys.append((tenant, "end_user", self.end_user))
            keys.append((tenant, "end_user", EACH))
        return keys


B = TypeVar("B")


def by_scope(budgets: Iterable[tuple[ScopeKey, B]]) -> dict[ScopeKey, list[B]]:
    """Budgets by what they bound, so that a look-up does not depend on how many there are."""
    found: dict[ScopeKey, list[B]] = {}
    for key, budget in budgets:
        found.setdefault(key, []).append(budget)
    return found


def period_id(budget_id: str, period: Period, end_user: str | None = None) -> str:
    """The id of a period's balance; an end user's budget has one per end user."""
    base = f"{budget_id}/{period.label}"
    return base if end_user is None else f"{base}/{end_user}"


def end_user_of(scope: str, spender: Spender) -> str | None:
    """Whose balance a budget of that scope counts in."""
    return spender.end_user if scope == "end_user" else None


def cached_period(kind: PeriodKind, at: datetime) -> Period:
    """``period_at`` for many instants of the same days."""
    day = at.astimezone(UTC)
    return _period_of_day(kind, day.replace(hour=0, minute=0, second=0, microsecond=0))


@lru_cache(maxsize=64)
def _period_of_day(kind: PeriodKind, midnight: datetime) -> Period:
    return period_at(kind, midnight)
