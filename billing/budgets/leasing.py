"""Leases in the database: grant, renew, return, recall, reclaim.

Each public method is one short transaction under the tenant's lock. Knows the
escrow accounts of this process, but neither requests nor reservations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.budgets.definitions import BudgetDefinition
from billing.budgets.escrow import EscrowAccount, Move, chunk
from billing.budgets.repository import LeaseView
from billing.budgets.settings import EscrowSettings
from billing.locks import lock_tenants
from billing.models import Budget, BudgetLease, BudgetPeriod
from billing.periods import PeriodKind, period_at
from core.clock import Clock
from core.database import Database
from core.ids import new_id
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
class _Desk:
    """One account beside its locked rows; ``row`` is ``None`` before the first grant."""

    account: EscrowAccount
    budget: Budget
    period: BudgetPeriod
    row: BudgetLease | None

    @property
    def available(self) -> Decimal:
        return EXACT.subtract(self.budget.limit, EXACT.add(self.period.spent, self.period.leased))

    @property
    def leased_elsewhere(self) -> bool:
        return self.period.leased > (self.row.amount if self.row is not None else ZERO)

    def need(self, amount: Decimal) -> Decimal:
        return EXACT.subtract(amount, self.account.free)

    def shortage(self) -> Shortage:
        ceiling = EXACT.add(self.account.free, max(self.available, ZERO))
        return Shortage(self.account, ceiling, self.leased_elsewhere)

    def lacks(self, amount: Decimal) -> bool:
        """An archived budget refuses nothing any more."""
        need = self.need(amount)
        return need > 0 and self.available < need and self.budget.archived_at is None


class LeaseOffice:
    """Moves money between the budget periods and this process's accounts."""

    def __init__(
        self, database: Database, clock: Clock, holder: str, settings: EscrowSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._holder = holder
        self._settings = settings

    async def definitions(self, tenants: Sequence[str]) -> dict[str, list[BudgetDefinition]]:
        """The budgets of some tenants; soft ones say whether their period is used up."""
        now = self._clock.now()
        async with self._database.session() as session:
            budgets = await repository.active_budgets(session, tenants)
            found = await repository.spent_of(session, [b for b in budgets if not b.hard], now)
        if any(not budget.hard and budget.id not in found for budget in budgets):
            found = await self._open_soft(budgets, now)
        known: dict[str, list[BudgetDefinition]] = {tenant: [] for tenant in tenants}
        for budget in budgets:
            label = period_at(PeriodKind(budget.period), now).label
            spent = found.get(budget.id)
            over = label if spent is not None and spent >= budget.limit else None
            known[budget.tenant].append(BudgetDefinition.of(budget, spent_out=over))
        return known

    async def lease(self, accounts: Sequence[EscrowAccount], amount: Decimal) -> list[Shortage]:
        """Bring every account to the amount, or none.

        Where others have some of the missing money, they are asked to return
        what they do not use.
        """
        now = self._clock.now()
        async with self._database.transaction() as session:
            desks = await self._desks(session, accounts, now)
            short = [desk for desk in desks if desk.lacks(amount)]
            for desk in short:
                if desk.leased_elsewhere:
                    desk.period.recalled_at = now
            if not short:
                for desk in desks:
                    self._grant(session, desk, amount, now)
            moves = _pending(accounts)
        _resolve(moves)
        return [desk.shortage() for desk in short]

    async def give_back(self, accounts: Sequence[EscrowAccount]) -> None:
        """Return what is free of some accounts of one tenant; empty leases are deleted."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            for desk in await self._desks(session, accounts, now):
                if desk.row is not None:
                    await self._return_free(session, desk, now)
            moves = _pending(accounts)
        _resolve(moves)

    async def look(self, lease_ids: Sequence[str]) -> dict[str, LeaseView]:
        """How the leases and their periods stand; those that are gone are missing."""
        async with self._database.session() as session:
            return await repository.lease_views(session, lease_ids)

    async def renew(self, accounts: Sequence[EscrowAccount]) -> None:
        """Push the expiry of some leases out; a lease that is gone stays expired."""
        expires_at = self._clock.now() + self._settings.lease_ttl
        ids = [account.lease_id for account in accounts]
        async with self._database.transaction() as session:
            renewed = await repository.renew_leases(session, ids, expires_at)
        for account in accounts:
            if account.lease_id in renewed:
                account.expires_at = expires_at

    async def reclaim_own(self) -> None:
        """Return every lease that this holder had before it was restarted."""
        async with self._database.session() as session:
            ids = await repository.lease_ids(session, BudgetLease.holder == self._holder)
        await self._reclaim(ids)

    async def sweep(self) -> None:
        """Return the leases of holders that are dead for long enough."""
        before = self._clock.now() - self._settings.reclaim_after
        async with self._database.session() as session:
            ids = await repository.lease_ids(session, BudgetLease.expires_at < before)
        await self._reclaim(ids, before)

    async def _reclaim(self, ids: Sequence[str], before: datetime | None = None) -> None:
        if not ids:
            return
        async with self._database.transaction() as session:
            await lock_tenants(session, await repository.tenants_of_leases(session, ids))
            for lease in await repository.leases_by_id(session, ids):
                # It may have been renewed between the look and the lock.
                if before is None or lease.expires_at < before:
                    await repository.return_lease(session, lease)

    async def _desks(
        self, session: AsyncSession, accounts: Sequence[EscrowAccount], now: datetime
    ) -> list[_Desk]:
        await lock_tenants(session, {account.budget.tenant for account in accounts})
        leases = await repository.leases_by_id(session, [account.lease_id for account in accounts])
        rows = {lease.id: lease for lease in leases}
        return [await self._desk(session, a, rows.get(a.lease_id), now) for a in accounts]

    async def _desk(
        self, session: AsyncSession, account: EscrowAccount, row: BudgetLease | None, now: datetime
    ) -> _Desk:
        account.resolve(row.serial if row is not None else 0)
        if row is None and account.serial:
            account.fence(new_id("lea"))
        budget = await repository.get_budget(session, account.budget.id)
        period = await repository.open_period(session, budget, account.period.starts_at)
        before = now - self._settings.reclaim_after
        for lease in await repository.expired_leases(session, period, before):
            if lease.id != account.lease_id:
                await repository.return_lease(session, lease)
        return _Desk(account, budget, period, row)

    def _grant(self, session: AsyncSession, desk: _Desk, amount: Decimal, now: datetime) -> None:
        account, need = desk.account, desk.need(amount)
        if need <= 0 and account.has(amount, now):
            return
        granted = self._size(desk, need, now) if need > 0 else ZERO
        move = account.begin(granted, now + self._settings.lease_ttl)
        if desk.row is None:
            desk.row = BudgetLease(
                id=account.lease_id, period_id=desk.period.id, holder=self._holder, amount=ZERO
            )
            session.add(desk.row)
        _store(desk, move)

    def _size(self, desk: _Desk, need: Decimal, now: datetime) -> Decimal:
        recalled = desk.period.recalled_at
        scarce = recalled is not None and now - recalled < self._settings.recall_for
        if desk.budget.archived_at is not None or scarce:
            return need
        return chunk(need, desk.available, self._settings.share)

    async def _return_free(self, session: AsyncSession, desk: _Desk, now: datetime) -> None:
        account, row = desk.account, desk.row
        if row is None:
            return
        if account.free > 0:
            expires_at = now + self._settings.lease_ttl
            _store(desk, account.begin(-account.free, expires_at))
        if not row.amount and not account.reserved:
            # Nothing is reserved and everything settled was drained: the lease is done.
            await session.flush()
            await repository.return_lease(session, row)
            account.expires_at = None

    async def _open_soft(self, budgets: Sequence[Budget], now: datetime) -> dict[str, Decimal]:
        soft = [budget for budget in budgets if not budget.hard]
        async with self._database.transaction() as session:
            await lock_tenants(session, {budget.tenant for budget in soft})
            opened = [await repository.open_period(session, budget, now) for budget in soft]
            return {period.budget_id: period.spent for period in opened}


def _store(desk: _Desk, move: Move) -> None:
    """Write a change of the lease into its rows."""
    if desk.row is not None:
        desk.row.amount = EXACT.add(desk.row.amount, move.amount)
        desk.row.serial, desk.row.expires_at = move.serial, move.expires_at
        desk.period.leased = EXACT.add(desk.period.leased, move.amount)


def _pending(accounts: Sequence[EscrowAccount]) -> list[tuple[EscrowAccount, Move]]:
    return [(a, a.pending) for a in accounts if a.pending is not None]


def _resolve(moves: Sequence[tuple[EscrowAccount, Move]]) -> None:
    """The commit succeeded: every change happened."""
    for account, move in moves:
        account.resolve(move.serial)
