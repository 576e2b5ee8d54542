"""Escrow budgets: reserve from leases in memory, lease from the database in chunks.

In the database ``spent + leased <= limit`` holds for every hard budget, and this
process reserves only what it has leased, so no number of replicas can overspend
and a reservation costs no round trip while the lease has room.

Knows nothing of requests, prices or the journal. The drain moves what was
settled from ``leased`` to ``spent`` (``billing.ledger.balances``).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from billing.budgets.accounts import AccountBook
from billing.budgets.desk import Shortage
from billing.budgets.directory import BudgetDirectory
from billing.budgets.escrow import EscrowAccount
from billing.budgets.leasing import LeaseOffice
from billing.budgets.scopes import Spender
from billing.budgets.settings import EscrowSettings
from billing.budgets.uninterrupted import uninterrupted
from billing.budgets.upkeep import LeaseUpkeep
from billing.errors import BudgetUnavailable
from billing.settlement import Hold, Reservation
from core.clock import Clock
from core.database import Database
from core.money import ZERO

_STOP_S = 10.0
_log = structlog.get_logger(__name__)


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
        # Requests wait for an answer less long than the heartbeat.
        hurried = database.within(self._settings.answer_within.total_seconds())
        self._counter = LeaseOffice(hurried, clock, holder_id, self._settings)
        self._directory = BudgetDirectory(
            self._counter, clock, self._settings.retry_after.total_seconds()
        )
        self._accounts = AccountBook()
        self._upkeep = LeaseUpkeep(
            self._office, self._directory, self._accounts, clock, self._settings
        )
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
        try:
            async with asyncio.timeout(_STOP_S):
                if self._task is not None:
                    await self._task
                    self._task = None
                await self._upkeep.give_all_back()
        except (SQLAlchemyError, OSError) as error:
            # The next start takes them back, or others do when they have expired.
            _log.warning("budget_leases_not_returned", error=type(error).__name__)

    @property
    def open_reservations(self) -> int:
        return len(self._open)

    def invalidate(self, owner: str) -> None:
        """Budgets of a tenant (or of ``@organisation``) have changed: read them again at the
        next request."""
        self._directory.invalidate(owner)

    async def reserve(
        self,
        *,
        request_id: str,
        tenant: str,
        project_id: str,
        key_id: str,
        amount: Decimal,
        organisation: str | None = None,
        end_user: str | None = None,
        at: datetime | None = None,
    ) -> Reservation:
        """Set the worst case of a request aside in all hard budgets that apply, or in none.

        Args:
            organisation: of the tenant at this moment; its budgets apply too.
            end_user: pseudonym; without it no end user's budget applies.
            at: when the request was admitted and priced, now if ``None``. Its cost
                falls in the budget periods of this instant.

        Raises:
            BudgetExceeded: a hard budget really has no money left for it.
            BudgetUnavailable: leases are used up and the database does not answer.
            ValueError: the request holds a reservation already, or a negative amount.
        """
        if request_id in self._open or amount < ZERO:
            raise ValueError("one reservation per request, of an amount from 0 up")
        spender = Spender(tenant, project_id, key_id, organisation, end_user)
        budgets = await self._directory.covering(spender)
        now = self._clock.now()
        at = at or now
        hard = [b for b in budgets if b.hard] if amount else []
        accounts = [self._accounts.account(budget, spender, at) for budget in hard]
        if not all(account.has(amount, now) for account in accounts):
            with _claimed(accounts):
                await self._fill(spender, accounts, amount)
        monotonic = self._clock.monotonic()
        for account in accounts:
            account.reserve(amount, monotonic)
        reservation = Reservation(
            request_id=request_id,
            tenant=tenant,
            project_id=project_id,
            key_id=key_id,
            amount=amount,
            at=at,
            organisation=organisation,
            end_user=end_user,
            holds=tuple(Hold(account.period_id, account.lease_id) for account in accounts),
            over=tuple(b.name for b in budgets if not b.hard and b.used_up_at(at, spender)),
        )
        self._open[request_id] = reservation
        return reservation

    def settle(self, reservation: Reservation, cost: Decimal) -> None:
        """Close a reservation at its cost; a second close changes nothing."""
        if self._open.pop(reservation.request_id, None) is None:
            return
        for hold in reservation.holds:
            account = self._accounts.of_lease(hold.lease_id)
            if account is not None:
                account.close(reservation.amount, cost)

    def release(self, reservation: Reservation) -> None:
        """Close a reservation that cost nothing."""
        self.settle(reservation, ZERO)

    async def beat(self) -> None:
        """One heartbeat: renew leases, return idle and recalled money, refresh budgets."""
        await self._upkeep.look_after_leases()
        monotonic = self._clock.monotonic()
        if monotonic - self._swept_at >= self._settings.lease_ttl.total_seconds():
            self._swept_at = monotonic
            await self._office.sweep()
        await self._directory.refresh(
            self._settings.refresh.total_seconds(), keep=self._accounts.owners
        )

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

    async def _fill(
        self, spender: Spender, accounts: Sequence[EscrowAccount], amount: Decimal
    ) -> None:
        """Lease until every account has the amount.

        Nothing else runs between its return and the reservation: leaving an
        asyncio lock does not yield.
        """
        arrived, arrived_at = self._looks, self._clock.monotonic()
        owners = {account.budget.tenant for account in accounts}
        ordered = [owner for owner in spender.owners if owner in owners]
        while True:
            async with self._directory.locked(ordered):
                if self._all_have(accounts, amount):
                    return
                self._directory.check_answers(arrived_at)
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
            shortages = await uninterrupted(self._counter.lease(accounts, amount))
        except (SQLAlchemyError, OSError) as error:
            raise self._directory.failed() from error
        finally:
            self._accounts.index(accounts)
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

    def _all_have(self, accounts: Sequence[EscrowAccount], amount: Decimal) -> bool:
        now = self._clock.now()
        return all(account.has(amount, now) for account in accounts)


@contextmanager
def _claimed(accounts: Sequence[EscrowAccount]) -> Iterator[None]:
    """Let nobody drop these accounts while a request leases for them."""
    for account in accounts:
        account.claims += 1
    try:
        yield
    finally:
        for account in accounts:
            account.claims -= 1


def _refused_since(
    accounts: Sequence[EscrowAccount], amount: Decimal, arrived: int
) -> EscrowAccount | None:
    """The account that a look newer than our arrival has found too short for the amount."""
    for account in accounts:
        look, ceiling = account.refused
        if look > arrived and amount > ceiling and account.free < amount:
            return account
    return None
