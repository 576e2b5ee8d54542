"""What the tests of money share: a frozen clock, round prices, a way to spend."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import (
    BudgetKeeper,
    BudgetService,
    CheckReport,
    EscrowSettings,
    LedgerSink,
    PriceBook,
    Reservation,
    Settlement,
    Usage,
    run_check,
)
from core.clock import ManualClock
from core.database import Database

# A cent per token of any class, so that costs can be read off.
_BOOK = PriceBook.from_settings(
    [
        {
            "model": "m",
            "effective_from": "2026-01-01",
            "input": "0.01",
            "output": "0.01",
            "per": 1,
        }
    ]
)


@dataclass
class Stage:
    """A database, a clock and the ways in which money moves."""

    database: Database
    clock: ManualClock
    numbers: Iterable[int] = field(default_factory=lambda: iter(range(1, 10**6)))

    def keeper(self, holder: str = "gateway-1", **settings: Any) -> BudgetKeeper:
        defaults: dict[str, Any] = {
            "heartbeat": timedelta(milliseconds=40),
            "patience": timedelta(0),
        }
        escrow = EscrowSettings(**{**defaults, **settings})
        return BudgetKeeper(self.database, self.clock, holder, escrow)

    async def budget(self, limit: str, tenant: str = "acme", **options: Any) -> str:
        async with self.database.transaction() as session:
            service = BudgetService(self.clock, webhooks=frozenset({"finance", "ops"}))
            return (await service.create(session, tenant, limit=limit, **options)).id

    async def reserve(
        self,
        keeper: BudgetKeeper,
        amount: str | Decimal,
        *,
        tenant: str = "acme",
        project_id: str = "prj_1",
        key_id: str = "key_1",
        **options: Any,
    ) -> Reservation:
        return await keeper.reserve(
            request_id=f"req_{next(iter(self.numbers))}",
            tenant=tenant,
            project_id=project_id,
            key_id=key_id,
            amount=Decimal(amount),
            **options,
        )

    def settlement(self, reservation: Reservation, cents: int, **facts: Any) -> Settlement:
        """The settlement of a request that used one input token a cent."""
        usage = Usage(input_tokens=cents)
        breakdown = _BOOK.version_for("m", reservation.at).cost(usage)
        return Settlement.settle(
            reservation, usage=usage, breakdown=breakdown, **{"model": "m", **facts}
        )

    def settle(self, keeper: BudgetKeeper, reservation: Reservation, cents: int) -> Settlement:
        settlement = self.settlement(reservation, cents)
        keeper.settle(reservation, settlement.cost)
        return settlement

    async def drain(self, *settlements: Settlement) -> None:
        async with self.database.transaction() as session:
            bodies = [settlement.to_json() for settlement in settlements]
            await LedgerSink(self.clock).apply(session, bodies)

    async def check(self) -> CheckReport:
        report = await run_check(self.database)
        assert report.ok, report.problems
        return report


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
def stage(database: Database, clock: ManualClock) -> Stage:
    return Stage(database, clock)


@pytest.fixture
def stage_of() -> type[Stage]:
    """For tests that make their own databases and clocks."""
    return Stage
