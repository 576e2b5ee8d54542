"""Escrow budgets: reserve from leases in memory, lease from the database in chunks.

In the database ``spent + leased <= limit`` holds for every hard budget, and this
process reserves only what it has leased, so no number of replicas can overspend
and a reservation costs no round trip while the lease has room.

Knows nothing of requests, prices or the journal. The drain moves what was
settled from ``leased`` to ``spent`` (``billing.ledger.sink``).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from billing.budgets.definitions import BudgetDefinition
from billing.budgets.escrow import EscrowAccount
from billing.budgets.leasing import LeaseOffice, Shortage
from billing.budgets.repository import LeaseView, period_id
from billing.budgets.settings import EscrowSettings
from billing.budgets.uninterrupted import uninterrupted
from billing.errors import BudgetUnavailable
from billing.periods import period_at
from billing.settlement import Hold, Reservation
from core.clock import Clock
from core.database import Database
from core.ids import new_id
from core.money import ZERO

_log = structlog.get_logger(__name__)
_FORGET_AFTER_S = 600.0


@dataclass(slots=True)
class _Tenant:
    """What is known of one tenant's budgets; times are monotonic seconds."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    budgets: list[BudgetDefinition] = field(default_factory=list)
    loaded_at: float | None = None
    used_at: float = 0.0


