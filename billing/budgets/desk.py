"""One account of this process beside its rows in the database, while they are locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from billing.budgets.escrow import EscrowAccount, Move, chunk
from billing.budgets.raises import Raised
from billing.budgets.settings import EscrowSettings
from billing.models import Budget, BudgetLease, BudgetPeriod
from core.money import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class Shortage:
    """An account that could get no more than ``ceiling`` in all.

    ``elsewhere``: other holders have some of the period's money.
    """

    account: EscrowAccount
    ceiling: Decimal
    elsewhere: bool


@dataclass(slots=True)
class Desk:
    """``row`` is ``None`` before the first grant."""

    account: EscrowAccount
    budget: Budget
    raised: Raised
    period: BudgetPeriod
    row: BudgetLease | None

    @property
    def available(self) -> Decimal:
        """Below zero where a limit was lowered or a raise has ended."""
        limit = EXACT.add(self.budget.limit, self.raised.amount)
        return EXACT.subtract(limit, EXACT.add(self.period.spent, self.period.leased))

    @property
    def ceiling(self) -> Decimal:
        """The most that the account may reserve."""
        return max(EXACT.add(self.account.free, self.available), ZERO)

    @property
    def surplus(self) -> Decimal:
        """What of the free money must go back, since more is out than the limit."""
        return min(max(self.available.copy_negate(), ZERO), self.account.free)

    @property
    def leased_elsewhere(self) -> bool:
        return self.period.leased > (self.row.amount if self.row is not None else ZERO)

    def shortage(self) -> Shortage:
        return Shortage(self.account, self.ceiling, self.leased_elsewhere)

    def lacks(self, amount: Decimal) -> bool:
        """An archived budget refuses nothing any more."""
        return amount > self.ceiling and self.budget.archived_at is None

    def expiry(self, now: datetime, ttl: timedelta) -> datetime:
        """No later than the first raise ends: what it allowed must be looked at then."""
        return self.raised.lend_until(now + ttl)

    def size(self, need: Decimal, now: datetime, settings: EscrowSettings) -> Decimal:
        """How much to lease: a share, or just the need where money is scarce."""
        recalled = self.period.recalled_at
        scarce = recalled is not None and now - recalled < settings.recall_for
        if self.budget.archived_at is not None or scarce:
            return need
        return chunk(need, self.available, settings.share)

    def store(self, move: Move) -> None:
        """Write a change of the lease into its rows."""
        if self.row is not None:
            self.row.amount = EXACT.add(self.row.amount, move.amount)
            self.row.serial, self.row.expires_at = move.serial, move.expires_at
            self.period.leased = EXACT.add(self.period.leased, move.amount)


def pending(accounts: Sequence[EscrowAccount]) -> list[tuple[EscrowAccount, Move]]:
    return [(a, a.pending) for a in accounts if a.pending is not None]


def resolve(moves: Sequence[tuple[EscrowAccount, Move]]) -> None:
    """The commit succeeded: every change happened."""
    for account, move in moves:
        account.resolve(move.serial)
