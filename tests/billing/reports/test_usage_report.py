"""The usage report: grouped sums, by any of the groups, of one tenant."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from billing import (
    CostBreakdown,
    CostLine,
    PriceBook,
    Reservation,
    Settlement,
    Usage,
    month_span,
    snapshot,
    usage_report,
)
from billing.errors import InvalidReport
from billing.prices import UNPRICED
from billing.reports.grouping import GROUPS
from core.database import Database

_SPAN = month_span("2026-11")


@pytest.fixture
async def spent(stage: Any, database: Database) -> Database:
    keeper = stage.keeper()
    plan = [
        ("acme", "prj_1", "flash", "sov-flash", 10),
        ("acme", "prj_1", "flash", "sov-flash", 20),
        ("acme", "prj_2", None, "sov-pro", 300),
        ("globex", "prj_9", "flash", "sov-flash", 5000),
    ]
    for tenant, project, tier, model, cents in plan:
        reservation = await stage.reserve(keeper, "99", tenant=tenant, project_id=project)
        await stage.drain(stage.settlement(reservation, cents, tier=tier, model=model))
        stage.clock.advance(timedelta(days=1))
    return database


async def test_by_model(spent: Database) -> None:
    async with snapshot(spent) as session:
        report = await usage_report(session, "acme", *_SPAN, group_by=["model"])
    body = report.to_json()
    assert [(r["model"], r["requests"], r["input_tokens"], r["cost"]) for r in body["rows"]] == [
        ("sov-flash", 2, 30, "0.3"),
        ("sov-pro", 1, 300, "3"),
    ]
    assert (body["total"]["cost"], body["total"]["requests"]) == ("3.3", 3)
    json.dumps(body)


async def test_by_day_and_project(spent: Database) -> None:
    async with snapshot(spent) as session:
        report = await usage_report(session, "acme", *_SPAN, group_by=["day", "project"])
    assert [(row.group, row.cost) for row in report.rows] == [
        (("2026-11-21", "prj_1"), Decimal("0.1")),
        (("2026-11-22", "prj_1"), Decimal("0.2")),
        (("2026-11-23", "prj_2"), Decimal(3)),
    ]


async def test_every_grouping_has_the_same_total(spent: Database) -> None:
    async with snapshot(spent) as session:
        whole = await usage_report(session, "acme", *_SPAN, group_by=[])
        assert whole.total.cost == Decimal("3.3")
        for name in GROUPS:
            report = await usage_report(session, "acme", *_SPAN, group_by=[name])
            assert report.total == whole.total
            table = report.table()
            assert {len(row) for row in table.rows} == {len(table.columns)}


async def test_nothing_used_is_an_empty_report(spent: Database) -> None:
    async with snapshot(spent) as session:
        for group_by in (["model"], []):
            report = await usage_report(session, "nobody", *_SPAN, group_by=group_by)
            assert (report.rows, report.total.cost) == ([], 0)


async def test_an_unknown_grouping_is_refused(spent: Database) -> None:
    async with snapshot(spent) as session:
        with pytest.raises(InvalidReport, match="Group by tenant, project"):
            await usage_report(session, "acme", *_SPAN, group_by=["colour"])


async def test_several_tenants_side_by_side(spent: Database) -> None:
    async with snapshot(spent) as session:
        everybody = await usage_report(session, None, *_SPAN, group_by=["tenant"])
        some = await usage_report(session, ["globex", "nobody"], *_SPAN, group_by=["tenant"])
    assert [(row.group, row.cost) for row in everybody.rows] == [
        (("acme",), Decimal("3.3")),
        (("globex",), Decimal(50)),
    ]
    assert everybody.total.cost == Decimal("53.3")
    assert everybody.to_json()["tenant"] is None
    assert [row.group for row in some.rows] == [("globex",)]


async def test_filters_narrow_and_are_checked(spent: Database) -> None:
    async with snapshot(spent) as session:
        only = {"model": "sov-flash", "project": "prj_1"}
        report = await usage_report(session, "acme", *_SPAN, group_by=["tier"], only=only)
        assert [(row.group, row.requests) for row in report.rows] == [(("flash",), 2)]
        untiered = await usage_report(session, "acme", *_SPAN, group_by=["tier"])
        assert [row.group for row in untiered.rows] == [(None,), ("flash",)]
        with pytest.raises(InvalidReport, match="Filter by tenant, project"):
            await usage_report(session, "acme", *_SPAN, only={"day": "2026-11-21"})
        with pytest.raises(InvalidReport, match="once"):
            await usage_report(session, "acme", *_SPAN, group_by=["day", "day"])


_BOOK = PriceBook.from_settings(
    [
        {
            "model": "sov-pro",
            "effective_from": "2026-01-01",
            "input": "0.66",
            "cached_input": "0.022",
            "output": "1.98",
            "reasoning": "2.50",
            "worker_second": "0.00041",
            "minimum": "0.01",
        }
    ]
)
_AT = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
_USAGE = Usage(
    input_tokens=1000,
    cached_input_tokens=500,
    output_tokens=200,
    reasoning_tokens=300,
    worker_seconds=Decimal("1.5"),
    estimated=True,
)


def _pro(request: str, at: datetime, usage: Usage, **facts: Any) -> Settlement:
    reservation = Reservation(
        request_id=request,
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(1),
        at=at,
        end_user=facts.pop("end_user", None),
    )
    breakdown = facts.pop("breakdown", None) or _BOOK.price("sov-pro", at, usage)
    return Settlement.settle(
        reservation, usage=usage, breakdown=breakdown, model="sov-pro", **facts
    )


@pytest.fixture
async def classes(stage: Any, database: Database) -> Database:
    """A large request, one below the minimum of a cent, one without a price; two end users."""
    free = _BOOK.price("sov-pro", _AT, Usage())
    await stage.drain(
        _pro("req_1", _AT, _USAGE, end_user="eu_1", ended="disconnected"),
        _pro("req_2", _AT + timedelta(seconds=1), Usage(output_tokens=1000), end_user="eu_2"),
        _pro(
            "req_3",
            _AT + timedelta(hours=1),
            Usage(input_tokens=10**6),
            breakdown=CostBreakdown(
                UNPRICED,
                free.currency,
                (CostLine("input", Decimal(10**6), Decimal(0), 10**6, Decimal(0)),),
            ),
        ),
    )
    return database


async def test_a_row_per_token_class_with_its_cost(classes: Database) -> None:
    """Input 1000 * 0.66/M, cached 500 * 0.022/M, output 1200 * 1.98/M, reasoning 300 * 2.50/M,
    1.5 s * 0.00041; what is missing to a cent: 0.01 - 0.002432 and 0.01 - 0.00198."""
    span = (_AT - timedelta(hours=1), _AT + timedelta(hours=2))
    async with snapshot(classes) as session:
        report = await usage_report(session, "acme", *span, group_by=["token_class"])
    assert [
        (row.group[0], sum(row.tokens), row.worker_seconds, row.cost) for row in report.rows
    ] == [
        ("input", 1_001_000, 0, Decimal("0.00066")),
        ("cached_input", 500, 0, Decimal("0.000011")),
        ("output", 1200, 0, Decimal("0.002376")),
        ("reasoning", 300, 0, Decimal("0.00075")),
        ("worker_second", 0, Decimal("1.5"), Decimal("0.000615")),
        ("minimum_charge", 0, 0, Decimal("0.015588")),
    ]
    assert {row.requests for row in report.rows} == {None}
    total = report.total
    assert (total.requests, total.unpriced_requests, total.cut_requests) == (3, 1, 1)
    assert (total.estimated_requests, total.surcharge) == (1, Decimal("0.015588"))
    assert total.cost == Decimal("0.02")
    json.dumps(report.to_json())


async def test_by_hour_month_and_end_user(classes: Database) -> None:
    span = (_AT - timedelta(hours=1), _AT + timedelta(hours=2))
    async with snapshot(classes) as session:
        hours = await usage_report(session, "acme", *span, group_by=["month", "hour"])
        users = await usage_report(session, "acme", *span, group_by=["user"])
        one = await usage_report(session, "acme", *span, group_by=[], only={"user": "eu_2"})
    assert [(row.group, row.requests) for row in hours.rows] == [
        (("2026-11", "2026-11-30T23:00:00Z"), 1),
        (("2026-12", "2026-12-01T00:00:00Z"), 2),
    ]
    assert [row.group for row in users.rows] == [(None,), ("eu_1",), ("eu_2",)]
    assert (one.total.requests, one.total.cost) == (1, Decimal("0.01"))


async def test_costs_in_two_currencies_are_not_added(classes: Database) -> None:
    async with classes.transaction() as session:
        await session.execute(
            text("UPDATE usage_records SET currency = 'EUR' WHERE request_id = 'req_2'")
        )
    span = (_AT, _AT + timedelta(minutes=1))
    async with snapshot(classes) as session:
        with pytest.raises(InvalidReport, match="do not add up"):
            await usage_report(session, "acme", *span, group_by=[])
        euros = await usage_report(session, "acme", _AT + timedelta(seconds=1), span[1])
    assert euros.currency == "EUR"
