"""Roll-ups are always equal to the records: any settlements, in any batches, on both databases."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from billing import PriceBook, Reservation, Settlement, Usage, run_check, snapshot, usage_report
from billing.ledger.rebuild import compare_rollups, rebuild_rollups
from billing.prices import UNPRICED, CostBreakdown
from billing.reports.grouping import GROUPS
from core.clock import ManualClock
from core.database import Database

_START = datetime(2026, 10, 31, 22, tzinfo=UTC)
_BOOK = PriceBook.from_settings(
    [
        {
            "model": "small",
            "effective_from": "2026-01-01",
            "input": "0.15",
            "cached_input": "0.003",
            "output": "0.60",
            "minimum": "0.0000004",
            "windows": [{"name": "peak", "hours": ["23:00-01:00"], "factor": "2"}],
        },
        {"model": "large", "effective_from": "2026-01-01", "input": "5", "output": "30"},
        {
            "model": "own",
            "effective_from": "2026-01-01",
            "input": "0",
            "output": "0",
            "worker_second": "0.00041",
        },
        {"model": "free", "effective_from": "2026-01-01", "input": "0", "output": "0"},
    ]
)
_COUNTS = st.integers(0, 3000)
_REQUESTS = st.fixed_dictionaries(
    {
        "second": st.integers(0, 5 * 3600 - 1),
        "project_id": st.sampled_from(["prj_1", "prj_2"]),
        "end_user": st.sampled_from([None, "eu_1"]),
        "model": st.sampled_from(["small", "large", "own", UNPRICED]),
        "tier": st.sampled_from([None, "flash", "think-max"]),
        "trend": st.sampled_from([None, "code"]),
        "upstream": st.sampled_from([None, "pool"]),
        "ended": st.sampled_from(["completed", "disconnected"]),
        "counts": st.tuples(*(_COUNTS,) * 4),
        "micros": st.integers(0, 10**7),
        "estimated": st.booleans(),
    }
)
_BATCHES = st.lists(st.lists(_REQUESTS, max_size=8), min_size=1, max_size=5)
_PAIRS = [("hour", "model"), ("month", "project", "tier"), ("day", "token_class"), ()]
_NUMBERS: Iterator[int] = count(1)


def _settlement(tenant: str, facts: dict[str, Any]) -> Settlement:
    at = _START + timedelta(seconds=facts["second"], microseconds=facts["micros"] % 10**6)
    inputs, cached, outputs, thoughts = facts["counts"]
    usage = Usage(
        input_tokens=inputs,
        cached_input_tokens=cached,
        output_tokens=outputs,
        reasoning_tokens=thoughts,
        worker_seconds=Decimal(facts["micros"]) / 10**6,
        estimated=facts["estimated"],
    )
    reservation = Reservation(
        request_id=f"req_{next(_NUMBERS)}",
        tenant=tenant,
        project_id=facts["project_id"],
        key_id="key_1",
        amount=Decimal(1),
        at=at,
        end_user=facts["end_user"],
    )
    model = facts["model"]
    breakdown = _BOOK.price("free" if model == UNPRICED else model, at, usage)
    if model == UNPRICED:
        breakdown = CostBreakdown(UNPRICED, "USD", breakdown.lines)
    names = ("tier", "trend", "upstream", "ended")
    return Settlement.settle(
        reservation,
        usage=usage,
        breakdown=breakdown,
        model=model,
        **{name: facts[name] for name in names},
    )


async def _play(url: str, stage_of: Any, batches: list[list[dict[str, Any]]]) -> None:
    database, tenant = Database(url), f"tenant-{next(_NUMBERS)}"
    stage = stage_of(database, ManualClock(_START))
    try:
        drained: list[Settlement] = []
        for number, batch in enumerate(batches):
            settlements = [_settlement(tenant, facts) for facts in batch]
            # Now and then a batch comes with one that was drained before.
            await stage.drain(*settlements, *(drained if number % 2 else ()))
            drained += settlements
        await _require_equal(database, tenant, sum((s.cost for s in drained), Decimal(0)))
        async with database.transaction() as session:
            assert (await rebuild_rollups(session, tenant)).changed == 0
        assert (await run_check(database)).ok
    finally:
        await database.dispose()


async def _require_equal(database: Database, tenant: str, cost: Decimal) -> None:
    whole = _START, _START + timedelta(hours=5)
    # Its middle is read from roll-ups, its ends from records.
    ragged = _START + timedelta(minutes=20), _START + timedelta(hours=4, seconds=5)
    async with snapshot(database) as session:
        for span in (whole, ragged):
            for group_by in [*_PAIRS, *((name,) for name in GROUPS)]:
                rolled = await usage_report(session, tenant, *span, group_by=group_by)
                raw = await usage_report(
                    session, tenant, *span, group_by=group_by, records_only=True
                )
                assert rolled == raw
                assert sum((row.cost for row in rolled.rows), Decimal(0)) == rolled.total.cost
        assert (await usage_report(session, tenant, *whole)).total.cost == cost


@pytest.mark.timeout(300)
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=_BATCHES)
def test_both_sources_give_the_same_reports(
    fresh_database: Callable[[], AbstractContextManager[str]],
    stage_of: Any,
    batches: list[list[dict[str, Any]]],
) -> None:
    with fresh_database() as url:
        asyncio.run(_play(url, stage_of, batches))


_FACTS = {
    "project_id": "prj_1",
    "end_user": None,
    "tier": "flash",
    "trend": "code",
    "upstream": "pool",
    "ended": "completed",
    "counts": (100, 0, 10, 0),
    "micros": 0,
    "estimated": False,
}


@pytest.fixture
async def used(stage: Any, database: Database) -> Database:
    """Three hours of one model and one of another, of acme."""
    hours = [("small", 0), ("small", 3600), ("small", 7200), ("large", 7200)]
    await stage.drain(
        *(_settlement("acme", _FACTS | {"model": model, "second": at}) for model, at in hours)
    )
    return database


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE usage_rollups SET input_tokens = input_tokens + 1", (0, 0, 4, 0)),
        ("UPDATE usage_rollups SET cost = '9' WHERE model = 'large'", (3, 0, 1, 0)),
        # The sums of the day stay what they are.
        ("UPDATE usage_rollups SET trend = 'math' WHERE model = 'large'", (3, 0, 1, 0)),
        ("DELETE FROM usage_rollups WHERE model = 'small'", (1, 3, 0, 0)),
    ],
)
async def test_damage_is_found_and_put_right(
    used: Database, damage: str, found: tuple[int, int, int, int]
) -> None:
    async with used.transaction() as session:
        await session.execute(text(damage))
    report = await run_check(used)
    assert any("roll-ups" in problem for problem in report.problems)
    async with used.session() as session:
        before = await compare_rollups(session, "acme")
    assert (before.right, before.missing, before.wrong, before.surplus) == found
    async with used.transaction() as session:
        assert await rebuild_rollups(session, "acme") == before
    assert (await run_check(used)).ok
    async with used.session() as session:
        assert (await compare_rollups(session, "acme")).right == 4


async def test_an_id_that_is_none_of_its_dimensions_is_put_right(used: Database) -> None:
    """No sum is wrong by it, so the check, which adds up, passes it over."""
    async with used.transaction() as session:
        await session.execute(text("UPDATE usage_rollups SET id = 'x' WHERE model = 'large'"))
    assert (await run_check(used)).ok
    async with used.transaction() as session:
        found = await rebuild_rollups(session, "acme")
    assert (found.right, found.missing, found.wrong, found.surplus) == (3, 1, 0, 1)
    async with used.session() as session:
        assert (await compare_rollups(session, "acme")).right == 4


async def test_another_tenants_roll_ups_stay(used: Database) -> None:
    async with used.transaction() as session:
        await session.execute(text("UPDATE usage_rollups SET requests = 7"))
        await rebuild_rollups(session, "globex")
    assert not (await run_check(used)).ok