class BudgetKeeper:
    """The budgets of one process.

    Args:
        holder_id: names this process across restarts (host and worker number);
            two live processes must not share one.

    All methods belong to one event loop.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        holder_id: str,
        settings: EscrowSettings | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings or EscrowSettings()
        self._office = LeaseOffice(database, clock, holder_id, self._settings)
        self._tenants: dict[str, _Tenant] = {}
        self._accounts: dict[str, EscrowAccount] = {}
        self._by_lease: dict[str, EscrowAccount] = {}
        # By budget id; an account is dropped only after its period, when it no longer counts.
        self._current: dict[str, EscrowAccount] = {}
        self._open: dict[str, Reservation] = {}
        self._looks = 0
        self._swept_at = clock.monotonic()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take back what this holder had leased before, then keep the leases alive.

        Call it before the first reservation, and when the journal has been
        replayed and drained: what is drained later finds no lease and can pass
        a limit.
        """
        await self._office.reclaim_own()
        self._stopping.clear()
        self._task = asyncio.create_task(self._beat_forever(), name="budget-keeper")

    async def stop(self) -> None:
        """Return what is not reserved and stop. Drain the journal before."""
        self._stopping.set()
        if self._task is not None:
            await self._task
            self._task = None
        held = [a for a in self._accounts.values() if a.expires_at is not None or a.pending]
        await self._give_back(held)

    @property
    def open_reservations(self) -> int:
        return len(self._open)

    def invalidate(self, tenant: str) -> None:
        """Budgets of a tenant have changed: read them again at the next request."""
        if tenant in self._tenants:
            self._tenants[tenant].loaded_at = None

    async def reserve(
        self, *, request_id: str, tenant: str, project_id: str, key_id: str, amount: Decimal
    ) -> Reservation:
        """Set the worst case of a request aside in all hard budgets that apply, or in none.

        Raises:
            BudgetExceeded: a hard budget really has no money left for it.
            BudgetUnavailable: leases are used up and the database does not answer.
            ValueError: the request holds a reservation already, or a negative amount.
        """
        if request_id in self._open or amount < ZERO:
            raise ValueError("one reservation per request, of an amount from 0 up")
        known = await self._known(tenant)
        now = self._clock.now()
        budgets = [b for b in known.budgets if b.covers(tenant, project_id, key_id)]
        accounts = [self._account(b, now) for b in budgets if b.hard] if amount else []
        if not all(account.has(amount, now) for account in accounts):
            await self._fill(known.lock, accounts, amount)
        monotonic = self._clock.monotonic()
        for account in accounts:
            account.reserve(amount, monotonic)
        reservation = Reservation(
            request_id=request_id,
            tenant=tenant,
            project_id=project_id,
            key_id=key_id,
            amount=amount,
            at=now,
            holds=tuple(Hold(account.period_id, account.lease_id) for account in accounts),
            over=tuple(b.name for b in budgets if not b.hard and b.used_up_at(now)),
        )
        self._open[request_id] = reservation
        return reservation

    def settle(self, reservation: Reservation, cost: Decimal) -> None:
        """Close a reservation at its cost; a second close changes nothing."""
        if self._open.pop(reservation.request_id, None) is None:
            return
        for hold in reservation.holds:
            account = self._by_lease.get(hold.lease_id)
            if account is not None:
                account.close(reservation.amount, cost)

    def release(self, reservation: Reservation) -> None:
        """Close a reservation that cost nothing."""
        self.settle(reservation, ZERO)

    async def beat(self) -> None:
        """One heartbeat: renew leases, return idle and recalled money, refresh budgets."""
        await self._look_after_leases()
        monotonic = self._clock.monotonic()
        if monotonic - self._swept_at >= self._settings.lease_ttl.total_seconds():
            self._swept_at = monotonic
            await self._office.sweep()
        await self._refresh(monotonic)

    async def _beat_forever(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.heartbeat.total_seconds()):
                    await self._stopping.wait()
                return
            try:
                await self.beat()
            except (SQLAlchemyError, OSError, BudgetUnavailable) as error:
                # Leases run on until they expire; afterwards reserving refuses.
                _log.warning("budget_heartbeat_failed", error=type(error).__name__)

    async def _known(self, tenant: str) -> _Tenant:
        known = self._tenants.setdefault(tenant, _Tenant())
        known.used_at = self._clock.monotonic()
        if known.loaded_at is None:
            async with known.lock:
                if known.loaded_at is None:
                    await self._load([tenant])
        return known

    async def _load(self, tenants: Sequence[str]) -> None:
        started = self._clock.monotonic()
        try:
            definitions = await uninterrupted(self._office.definitions(tenants))
        except (SQLAlchemyError, OSError) as error:
            raise _unavailable() from error
        for tenant, budgets in definitions.items():
            known = self._tenants.setdefault(tenant, _Tenant())
            known.budgets, known.loaded_at = budgets, started

    def _account(self, budget: BudgetDefinition, now: datetime) -> EscrowAccount:
        current = self._current.get(budget.id)
        if current is not None and current.period.starts_at <= now and not _over(current, now):
            current.budget = budget
            return current
        period = period_at(budget.period, now)
        key = period_id(budget.id, period)
        account = self._accounts.get(key)
        if account is None:
            account = EscrowAccount(budget, period, key, new_id("lea"))
            self._accounts[key] = self._by_lease[account.lease_id] = account
        account.budget = budget
        self._current[budget.id] = account
        return account

    async def _fill(
        self, lock: asyncio.Lock, accounts: Sequence[EscrowAccount], amount: Decimal
    ) -> None:
        """Lease until every account has the amount.

        Nothing else runs between its return and the reservation: leaving an
        asyncio lock does not yield.
        """
        arrived = self._looks
        while True:
            async with lock:
                if self._all_have(accounts, amount):
                    return
                short = _refused_since(accounts, amount, arrived)
                if short is None:
                    short = await self._lease(accounts, amount)
                if short is None:
                    return
                if asyncio.get_running_loop().time() >= short.recall_ends_at:
                    raise short.budget.exceeded(short.period)
            arrived = self._looks
            await asyncio.sleep(self._settings.heartbeat.total_seconds() / 4)

    async def _lease(
        self, accounts: Sequence[EscrowAccount], amount: Decimal
    ) -> EscrowAccount | None:
        """Ask the database once; the account that stays short, the hopeless one first."""
        self._looks += 1
        look = self._looks
        try:
            shortages = await uninterrupted(self._office.lease(accounts, amount))
        except (SQLAlchemyError, OSError) as error:
            raise _unavailable() from error
        finally:
            self._index(accounts)
        for shortage in shortages:
            shortage.account.refused = (look, shortage.ceiling)
            self._recall(shortage)
        shortages.sort(key=lambda shortage: shortage.account.recall_ends_at)
        return shortages[0].account if shortages else None

    def _recall(self, shortage: Shortage) -> None:
        """Wait for idle money of other holders, but not again right after doing so in vain."""
        account, now = shortage.account, asyncio.get_running_loop().time()
        patience = self._settings.patience.total_seconds()
        if not shortage.elsewhere:
            account.recall_ends_at = float("-inf")
        elif now >= account.recall_ends_at + patience:
            account.recall_ends_at = now + patience

    async def _look_after_leases(self) -> None:
        now = self._clock.now()
        held = [a for a in self._accounts.values() if a.expires_at is not None or a.pending]
        views = await self._office.look([account.lease_id for account in held]) if held else {}
        renewal = now + self._settings.lease_ttl * 2 / 3
        due = [a for a in held if a.lease_id in views and a.expires_at and a.expires_at < renewal]
        if due:
            await self._office.renew(due)
        await self._give_back([a for a in held if self._returns(a, views.get(a.lease_id), now)])
        for key, account in list(self._accounts.items()):
            if account.expires_at is None and not account.reserved and _over(account, now):
                del self._accounts[key], self._by_lease[account.lease_id]

    def _returns(self, account: EscrowAccount, view: LeaseView | None, now: datetime) -> bool:
        """Whether a lease must be looked into: gone, unsure, finished, or idle with money."""
        if view is None or account.pending is not None:
            return True
        idle_s = self._clock.monotonic() - account.used_at
        idle = idle_s >= self._settings.idle_after.total_seconds() or _over(account, now)
        if not account.free:
            return idle and not account.reserved and not view.amount
        recalled = view.recalled_at is not None and (
            now - view.recalled_at < self._settings.recall_for
        )
        return idle or recalled or view.over

    async def _give_back(self, accounts: Sequence[EscrowAccount]) -> None:
        by_tenant: dict[str, list[EscrowAccount]] = {}
        for account in accounts:
            by_tenant.setdefault(account.budget.tenant, []).append(account)
        for tenant, group in by_tenant.items():
            async with self._tenants[tenant].lock:
                try:
                    await self._office.give_back(group)
                finally:
                    self._index(group)

    async def _refresh(self, monotonic: float) -> None:
        """Read the budgets of the tenants in use again; forget those long unused."""
        oldest = monotonic - self._settings.refresh.total_seconds()
        with_accounts = {account.budget.tenant for account in self._accounts.values()}
        stale: list[str] = []
        for tenant, known in list(self._tenants.items()):
            if monotonic - known.used_at > _FORGET_AFTER_S and tenant not in with_accounts:
                del self._tenants[tenant]
            elif known.loaded_at is not None and known.loaded_at <= oldest:
                stale.append(tenant)
        if stale:
            await self._load(stale)

    def _all_have(self, accounts: Sequence[EscrowAccount], amount: Decimal) -> bool:
        now = self._clock.now()
        return all(account.has(amount, now) for account in accounts)

    def _index(self, accounts: Sequence[EscrowAccount]) -> None:
        """Find accounts by their lease again: a fenced one has got a new lease."""
        if any(self._by_lease.get(account.lease_id) is not account for account in accounts):
            self._by_lease = {account.lease_id: account for account in self._accounts.values()}


def _refused_since(
    accounts: Sequence[EscrowAccount], amount: Decimal, arrived: int
) -> EscrowAccount | None:
    """The account that a look newer than our arrival has found too short for the amount."""
    for account in accounts:
        look, ceiling = account.refused
        if look > arrived and amount > ceiling and account.free < amount:
            return account
    return None


def _over(account: EscrowAccount, now: datetime) -> bool:
    return account.period.ends_at is not None and account.period.ends_at <= now


def _unavailable() -> BudgetUnavailable:
    return BudgetUnavailable(
        "The budget cannot be checked because the database does not answer; try again shortly."
    )
