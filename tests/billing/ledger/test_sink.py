"""The ledger sink: once per request, whole batches, nothing unpriced."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from billing import LedgerSink, Settlement
from billing.errors import InvalidSettlement
from billing.models import LedgerEntry, UsageRecord
from core.database import Database


async def _entries(database: Database) -> list[tuple[Any, ...]]:
    query = select(LedgerEntry.request_id, LedgerEntry.kind, LedgerEntry.amount)
    async with database.session() as session:
        return [tuple(row) for row in await session.execute(query.order_by(LedgerEntry.id))]


async def test_what_a_settled_and_a_released_request_leave(stage: Any, database: Database) -> None:
    await stage.budget("10")
    keeper = stage.keeper()
    served, refused = await stage.reserve(keeper, "2"), await stage.reserve(keeper, "3")
    settled = stage.settle(keeper, served, 150)
    keeper.release(refused)
    await stage.drain(settled, Settlement.release(refused))
    entries = await _entries(database)
    assert sorted(entries) == sorted(
        [
            (served.request_id, "reserve", Decimal(2)),
            (served.request_id, "settle", Decimal("1.5")),
            (refused.request_id, "reserve", Decimal(3)),
            (refused.request_id, "release", Decimal(3)),
        ]
    )
    async with database.session() as session:
        (record,) = await session.scalars(select(UsageRecord))
    assert (record.request_id, record.cost, record.input_tokens) == (served.request_id, 1.5, 150)
    assert record.day.isoformat() == "2026-11-21"
    await stage.check()


async def test_a_replayed_batch_changes_nothing(stage: Any, database: Database) -> None:
    await stage.budget("20")
    keeper = stage.keeper()
    settlements = [
        stage.settle(keeper, await stage.reserve(keeper, "1"), cents) for cents in range(1, 60)
    ]
    await stage.drain(*settlements[:30])
    before = await _entries(database)
    await stage.drain(*settlements[:30])
    assert await _entries(database) == before
    await stage.drain(*settlements, *settlements)
    (balance,) = (await stage.check()).budgets
    assert balance.spent == Decimal("17.70")
    assert len(await _entries(database)) == 2 * 59


async def test_a_request_is_closed_once_whichever_way_comes_first(
    stage: Any, database: Database
) -> None:
    await stage.budget("10")
    keeper = stage.keeper()
    reservation = await stage.reserve(keeper, "1")
    settled = stage.settle(keeper, reservation, 50)
    await stage.drain(Settlement.release(reservation))
    await stage.drain(settled)
    assert [kind for _, kind, _ in await _entries(database)] == ["release", "reserve"]
    assert (await stage.check()).budgets[0].spent == 0


async def test_without_a_hard_budget_a_release_leaves_nothing(
    stage: Any, database: Database
) -> None:
    keeper = stage.keeper()
    first, second = await stage.reserve(keeper, "1"), await stage.reserve(keeper, "1")
    await stage.drain(Settlement.release(first), stage.settle(keeper, second, 10))
    assert await _entries(database) == [(second.request_id, "settle", Decimal("0.1"))]


async def test_a_contradiction_enters_nothing_of_its_batch(stage: Any, database: Database) -> None:
    keeper = stage.keeper()
    good = stage.settle(keeper, await stage.reserve(keeper, "1"), 10).to_json()
    bad = stage.settle(keeper, await stage.reserve(keeper, "1"), 10).to_json() | {"cost": "0"}
    with pytest.raises(InvalidSettlement):
        async with database.transaction() as session:
            await LedgerSink(stage.clock).apply(session, [good, bad])
    assert await _entries(database) == []


async def _enter_and_fail(stage: Any, settlement: Settlement) -> None:
    async with stage.database.transaction() as session:
        await LedgerSink(stage.clock).apply(session, [settlement.to_json()])
        raise RuntimeError("the audit chain failed")


async def test_a_rolled_back_batch_can_be_entered_again(stage: Any, database: Database) -> None:
    await stage.budget("10")
    keeper = stage.keeper()
    settlement = stage.settle(keeper, await stage.reserve(keeper, "1"), 10)
    with pytest.raises(RuntimeError, match="the audit chain failed"):
        await _enter_and_fail(stage, settlement)
    assert await _entries(database) == []
    await stage.drain(settlement)
    assert (await stage.check()).budgets[0].spent == Decimal("0.1")


async def test_a_cost_beyond_its_reservation_is_charged_in_full(stage: Any) -> None:
    await stage.budget("1")
    keeper = stage.keeper(share=1)
    reservation = await stage.reserve(keeper, "1")
    await stage.drain(stage.settle(keeper, reservation, 130))
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased, balance.passed) == (Decimal("1.3"), 0, True)


async def test_a_passed_budget_is_marked(stage: Any, database: Database) -> None:
    await stage.budget("1", hard=False)
    keeper = stage.keeper()
    reservations = [await stage.reserve(keeper, "1") for _ in range(2)]
    query = text("SELECT count(*) FROM budget_periods WHERE over_at IS NOT NULL")
    for reservation, marked in zip(reservations, (0, 1), strict=True):
        await stage.drain(stage.settle(keeper, reservation, 50))
        stage.clock.advance(timedelta(seconds=1))
        async with database.session() as session:
            assert await session.scalar(query) == marked


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount = '0'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_entries WHERE kind = 'settle'",
    ],
)
async def test_the_database_itself_refuses_changes(
    stage: Any, database: Database, statement: str
) -> None:
    keeper = stage.keeper()
    await stage.drain(stage.settle(keeper, await stage.reserve(keeper, "1"), 10))
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await session.execute(text(statement.replace("'0'", "0")))
    assert len(await _entries(database)) == 1


async def test_a_thousand_in_one_batch(stage: Any, database: Database) -> None:
    keeper = stage.keeper()
    settlements = [stage.settle(keeper, await stage.reserve(keeper, "1"), 1) for _ in range(1000)]
    await stage.drain(*settlements)
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(UsageRecord)) == 1000
    await stage.check()
