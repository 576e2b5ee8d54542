"""The escrow accounts of this process: by period, by lease, and the running one of a budget."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from billing.budgets.definitions import BudgetDefinition
from billing.budgets.escrow import EscrowAccount
from billing.budgets.scopes import Spender, end_user_of, period_id
from billing.periods import period_at
from core.ids import new_id


class AccountBook:
    """Accounts are made when first asked for, and dropped when they hold nothing any more."""

    def __init__(self) -> None:
        self._accounts: dict[str, EscrowAccount] = {}
        self._by_lease: dict[str, EscrowAccount] = {}
        # By budget and end user, so that a request need not work out the period.
        self._current: dict[tuple[str, str | None], EscrowAccount] = {}

    def __iter__(self) -> Iterator[EscrowAccount]:
        return iter(list(self._accounts.values()))

    @property
    def owners(self) -> set[str]:
        return {account.budget.tenant for account in self._accounts.values()}

    def of_lease(self, lease_id: str) -> EscrowAccount | None:
        return self._by_lease.get(lease_id)

    def account(self, budget: BudgetDefinition, spender: Spender, at: datetime) -> EscrowAccount:
        """The account of a budget in the period of an instant."""
        key = (budget.id, end_user_of(budget.scope, spender))
        account = self._current.get(key)
        if account is None or not covers(account, at):
            account = self._current[key] = self._account(budget, key[1], at)
        account.budget = budget
        return account

    def index(self, accounts: Sequence[EscrowAccount]) -> None:
        """Find accounts by their lease again: a fenced one has got a new lease."""
        if any(self._by_lease.get(account.lease_id) is not account for account in accounts):
            self._by_lease = {account.lease_id: account for account in self._accounts.values()}

    def drop(self, accounts: Iterable[EscrowAccount]) -> None:
        for account in accounts:
            self._accounts.pop(account.period_id, None)
            self._by_lease.pop(account.lease_id, None)
            key = (account.budget.id, account.end_user)
            if self._current.get(key) is account:
                del self._current[key]

    def _account(
        self, budget: BudgetDefinition, end_user: str | None, at: datetime
    ) -> EscrowAccount:
        period = period_at(budget.period, at)
        key = period_id(budget.id, period, end_user)
        account = self._accounts.get(key)
        if account is None:
            account = EscrowAccount(budget, period, key, new_id("lea"), end_user)
            self._accounts[key] = self._by_lease[account.lease_id] = account
        return account


def covers(account: EscrowAccount, at: datetime) -> bool:
    return account.period.starts_at <= at and not is_over(account, at)


def is_over(account: EscrowAccount, at: datetime) -> bool:
    return account.period.ends_at is not None and account.period.ends_at <= at
