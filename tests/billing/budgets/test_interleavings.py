"""Any interleaving of reserve, settle, release, drain, crash, expiry, raise and adjustment.

Two tenants share an organisation, one bounds a key and each end user too. After every
step balances equal entries and leases, and no hard budget has more out than its limit and
what raises put on top of it, unless a dead holder came back after its lease was given away.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import (
    AlertRule,
    BudgetKeeper,
    RaiseService,
    RaiseView,
    Reservation,
    Settlement,
    adjust,
    list_alerts,
)
from billing.budgets.scopes import period_id
from billing.errors import BudgetExceeded
from billing.periods import PeriodKind, period_at
from core.clock import ManualClock
from core.database import Database
from core.money import ZERO

_NIGHT = 5 * 3600
_TIMES = {
    "heartbeat": timedelta(hours=1),  # only where a step says so
    "lease_ttl": timedelta(seconds=200),
    "reclaim_after": timedelta(hours=1),  # longer than all waits but a night
}
_HOLDERS = st.integers(0, 1)
_WHO = st.integers(0, 4)
_RESERVE = st.tuples(st.just("reserve"), _HOLDERS, st.integers(1, 120), _WHO)
_SETTLE = st.tuples(st.just("settle"), _HOLDERS, st.integers(0, 100), st.integers(0, 9))
_RAISE = st.tuples(
    st.just("increase"),
    st.integers(0, 3),
    st.sampled_from((7, 100, 300)),
    st.sampled_from((30, 60, 300)),
)
_STEPS = st.lists(
    st.one_of(
        _RESERVE,
        _RESERVE,
        _RESERVE,
        _SETTLE,
        _SETTLE,
        st.tuples(st.just("release"), _HOLDERS, st.integers(0, 9)),
        st.tuples(st.just("drain"), st.booleans()),
        st.tuples(st.just("beat"), _HOLDERS),
        st.tuples(st.just("crash"), _HOLDERS, st.booleans()),
        st.tuples(st.just("wait"), st.sampled_from((1, 31, 61))),
        st.tuples(st.just("wait"), st.sampled_from((31, 61, _NIGHT))),
        st.tuples(st.just("correct"), st.integers(-20, 10), st.integers(0, 9)),
        _RAISE,
        _RAISE,
        st.tuples(st.just("revoke"), st.integers(0, 9)),
    ),
    min_size=10,
    max_size=40,
)
_NUMBERS: Iterator[int] = count(1)
_RULE = AlertRule((50, 100))


class Who(NamedTuple):
    """Whose requests: of the first tenant or the second, by which key and end user."""

    tenant: int
    key: int
    end_user: str | None


_PEOPLE = (
    Who(0, 0, None),
    Who(0, 0, "eu_a"),
    Who(0, 1, "eu_a"),
    Who(0, 1, "eu_b"),
    Who(1, 0, None),
)


@dataclass
class Ceiling:
    """A hard budget of the story: its limit and its raises."""

    id: str
    owner: str
    limit: Decimal
    raises: list[RaiseView] = field(default_factory=list)

    def at(self, now: datetime) -> Decimal:
        active = (r for r in self.raises if r.starts_at <= now < r.expires_at)
        return self.limit + sum((r.amount for r in active if r.revoked_at is None), ZERO)


class Company:
    """Two processes of one organisation, their journals, and what may be lost at most."""

    def __init__(self, stage: Any, number: int) -> None:
        self.stage = stage
        self.group = f"group-{number}"
        self.tenants = (f"acme-{number}", f"globex-{number}")
        self.keepers = [self._keeper(holder) for holder in range(2)]
        self.ceilings: list[Ceiling] = []
        self.open: list[list[Reservation]] = [[], []]
        self.journal: list[Settlement] = []
        self.drained: list[Settlement] = []
        self.slack = ZERO
        # By budget period: costs, corrections, and what is reserved.
        self.committed: dict[str, Decimal] = {}
        self.unseen: set[int] = set()  # processes that have not looked since a revocation

    async def found(self) -> None:
        acme, globex = self.tenants
        for owner, limit, options in (
            (f"@{self.group}", "3.00", {"scope": "organisation", "period": "total"}),
            (acme, "2.00", {"period": "total"}),
            (acme, "1.20", {"scope": "key", "scope_id": "key_0", "period": "day"}),
            (acme, "0.80", {"scope": "end_user", "scope_id": "*", "period": "day"}),
        ):
            id_ = await self.stage.budget(limit, owner, alerts=_RULE, **options)
            self.ceilings.append(Ceiling(id_, owner, Decimal(limit)))
        soft = {"hard": False, "alerts": _RULE}
        await self.stage.budget("0.50", acme, scope="project", scope_id="prj_1", **soft)
        await self.stage.budget("0.30", globex, **soft)

    def _keeper(self, holder: int) -> BudgetKeeper:
        name = f"{self.group}-{holder}"
        return self.stage.keeper(name, share=3, **_TIMES)

    async def reserve(self, holder: int, cents: int, number: int) -> None:
        amount, who = Decimal(cents) / 100, _PEOPLE[number]
        names = {
            "tenant": self.tenants[who.tenant],
            "project_id": f"prj_{who.key}",
            "key_id": f"key_{who.key}",
            "organisation": self.group,
            "end_user": who.end_user,
        }
        try:
            reservation = await self.stage.reserve(self.keepers[holder], amount, **names)
        except BudgetExceeded as error:
            await self._require_short(error, amount)
            return
        self.open[holder].append(reservation)
        self._commit(reservation, amount)
        if holder not in self.unseen:
            self._require_room(reservation)

    def _commit(self, reservation: Reservation, amount: Decimal) -> None:
        for hold in reservation.holds:
            self.committed[hold.period_id] = self.committed.get(hold.period_id, ZERO) + amount

    def _require_room(self, reservation: Reservation) -> None:
        """What was granted is below the limit of this moment, raises that ended not counted."""
        now = self.stage.clock.now()
        for hold in reservation.holds:
            (ceiling,) = (c for c in self.ceilings if hold.period_id.startswith(c.id))
            assert self.committed[hold.period_id] <= ceiling.at(now) + self.slack

    async def settle(self, holder: int, percent: int, which: int) -> None:
        if self.open[holder]:
            reservation = self.open[holder].pop(which % len(self.open[holder]))
            cents = int(reservation.amount * percent)
            settlement = self.stage.settle(self.keepers[holder], reservation, cents)
            self._closed(reservation, settlement)

    def _closed(self, reservation: Reservation, settlement: Settlement) -> None:
        self.journal.append(settlement)
        self._commit(reservation, settlement.cost - reservation.amount)

    async def release(self, holder: int, which: int) -> None:
        if self.open[holder]:
            reservation = self.open[holder].pop(which % len(self.open[holder]))
            self.keepers[holder].release(reservation)
            self._closed(reservation, Settlement.release(reservation))

    async def drain(self, again: bool) -> None:
        batch = self.journal + (self.drained if again else [])
        self.drained += self.journal
        self.journal = []
        await self.stage.drain(*reversed(batch))

    async def beat(self, holder: int) -> None:
        await self.keepers[holder].beat()
        self.unseen.discard(holder)

    async def crash(self, holder: int, called: bool) -> None:
        """A restart: the journal is replayed and drained before the keeper starts."""
        for reservation in self.open[holder]:
            cents = int(reservation.amount * 100) if called else 0
            self._closed(reservation, self.stage.settlement(reservation, cents))
        self.open[holder] = []
        await self.drain(False)
        self.keepers[holder] = self._keeper(holder)
        await self.keepers[holder].start()
        self.unseen.discard(holder)

    async def wait(self, seconds: int) -> None:
        self.stage.clock.advance(timedelta(seconds=seconds))
        if seconds == _NIGHT:
            # Every lease may be given away now; what was reserved from one is charged late.
            await self.drain(False)
            late = [r.amount for reservations in self.open for r in reservations]
            self.slack += sum(late, ZERO)

    async def correct(self, cents: int, which: int) -> None:
        """Of a request that was drained, or of the tenant where there is none."""
        settled = [s for s in self.drained if s.outcome == "settled"]
        request = settled[which % len(settled)] if settled else None
        amount = Decimal(cents) / 100
        async with self.stage.database.transaction() as session:
            await adjust(
                session,
                self.stage.clock,
                tenant=request.tenant if request else self.tenants[0],
                amount=amount,
                reason="agreed",
                author="usr_1",
                request_id=request.request_id if request else None,
                organisation=self.group,
            )
        for id_ in self._periods(request):
            self.committed[id_] = self.committed.get(id_, ZERO) + amount
        self.slack += max(amount, ZERO)

    def _periods(self, request: Settlement | None) -> list[str]:
        """Where a correction of this moment counts."""
        now = self.stage.clock.now()
        day, total = (period_at(kind, now) for kind in (PeriodKind.DAY, PeriodKind.TOTAL))
        group, acme, key, each = self.ceilings
        ids = [period_id(group.id, total)]
        if request is None or request.tenant == self.tenants[0]:
            ids.append(period_id(acme.id, total))
        if request is not None and request.tenant == self.tenants[0]:
            if request.key_id == "key_0":
                ids.append(period_id(key.id, day))
            if request.end_user is not None:
                ids.append(period_id(each.id, day, request.end_user))
        return ids

    async def increase(self, which: int, cents: int, seconds: int) -> None:
        ceiling, clock = self.ceilings[which], self.stage.clock
        async with self.stage.database.transaction() as session:
            given = await RaiseService(clock).give(
                session,
                ceiling.owner,
                ceiling.id,
                amount=Decimal(cents) / 100,
                expires_at=clock.now() + timedelta(seconds=seconds),
                author="usr_1",
            )
        ceiling.raises.append(given)

    async def revoke(self, which: int) -> None:
        given = [(c, index) for c in self.ceilings for index in range(len(c.raises))]
        if not given:
            return
        ceiling, index = given[which % len(given)]
        async with self.stage.database.transaction() as session:
            ceiling.raises[index] = await RaiseService(self.stage.clock).revoke(
                session, ceiling.owner, ceiling.id, ceiling.raises[index].id, author="usr_2"
            )
        self.unseen = {0, 1}

    async def check(self) -> None:
        for budget in await self._balances():
            assert budget.leased >= 0
            if budget.hard:
                allowed = budget.limit + budget.raised + self.slack
                assert budget.spent + budget.leased <= allowed

    async def close(self) -> None:
        for holder in range(2):
            await self.crash(holder, True)
            await self.keepers[holder].stop()
        await self.check()
        assert {b.leased for b in await self._balances()} <= {ZERO}
        await self._require_alerts()

    async def _balances(self) -> list[Any]:
        owners = {*self.tenants, f"@{self.group}"}
        return [b for b in (await self.stage.check()).budgets if b.tenant in owners]

    async def _require_short(self, error: BudgetExceeded, amount: Decimal) -> None:
        """A refusal is honest: even with all idle money of this process it did not suffice."""
        now = self.stage.clock.now()
        limits = {ceiling.id: ceiling.at(now) for ceiling in self.ceilings}
        assert any(amount > limit for limit in limits.values()) or any(
            limits[b.period_id.split("/")[0]] - b.spent - b.leased < amount
            for b in await self._balances()
            if b.hard
        ), error.message

    async def _require_alerts(self) -> None:
        """A period that is at its highest now, and above a threshold, has its alert."""
        async with self.stage.database.session() as session:
            owners = (*self.tenants, f"@{self.group}")
            views = [view for owner in owners for view in await list_alerts(session, owner)]
        assert all(100 * view.spent >= view.threshold * view.limit for view in views)
        noted = [
            (view.budget_id, view.end_user, view.period_start, view.threshold) for view in views
        ]
        assert len(noted) == len(set(noted))


async def _play(url: str, stage_of: Any, steps: list[tuple[Any, ...]]) -> None:
    database = Database(url)
    clock = ManualClock(datetime(2026, 11, 29, 20, tzinfo=UTC))
    stage = stage_of(database, clock, iter(range(10**6 * next(_NUMBERS), 10**12)))
    try:
        company = Company(stage, next(_NUMBERS))
        await company.found()
        for name, *arguments in steps:
            await getattr(company, name)(*arguments)
            await company.check()
        await company.close()
    finally:
        await database.dispose()


@pytest.mark.timeout(300)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
def test_balances_equal_entries_and_no_limit_is_passed(
    fresh_database: Callable[[], AbstractContextManager[str]],
    stage_of: Any,
    steps: list[tuple[Any, ...]],
) -> None:
    with fresh_database() as url:
        asyncio.run(_play(url, stage_of, steps))
