"""The escrow against real databases."""

import asyncio
from decimal import Decimal

from billing import (
    BudgetKeeper,
    BudgetService,
    LedgerSink,
    PriceBook,
    Settlement,
    Usage,
    run_check,
)
from billing.errors import BudgetExceeded
from core.clock import ManualClock
from core.database import Database

BOOK = PriceBook.from_settings(
    [{"model": "m", "effective_from": "2026-01-01", "input": "1", "output": "1", "per": 1}]
)


async def test_500_concurrent_requests_get_exactly_what_the_budget_allows(
    database: Database, clock: ManualClock
) -> None:
    async with database.transaction() as session:
        await BudgetService(clock).create(session, "acme", limit="200")
    keeper = BudgetKeeper(database, clock, "a")

    async def one(number: int):
        try:
            return await keeper.reserve(
                request_id=f"req_{number}",
                tenant="acme",
                project_id="p",
                key_id="k",
                amount=Decimal(1),
            )
        except BudgetExceeded:
            return None

    granted = [r for r in await asyncio.gather(*(one(n) for n in range(500))) if r]
    assert len(granted) == 200
    entries = []
    version = BOOK.version_for("m", clock.now())
    for r in granted:
        usage = Usage(input_tokens=1)
        b = version.cost(usage)
        keeper.settle(r, b.total)
        entries.append(Settlement.settle(r, usage=usage, breakdown=b, model="m").to_json())
    sink = LedgerSink(clock)
    for _ in range(2):
        async with database.transaction() as session:
            await sink.apply(session, entries)
    report = await run_check(database)
    assert report.ok, report.problems
    assert report.budgets[0].spent == 200
    assert report.budgets[0].leased == 0
    await keeper.stop()
