"""The last stage while the journal is in trouble: money set aside always comes back."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from billing import BudgetKeeper, BudgetService, PriceBook
from core.clock import SystemClock
from core.database import Database
from gateway.audit import Journal, JournalUnavailable
from gateway.exchange import Exchange, Timing
from gateway.pipeline.settle import Settle
from gateway.records import intent_body
from gateway.settings import PolicySettings
from gateway.surfaces import ChatSurface
from gateway.tenants.keys import Principal
from gateway.tenants.limits import Limits

CLOCK = SystemClock()
LIMIT = Decimal("0.05")
WORST_CASE = Decimal("0.02")


@pytest.fixture
async def keeper(database: Database) -> AsyncIterator[BudgetKeeper]:
    """One hard budget that holds two requests at a time."""
    async with database.transaction() as session:
        await BudgetService(CLOCK).create(session, "acme", limit=str(LIMIT))
    keeper = BudgetKeeper(database, CLOCK, "test-1")
    await keeper.start()
    yield keeper
    await keeper.stop()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal.open(tmp_path / "journal", CLOCK, min_free_bytes=0)
    yield journal
    journal.min_free_bytes = 0
    await journal.close()


async def admitted(keeper: BudgetKeeper, number: int) -> Exchange:
    limits = Limits()
    exchange = Exchange(
        request_id=f"req_{number}",
        surface=ChatSurface(),
        connection=cast(Any, None),
        started_at=CLOCK.now(),
        timing=Timing(CLOCK.monotonic()),
        principal=Principal("acme", "prj_1", "key_1", "key", "default", limits, limits, True, None),
        policy=PolicySettings(),
        body={"model": "auto"},
    )
    exchange.reservation = await keeper.reserve(
        request_id=exchange.request_id,
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=WORST_CASE,
    )
    return exchange


def settle_stage(keeper: BudgetKeeper, journal: Journal) -> Settle:
    return Settle(PriceBook.from_settings([]), keeper, journal, CLOCK)


async def test_requests_refused_before_their_intent_return_their_money(
    keeper: BudgetKeeper, journal: Journal
) -> None:
    stage = settle_stage(keeper, journal)
    journal.min_free_bytes = 1 << 60
    for number in range(10):  # more than the budget holds at once
        exchange = await admitted(keeper, number)
        exchange.error = JournalUnavailable("no room")
        with pytest.raises(JournalUnavailable):
            await stage.enter(exchange)


async def test_requests_whose_intent_did_not_reach_the_disk_return_their_money_and_are_recorded(
    keeper: BudgetKeeper, journal: Journal
) -> None:
    stage = settle_stage(keeper, journal)
    for number in range(10):
        exchange = await admitted(keeper, number)
        exchange.intent = journal.intent(exchange.request_id, intent_body(exchange))
        journal._commit._end(journal._commit._waiters, OSError(5, "Input/output error"))
        journal._commit._waiters = []
        with pytest.raises(JournalUnavailable) as caught:
            await exchange.intent
        exchange.error = caught.value
        await stage.enter(exchange)
        journal._check(0.0)
    batch = journal.read()
    outcomes = []
    while batch is not None:
        outcomes += batch.outcomes
        batch = journal.read(batch)
    assert [(o.request_id, o.audit["outcome"], o.audit["error_code"]) for o in outcomes][:1] == [
        ("req_0", "denied", "journal_unavailable")
    ]
    assert len({o.request_id for o in outcomes}) == 10
