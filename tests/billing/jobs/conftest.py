"""A job service that runs in this process, and tasks that fail in every way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from billing import (
    ExportRequest,
    JobService,
    JobSettings,
    Progress,
    TaskRegistry,
    default_tasks,
    register_exporter,
)
from billing.models import Job
from core.clock import ManualClock, SystemClock
from core.database import Database

NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01"}
AT_ONCE = (timedelta(0),) * 4


async def _explode(database: Database, request: ExportRequest, path: Path, _: Progress) -> None:
    await asyncio.to_thread(path.write_text, "half a file")
    raise RuntimeError("boom")


@pytest.fixture
def tasks() -> TaskRegistry:
    registry = default_tasks()
    register_exporter(registry, "explode", _explode, {"csv"})
    return registry


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> JobSettings:
    return JobSettings(
        database_url=database_url, data_dir=tmp_path / "data", runner="test", backoff=AT_ONCE
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 28, 8, tzinfo=UTC))


@pytest.fixture
async def service(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> AsyncIterator[JobService]:
    service = JobService(database, SystemClock(), settings, tasks)
    await service.start()
    yield service
    await service.stop()


async def finished(service: JobService, job: Job, timeout_s: float = 30) -> Job:
    """The job as soon as it has ended."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await service.get(job.tenant, job.id)
            if found.status in ("done", "failed"):
                return found
            await asyncio.sleep(0.02)


async def all_jobs(database: Database) -> list[Job]:
    """Every tenant's jobs, the oldest first."""
    async with database.session() as session:
        return list(await session.scalars(select(Job).order_by(Job.created_at, Job.id)))
