"""Recorded usage by hour: on both databases, within its tenant, and the same plan as stated."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import month_span, snapshot
from billing.ledger.rollups import move_rollups
from billing.planning import (
    HourlyUsage,
    Published,
    Workload,
    hourly_usage,
    make_plan,
    measured_workload,
    stated_workload,
)
from billing.planning.output import plan_to_json
from billing.usage import TOKEN_CLASSES
from core.database import Database

_NOVEMBER = month_span("2026-11")
_FIRST = _NOVEMBER[0]


def _record(at: datetime, **facts: Any) -> dict[str, Any]:
    """A settled request as the ledger's drain sees it."""
    nothing = {f"{name}_tokens": 0 for name in TOKEN_CLASSES}
    amounts = dict.fromkeys(("worker_seconds", "surcharge", "cost"), Decimal(0))
    who = {"tenant": "acme", "project_id": "prj_1", "key_id": "key_1", "model": "sov-flash"}
    rest = {"price_version": "pv_1", "currency": "USD", "estimated": False, "ended": "completed"}
    unknown = dict.fromkeys(("tier", "upstream", "zone", "trend"))
    return {"at": at, **nothing, **amounts, **who, **rest, **unknown, **facts}


async def _store(database: Database, records: list[dict[str, Any]]) -> None:
    async with database.transaction() as session:
        await move_rollups(session, records)


async def _hours(database: Database, tenant: str | None, **options: Any) -> list[HourlyUsage]:
    async with snapshot(database) as session:
        return await hourly_usage(session, tenant, *_NOVEMBER, **options)


async def test_sums_by_hour(database: Database) -> None:
    noon = datetime(2026, 11, 3, 12, 59, 59, 999999, tzinfo=UTC)
    counts = {"input_tokens": 10, "cache_write_tokens": 5, "cached_input_tokens": 3}
    written = {"output_tokens": 2, "reasoning_tokens": 40}
    await _store(
        database,
        [
            _record(noon, **counts, **written),
            _record(noon - timedelta(minutes=30), output_tokens=1, project_id="prj_2"),
            _record(noon + timedelta(seconds=1), output_tokens=7),
            _record(_FIRST - timedelta(seconds=1), output_tokens=900),
            _record(_NOVEMBER[1], output_tokens=900),
        ],
    )
    twelve = noon.replace(minute=0, second=0, microsecond=0)
    assert await _hours(database, "acme") == [
        HourlyUsage(twelve, 2, 15, 3, 43),
        HourlyUsage(twelve + timedelta(hours=1), 1, 0, 0, 7),
    ]


async def test_settled_requests_are_counted(stage: Any) -> None:
    """From the reservation over the ledger to the hour: 30 input tokens in two requests."""
    keeper = stage.keeper()
    for cents in (10, 20):
        reservation = await stage.reserve(keeper, "1")
        await stage.drain(stage.settlement(reservation, cents))
    (hour,) = await _hours(stage.database, "acme")
    assert hour == HourlyUsage(datetime(2026, 11, 21, 12, tzinfo=UTC), 2, 30, 0, 0)


async def test_tenant_and_model(database: Database) -> None:
    await _store(
        database,
        [
            _record(_FIRST, output_tokens=1),
            _record(_FIRST, output_tokens=20, model="sov-pro"),
            _record(_FIRST, output_tokens=300, tenant="globex"),
        ],
    )
    cases: list[tuple[str | None, list[str], int]] = [
        ("acme", [], 21),
        ("globex", [], 300),
        (None, [], 321),
        (None, ["sov-flash"], 301),
        ("acme", ["sov-flash", "sov-pro"], 21),
    ]
    for tenant, models, expected in cases:
        hours = await _hours(database, tenant, models=models)
        assert [hour.output_tokens for hour in hours] == [expected]
    assert await _hours(database, "nobody") == []


def _days() -> Iterator[datetime]:
    return (_FIRST + timedelta(days=day) for day in range(30))


@pytest.fixture
def stated() -> Workload:
    """48 requests a day: one in each hour, 25 at noon, 12.5 times the mean of two an hour."""
    return stated_workload(
        requests_per_day=Decimal(48),
        input_tokens=Decimal(40_000),
        output_tokens=Decimal(6000),
        cached_share=Decimal("0.25"),
        peak_factor=Decimal("12.5"),
        # 21 working days of 7 peak hours with one request each, of 30 * 48 requests.
        peak_price_share=Decimal(21 * 7) / Decimal(30 * 48),
    )


async def test_real_usage_makes_the_same_plan_as_the_stated_equivalent(
    database: Database, published: Published, stated: Workload
) -> None:
    counts = {"input_tokens": 30_000, "cached_input_tokens": 10_000, "output_tokens": 1000}
    counts["reasoning_tokens"] = 5000
    await _store(
        database,
        [
            _record(day + timedelta(hours=hour, minutes=minute), **counts)
            for day in _days()
            for hour in range(24)
            for minute in range(25 if hour == 12 else 1)
        ],
    )
    measured = measured_workload(await _hours(database, "acme"), *_NOVEMBER, "stated")
    plans = [plan_to_json(make_plan(work, published)) for work in (measured, stated)]
    assert plans[0] == plans[1]
