"""The heartbeat's work on leases: renew what is used, return what is idle or asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.budgets.accounts import AccountBook, is_over
from billing.budgets.directory import BudgetDirectory
from billing.budgets.escrow import EscrowAccount
from billing.budgets.leasing import LeaseOffice
from billing.budgets.repository import LeaseView
from billing.budgets.settings import EscrowSettings
from core.clock import Clock

_RETURNED_AT_ONCE = 500  # leases in one transaction


class LeaseUpkeep:
    """Looks after the leases of one process; ``BudgetKeeper`` calls it."""

    def __init__(
        self,
        office: LeaseOffice,
        directory: BudgetDirectory,
        accounts: AccountBook,
        clock: Clock,
        settings: EscrowSettings,
    ) -> None:
        self._office = office
        self._directory = directory
        self._accounts = accounts
        self._clock = clock
        self._settings = settings

    async def look_after_leases(self) -> None:
        now = self._clock.now()
        held = self._held()
        views = await self._office.look([account.lease_id for account in held]) if held else {}
        await self._renew([a for a in held if a.lease_id in views], views, now)
        await self._give_back([a for a in held if self._returns(a, views.get(a.lease_id), now)])
        self._accounts.drop([a for a in self._accounts if self._is_done(a, now)])

    async def give_all_back(self) -> None:
        await self._give_back(self._held())

    def _held(self) -> list[EscrowAccount]:
        return [a for a in self._accounts if a.expires_at is not None or a.pending]

    async def _renew(
        self, held: Sequence[EscrowAccount], views: Mapping[str, LeaseView], now: datetime
    ) -> None:
        """Push out what has used a third of its time, but never past the end of a raise."""
        ttl = self._settings.lease_ttl
        due: dict[str, datetime] = {}
        for account in held:
            until = views[account.lease_id].raised.lend_until(now + ttl)
            expires_at = account.expires_at
            if expires_at is not None and expires_at < min(now + ttl * 2 / 3, until):
                due[account.lease_id] = until
        if due:
            await self._office.renew({account.lease_id: account for account in held}, due)

    def _returns(self, account: EscrowAccount, view: LeaseView | None, now: datetime) -> bool:
        """Whether a lease must be looked into: gone, unsure, finished, or idle with money."""
        if view is None or account.pending is not None:
            return True
        idle = self._is_idle(account) or is_over(account, now)
        if not account.free:
            return idle and not account.reserved and not view.amount
        recalled = view.recalled_at is not None and (
            now - view.recalled_at < self._settings.recall_for
        )
        return idle or recalled or view.over

    def _is_idle(self, account: EscrowAccount) -> bool:
        idle_s = self._clock.monotonic() - account.used_at
        return idle_s >= self._settings.idle_after.total_seconds()

    def _is_done(self, account: EscrowAccount, now: datetime) -> bool:
        """Without a lease, a reservation or a request that looks at it: made anew if needed."""
        empty = account.expires_at is None and account.pending is None and not account.reserved
        return empty and not account.claims and (is_over(account, now) or self._is_idle(account))

    async def _give_back(self, accounts: Sequence[EscrowAccount]) -> None:
        by_owner: dict[str, list[EscrowAccount]] = {}
        for account in accounts:
            by_owner.setdefault(account.budget.tenant, []).append(account)
        for owner, group in by_owner.items():
            for first in range(0, len(group), _RETURNED_AT_ONCE):
                part = group[first : first + _RETURNED_AT_ONCE]
                async with self._directory.locked([owner]):
                    try:
                        await self._office.give_back(part)
                    finally:
                        self._accounts.index(part)
