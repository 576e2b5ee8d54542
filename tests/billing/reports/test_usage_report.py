"""The usage report: grouped sums, by any of the groups, of one tenant."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import month_span, snapshot, usage_report
from billing.errors import InvalidReport
from billing.reports.usage import GROUPS
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
        with pytest.raises(InvalidReport, match="Group by model"):
            await usage_report(session, "acme", *_SPAN, group_by=["colour"])
