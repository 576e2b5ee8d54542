"""Adds what was settled or corrected to the budget periods that it counts in.

Works within the drain's transaction, under the owners' locks, on the periods concerned
only: their ids follow from budget, instant and end user.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.budgets.periods import PeriodKey, load_periods, note_thresholds, open_periods
from billing.budgets.scopes import Spender, by_scope
from billing.models import Budget, BudgetLease, BudgetPeriod
from billing.settlement import Settlement
from core.money import EXACT, ZERO


class Charges:
    """Amounts by the budget period that they count in."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._budgets = by_scope(((b.tenant, b.scope, b.scope_id), b) for b in budgets)
        self._known: dict[tuple[Spender, date], list[str]] = {}
        self.keys: dict[str, PeriodKey] = {}
        self.amounts: dict[str, Decimal] = {}

    def add(self, spender: Spender, at: datetime, amount: Decimal) -> None:
        for id_ in self._periods(spender, at):
            self.amounts[id_] = EXACT.add(self.amounts[id_], amount)

    def _periods(self, spender: Spender, at: datetime) -> list[str]:
        """The ids of the periods concerned; periods begin at midnight, so a day has the same."""
        day = at.astimezone(UTC).date()
        known = self._known.get((spender, day))
        if known is None:
            keys = [
                PeriodKey.at(budget, at, spender)
                for scope in spender.scopes()
                for budget in self._budgets.get(scope, ())
            ]
            for key in keys:
                self.keys[key.id] = key
                self.amounts.setdefault(key.id, ZERO)
            known = self._known[spender, day] = [key.id for key in keys]
        return known


_spender = attrgetter("tenant", "project_id", "key_id", "organisation", "end_user")
_owners = attrgetter("tenant", "organisation")


def owners_of(settlements: Iterable[Settlement]) -> set[str]:
    """Whose balances they move."""
    pairs = set(map(_owners, settlements))
    return {
        owner
        for tenant, organisation in pairs
        for owner in Spender(tenant, organisation=organisation).owners
    }


async def move_balances(
    session: AsyncSession, settled: Sequence[Settlement], now: datetime
) -> None:
    """Add costs to ``spent`` wherever they belong; take them out of the leases they drew on.

    The entries are written already, so a period that is opened here has them.
    """
    budgets = await repository.all_budgets(session, owners_of(settled))
    if not budgets:
        return
    charges = Charges(budgets)
    for spender, at, cost in _costs(settled):
        charges.add(spender, at, cost)
    drawn = _drawn(settled)
    leases = await repository.leases_by_id(session, drawn)
    ids = charges.keys.keys() | {lease.period_id for lease in leases}
    periods = await load_periods(session, ids)
    changed: list[tuple[Budget, BudgetPeriod]] = []
    for id_, key in charges.keys.items():
        if id_ in periods:
            periods[id_].spent = EXACT.add(periods[id_].spent, charges.amounts[id_])
            changed.append((key.budget, periods[id_]))
    _draw(leases, drawn, periods)
    await session.flush()
    await note_thresholds(session, changed, now)
    # A hard budget's period is opened by its first lease; nobody leases of a soft one.
    unopened = [key for id_, key in charges.keys.items() if id_ not in periods]
    await open_periods(session, [key for key in unopened if _is_open(key.budget)], now)


def _costs(settled: Iterable[Settlement]) -> list[tuple[Spender, datetime, Decimal]]:
    """The sum of each spender and day, with an instant of it."""
    sums: dict[tuple[Any, ...], Decimal] = {}
    instants: dict[tuple[Any, ...], datetime] = {}
    for settlement in settled:
        at = settlement.at.astimezone(UTC)
        key = (at.toordinal(), *_spender(settlement))
        instants.setdefault(key, at)
        sums[key] = EXACT.add(sums.get(key, ZERO), settlement.cost)
    return [(Spender(*key[1:]), instants[key], cost) for key, cost in sums.items()]


def _is_open(budget: Budget) -> bool:
    return not budget.hard and budget.archived_at is None


def _drawn(settled: Iterable[Settlement]) -> dict[str, Decimal]:
    drawn: dict[str, Decimal] = {}
    for settlement in settled:
        # What a cost has beyond its reservation was never in the lease.
        amount = min(settlement.cost, settlement.reserved)
        for hold in settlement.holds:
            drawn[hold.lease_id] = EXACT.add(drawn.get(hold.lease_id, ZERO), amount)
    return drawn


def _draw(
    leases: Iterable[BudgetLease],
    drawn: Mapping[str, Decimal],
    periods: Mapping[str, BudgetPeriod],
) -> None:
    for lease in leases:
        amount = min(drawn[lease.id], lease.amount)
        lease.amount = EXACT.subtract(lease.amount, amount)
        period = periods[lease.period_id]
        period.leased = EXACT.subtract(period.leased, amount)
