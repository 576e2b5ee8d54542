"""Any interleaving of reserve, settle, release, drain, crash, expiry and adjustment.

After every step balances equal entries and leases, and no hard budget has more
out than its limit, unless a dead holder came back after its lease was given away.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import BudgetKeeper, Reservation, Settlement, adjust
from billing.errors import BudgetExceeded
from core.clock import ManualClock
from core.database import Database
from core.money import ZERO

_HOLDERS = st.integers(0, 1)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), _HOLDERS, st.integers(1, 60), st.integers(0, 1)),
        st.tuples(st.just("reserve"), _HOLDERS, st.integers(1, 60), st.integers(0, 1)),
        st.tuples(st.just("settle"), _HOLDERS, st.integers(0, 100), st.integers(0, 9)),
        st.tuples(st.just("release"), _HOLDERS, st.integers(0, 9)),
        st.tuples(st.just("drain"), st.booleans()),
        st.tuples(st.just("beat"), _HOLDERS),
        st.tuples(st.just("crash"), _HOLDERS, st.booleans()),
        st.tuples(st.just("wait"), st.integers(1, 400)),
        st.tuples(st.just("credit"), st.integers(1, 20)),
    ),
    min_size=5,
    max_size=20,
)
_NUMBERS: Iterator[int] = count(1)


class Company:
    """Two processes of one tenant, their journals, and what may be lost at most."""

    def __init__(self, stage: Any, tenant: str) -> None:
        self.stage = stage
        self.tenant = tenant
        self.keepers = [self._keeper(holder) for holder in range(2)]
        self.open: list[list[Reservation]] = [[], []]
        self.journal: list[Settlement] = []
        self.drained: list[Settlement] = []
        self.given_up = ZERO

    def _keeper(self, holder: int) -> BudgetKeeper:
        return self.stage.keeper(f"{self.tenant}-{holder}", heartbeat=timedelta(hours=1), share=3)

    async def reserve(self, holder: int, cents: int, key: int) -> None:
        amount = Decimal(cents) / 100
        ids = {"tenant": self.tenant, "project_id": f"prj_{key}", "key_id": f"key_{key}"}
        try:
            reservation = await self.stage.reserve(self.keepers[holder], amount, **ids)
        except BudgetExceeded as error:
            await self._require_short(error, amount)
        else:
            self.open[holder].append(reservation)

    async def settle(self, holder: int, percent: int, which: int) -> None:
        if self.open[holder]:
            reservation = self.open[holder].pop(which % len(self.open[holder]))
            cents = int(reservation.amount * percent)
            self.journal.append(self.stage.settle(self.keepers[holder], reservation, cents))

    async def release(self, holder: int, which: int) -> None:
        if self.open[holder]:
            reservation = self.open[holder].pop(which % len(self.open[holder]))
            self.keepers[holder].release(reservation)
            self.journal.append(Settlement.release(reservation))

    async def drain(self, again: bool) -> None:
        batch = self.journal + (self.drained if again else [])
        self.drained += self.journal
        self.journal = []
        await self.stage.drain(*reversed(batch))

    async def beat(self, holder: int) -> None:
        await self.keepers[holder].beat()

    async def crash(self, holder: int, called: bool) -> None:
        """A restart: the journal is replayed and drained before the keeper starts."""
        for reservation in self.open[holder]:
            cents = int(reservation.amount * 100) if called else 0
            self.journal.append(self.stage.settlement(reservation, cents))
        self.open[holder] = []
        await self.drain(False)
        self.keepers[holder] = self._keeper(holder)
        await self.keepers[holder].start()

    async def wait(self, seconds: int) -> None:
        self.stage.clock.advance(timedelta(seconds=seconds))
        if seconds > 300:
            # Every lease may be given away now; what was reserved from one is charged late.
            late = [r.amount for reservations in self.open for r in reservations]
            late += [s.cost for s in self.journal]
            self.given_up += sum(late, ZERO)

    async def credit(self, cents: int) -> None:
        async with self.stage.database.transaction() as session:
            await adjust(
                session,
                self.stage.clock,
                tenant=self.tenant,
                amount=-Decimal(cents) / 100,
                reason="goodwill",
                author="finance@example.com",
            )

    async def check(self) -> None:
        for budget in (await self.stage.check()).budgets:
            if budget.tenant == self.tenant and budget.hard:
                assert budget.spent + budget.leased <= budget.limit + self.given_up

    async def close(self) -> None:
        for holder in range(2):
            await self.crash(holder, True)
            await self.keepers[holder].stop()
        await self.check()
        report = await self.stage.check()
        assert {b.leased for b in report.budgets if b.tenant == self.tenant} <= {ZERO}

    async def _require_short(self, error: BudgetExceeded, amount: Decimal) -> None:
        """A refusal is honest: even with all idle money of this process it did not suffice."""
        rows = (await self.stage.check()).budgets
        names = [b for b in rows if b.tenant == self.tenant and b.hard]
        assert any(b.limit - b.spent - b.leased < amount for b in names), error.message


async def _play(url: str, stage_of: Any, steps: list[tuple[Any, ...]]) -> None:
    database = Database(url)
    clock = ManualClock(datetime(2026, 11, 29, 20, tzinfo=UTC))
    tenant = f"tenant-{next(_NUMBERS)}"
    stage = stage_of(database, clock, iter(range(10**6 * next(_NUMBERS), 10**12)))
    try:
        await stage.budget("2.00", tenant, period="total")
        await stage.budget("1.20", tenant, scope="key", scope_id="key_0", period="day")
        await stage.budget("0.50", tenant, scope="project", scope_id="prj_1", hard=False)
        company = Company(stage, tenant)
        for name, *arguments in steps:
            await getattr(company, name)(*arguments)
            await company.check()
        await company.close()
    finally:
        await database.dispose()


@pytest.mark.timeout(300)
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
def test_balances_equal_entries_and_no_limit_is_passed(
    database_url: str, stage_of: Any, steps: list[tuple[Any, ...]]
) -> None:
    asyncio.run(_play(database_url, stage_of, steps))
