"""Leases in the database: grant, renew, return, recall, reclaim.

Each public method is one short transaction under the owners' locks. Knows the
escrow accounts of this process, but neither requests nor reservations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.budgets.definitions import BudgetDefinition
from billing.budgets.desk import Desk, Shortage, pending, resolve
from billing.budgets.escrow import EscrowAccount
from billing.budgets.periods import PeriodKey, open_periods
from billing.budgets.raises import NOT_RAISED, active_raises
from billing.budgets.repository import LeaseView
from billing.budgets.settings import EscrowSettings
from billing.locks import lock_tenants
from billing.models import BudgetLease
from core.clock import Clock
from core.database import Database
from core.ids import new_id
from core.money import EXACT, ZERO


class LeaseOffice:
    """Moves money between the budget periods and this process's accounts."""

    def __init__(
        self, database: Database, clock: Clock, holder: str, settings: EscrowSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._holder = holder
        self._settings = settings

    async def definitions(self, owners: Sequence[str]) -> dict[str, list[BudgetDefinition]]:
        """The budgets of some owners; soft ones say in which periods they are used up."""
        now = self._clock.now()
        async with self._database.session() as session:
            budgets = await repository.active_budgets(session, owners)
            soft = [budget for budget in budgets if not budget.hard]
            used_up = await repository.used_up_periods(session, soft, now)
        known: dict[str, list[BudgetDefinition]] = {owner: [] for owner in owners}
        for budget in budgets:
            definition = BudgetDefinition.of(budget, used_up=used_up.get(budget.id, frozenset()))
            known[budget.tenant].append(definition)
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
            moves = pending(accounts)
        resolve(moves)
        return [desk.shortage() for desk in short]

    async def give_back(self, accounts: Sequence[EscrowAccount]) -> None:
        """Return what is free of some accounts of one owner; empty leases are deleted."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            for desk in await self._desks(session, accounts, now):
                if desk.row is not None:
                    await self._return_free(session, desk, desk.row, now)
            moves = pending(accounts)
        resolve(moves)

    async def look(self, lease_ids: Sequence[str]) -> dict[str, LeaseView]:
        """How the leases and their periods stand; those that are gone are missing."""
        async with self._database.session() as session:
            return await repository.lease_views(session, lease_ids, self._clock.now())

    async def renew(
        self, accounts: Mapping[str, EscrowAccount], until: dict[str, datetime]
    ) -> None:
        """Push expiries out, by lease id; a lease that is gone stays expired."""
        async with self._database.transaction() as session:
            renewed = await repository.renew_leases(session, until)
        for lease_id in renewed:
            accounts[lease_id].expires_at = until[lease_id]

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
            await lock_tenants(session, await repository.owners_of_leases(session, ids))
            for lease in await repository.leases_by_id(session, ids):
                # It may have been renewed between the look and the lock.
                if before is None or lease.expires_at < before:
                    await repository.return_lease(session, lease)

    async def _desks(
        self, session: AsyncSession, accounts: Sequence[EscrowAccount], now: datetime
    ) -> list[Desk]:
        await lock_tenants(session, {account.budget.tenant for account in accounts})
        leases = await repository.leases_by_id(session, [account.lease_id for account in accounts])
        rows = {lease.id: lease for lease in leases}
        for account in accounts:
            row = rows.get(account.lease_id)
            account.resolve(row.serial if row is not None else 0)
            if row is None and account.serial:
                account.fence(new_id("lea"))
        budgets = await repository.budgets_by_id(session, {a.budget.id for a in accounts})
        raised = await active_raises(session, budgets, now)
        keys = [PeriodKey(budgets[a.budget.id], a.period, a.end_user) for a in accounts]
        periods = await open_periods(session, keys, now)
        await self._return_expired(session, periods, set(rows), now)
        return [
            Desk(
                account,
                budgets[account.budget.id],
                raised.get(account.budget.id, NOT_RAISED),
                periods[account.period_id],
                rows.get(account.lease_id),
            )
            for account in accounts
        ]

    async def _return_expired(
        self, session: AsyncSession, period_ids: Mapping[str, object], own: set[str], now: datetime
    ) -> None:
        before = now - self._settings.reclaim_after
        for lease in await repository.expired_leases(session, period_ids, before):
            if lease.id not in own:
                await repository.return_lease(session, lease)

    def _grant(self, session: AsyncSession, desk: Desk, amount: Decimal, now: datetime) -> None:
        account = desk.account
        need = EXACT.subtract(amount, account.free)
        if need <= 0 and not desk.surplus and account.has(amount, now):
            return
        change = desk.size(need, now, self._settings) if need > 0 else desk.surplus.copy_negate()
        move = account.begin(change, desk.expiry(now, self._settings.lease_ttl))
        if desk.row is None:
            desk.row = BudgetLease(
                id=account.lease_id, period_id=desk.period.id, holder=self._holder, amount=ZERO
            )
            session.add(desk.row)
        desk.store(move)

    async def _return_free(
        self, session: AsyncSession, desk: Desk, row: BudgetLease, now: datetime
    ) -> None:
        account = desk.account
        if account.free > 0:
            expires_at = desk.expiry(now, self._settings.lease_ttl)
            desk.store(account.begin(account.free.copy_negate(), expires_at))
        if not row.amount and not account.reserved:
            # Nothing is reserved and everything settled was drained: the lease is done.
            await session.flush()
            await repository.return_lease(session, row)
            account.expires_at = None
