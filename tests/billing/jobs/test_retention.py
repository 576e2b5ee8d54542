"""Retention deletes what is old and finished, and nothing else."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from billing import DEPLOYMENT, JobContext, JobSettings, Schedule
from billing.jobs.retention import apply_retention
from billing.jobs.schedule import slot_key
from billing.models import Budget, BudgetAlert, BudgetPeriod, BudgetRaise, Job
from core.clock import ManualClock
from core.database import Database
from tests.billing.jobs.conftest import NOVEMBER, all_jobs

# The clock stands at 2026-11-28 08:00; files and jobs are kept for 10 days.
KEPT = timedelta(days=10)


async def _apply(
    database: Database, settings: JobSettings, clock: ManualClock, schedule: Schedule | None = None
) -> dict[str, Any]:
    async def progress(percent: int) -> None:
        assert 0 <= percent <= 100

    settings = replace(settings, retention=KEPT, schedule=schedule)
    context = JobContext("job_r", DEPLOYMENT, "retention", {}, settings, clock, progress)
    return await apply_retention(database, context)


def _job(name: str, ended: datetime | None, **values: Any) -> Job:
    facts: dict[str, Any] = {"tenant": "acme", "kind": "usage", "params": NOVEMBER}
    facts |= {"status": "done" if ended else "queued", "created_at": ended} | values
    return Job(id=name, finished_at=ended, **facts)


async def test_jobs_by_age_and_state(
    database: Database, settings: JobSettings, clock: ManualClock
) -> None:
    now = clock.now()
    old, young = now - KEPT - timedelta(seconds=1), now - KEPT + timedelta(seconds=1)
    longest = {"created_at": old - timedelta(days=300)}
    async with database.transaction() as session:
        session.add_all(
            [
                _job("done-old", old, created_at=old),
                _job("failed-old", old, created_at=old, status="failed"),
                _job("globex-old", old, created_at=old, tenant="globex"),
                _job("done-young", young, created_at=old),
                _job("failed-young", young, created_at=old, status="failed"),
                _job("queued", None, **longest),
                _job("running", None, status="running", **longest),
            ]
        )
    assert await _apply(database, settings, clock) == {"jobs": 3, "files": 0, "alerts": 0}
    left = {job.id for job in await all_jobs(database)}
    assert left == {"done-young", "failed-young", "queued", "running"}


async def test_the_slot_that_still_runs_keeps_its_job(
    database: Database, settings: JobSettings, clock: ManualClock
) -> None:
    """Otherwise November's invoices would be drafted a second time on the 12th."""
    schedule = Schedule()
    month = datetime.fromisoformat("2026-11-01T04:00Z")
    before = datetime.fromisoformat("2026-10-01T04:00Z")
    async with database.transaction() as session:
        session.add_all(
            _job(
                f"draft-{slot:%m}",
                slot + timedelta(minutes=1),
                tenant=DEPLOYMENT,
                kind="invoices.draft",
                key=slot_key("invoices.draft", slot),
                created_at=slot,
            )
            for slot in (before, month)
        )
    assert (await _apply(database, settings, clock, schedule))["jobs"] == 1
    assert [job.id for job in await all_jobs(database)] == ["draft-11"]


async def test_frequent_kinds_leave_after_a_day(
    database: Database, settings: JobSettings, clock: ManualClock
) -> None:
    now = clock.now()
    ended = now - timedelta(days=1, seconds=1)
    facts: dict[str, Any] = {"tenant": DEPLOYMENT, "created_at": ended, "params": {}}
    async with database.transaction() as session:
        session.add_all(
            [
                _job("alerts", ended, kind="alerts.deliver", **facts),
                _job("alerts-new", now - timedelta(hours=23), kind="alerts.deliver", **facts),
                _job("alerts-failed", ended, kind="alerts.deliver", status="failed", **facts),
                _job("daily", ended, kind="rollups.verify", **facts),
                _job("export", ended, **facts | {"tenant": "acme"}),
            ]
        )
    assert (await _apply(database, settings, clock, Schedule()))["jobs"] == 1
    assert "alerts" not in {job.id for job in await all_jobs(database)}


def _file(path: Path, written: datetime) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (written.timestamp(), written.timestamp()))
    return path


async def test_only_old_files_of_tenants_folders(
    database: Database, settings: JobSettings, clock: ManualClock
) -> None:
    old, young = clock.now() - 2 * KEPT, clock.now() - KEPT / 2
    exports, data = settings.exports_dir, settings.data_dir
    gone = [
        _file(exports / "acme" / "usage-job_1.csv", old),
        _file(exports / "_system" / "audit-job_2.jsonl", old),
        _file(exports / "acme" / ".usage-job_3.csv.00ff.part", old),
    ]
    kept = [
        _file(exports / "acme" / "usage-job_4.csv", young),
        _file(exports / "readme", old),
        _file(exports / "acme" / "folder" / "file", old),
        _file(data / "journal" / "00000001.seg", old),
        _file(data / "pepper", old),
    ]
    link = exports / "acme" / "link"
    link.symlink_to(data / "pepper")
    (exports / "elsewhere").symlink_to(data / "journal")
    assert (await _apply(database, settings, clock))["files"] == 3
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in [*kept, link])


async def test_without_any_export(
    database: Database, settings: JobSettings, clock: ManualClock
) -> None:
    assert await _apply(database, settings, clock) == {"jobs": 0, "files": 0, "alerts": 0}


async def test_alerts_of_ended_periods_go_and_raises_stay(
    database: Database, settings: JobSettings, clock: ManualClock
) -> None:
    now = clock.now()
    budget = Budget(
        id="bud_1",
        tenant="acme",
        scope="tenant",
        scope_id="acme",
        period="day",
        hard=True,
        limit=Decimal(10),
        currency="USD",
        created_at=now - 3 * KEPT,
    )
    long_ago, lately = now - KEPT - timedelta(days=1), now - timedelta(days=1)
    periods = {"old": long_ago, "new": lately, "total": None}

    def alert(period: str, threshold: int, status: str) -> BudgetAlert:
        return BudgetAlert(
            id=f"{period}-{status}",
            tenant="acme",
            budget_id="bud_1",
            period_id=period,
            threshold=threshold,
            spent=Decimal(8),
            limit=Decimal(10),
            at=now - 2 * KEPT,
            status=status,
            attempts=1,
        )

    async with database.transaction() as session:
        session.add(budget)
        await session.flush()
        session.add_all(
            BudgetPeriod(
                id=name,
                budget_id="bud_1",
                starts_at=now - 3 * KEPT,
                ends_at=ends_at,
                spent=Decimal(0),
                leased=Decimal(0),
            )
            for name, ends_at in periods.items()
        )
        await session.flush()
        session.add_all(
            [
                alert("old", 80, "sent"),
                alert("old", 90, "pending"),
                alert("old", 100, "failed"),
                alert("new", 80, "sent"),
                alert("total", 80, "sent"),  # a budget without an end is warned of once
            ]
        )
        session.add(
            BudgetRaise(
                id="rai_1",
                budget_id="bud_1",
                amount=Decimal(5),
                starts_at=now - 3 * KEPT,
                expires_at=now - 2 * KEPT,
                author="usr_1",
                created_at=now - 3 * KEPT,
            )
        )
    assert await _apply(database, settings, clock) == {"jobs": 0, "files": 0, "alerts": 1}
    async with database.session() as session:
        alerts = set(await session.scalars(select(BudgetAlert.id)))
        raises = await session.scalar(select(func.count()).select_from(BudgetRaise))
    assert alerts == {"old-pending", "old-failed", "new-sent", "total-sent"}
    assert raises == 1
