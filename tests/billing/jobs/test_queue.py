"""The schedule in the jobs table: one job a slot, however many look at the clock."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing import DEPLOYMENT, JobService, JobSettings, Schedule, TaskRegistry
from billing.jobs.execution import run_job
from billing.jobs.queue import enqueue_due, waiting
from billing.models import Job
from core.clock import ManualClock
from core.database import Database
from tests.billing.jobs.conftest import NOVEMBER, all_jobs, finished


@pytest.fixture
def settings(settings: JobSettings) -> JobSettings:
    return replace(settings, schedule=Schedule({"rollups.verify": "every 5m"}))


async def _keys(database: Database) -> list[str | None]:
    return [job.key for job in await all_jobs(database)]


async def _tick(
    database: Database, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> None:
    await enqueue_due(database, clock, settings, tasks)
    for job_id in await waiting(database, clock, settings):
        await run_job(settings, tasks, job_id, "test", clock)


async def test_many_ticks_at_once_make_one_job_a_slot(
    database: Database, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> None:
    for _ in range(3):
        await asyncio.gather(*(enqueue_due(database, clock, settings, tasks) for _ in range(6)))
        clock.advance(timedelta(seconds=20))
    assert sorted(await _keys(database), key=str) == [
        "schedule:retention@2026-11-28T03:00Z",
        "schedule:rollups.verify@2026-11-28T08:00Z",
    ]
    (verify,) = [job for job in await all_jobs(database) if job.kind == "rollups.verify"]
    assert (verify.tenant, verify.params) == (DEPLOYMENT, {"slot": "2026-11-28T08:00:00.000000Z"})


async def test_a_day_of_ticks_and_an_outage(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> None:
    settings = replace(settings, schedule=Schedule({"retention": "off"}))
    clock = ManualClock(datetime(2026, 11, 27, 1, 59, 50, tzinfo=UTC))
    for _ in range(4):  # 01:59:50 .. 02:00:35
        await _tick(database, settings, tasks, clock)
        clock.advance(timedelta(seconds=15))
    clock.advance(timedelta(days=2, hours=3))  # down at 02:00 on the 28th and on the 29th
    for _ in range(2):
        await _tick(database, settings, tasks, clock)
        clock.advance(timedelta(seconds=15))
    assert await _keys(database) == [
        "schedule:rollups.verify@2026-11-26T02:00Z",
        "schedule:rollups.verify@2026-11-27T02:00Z",
        "schedule:rollups.verify@2026-11-29T02:00Z",
    ]
    assert {job.status for job in await all_jobs(database)} == {"done"}


async def test_a_slot_waits_while_the_previous_one_is_at_work(
    database: Database, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> None:
    await enqueue_due(database, clock, settings, tasks)
    clock.advance(timedelta(minutes=5))
    await enqueue_due(database, clock, settings, tasks)
    assert len(await all_jobs(database)) == 2  # verify and retention, once each
    await _tick(database, settings, tasks, clock)
    clock.advance(timedelta(minutes=2))
    await enqueue_due(database, clock, settings, tasks)
    assert "schedule:rollups.verify@2026-11-28T08:05Z" in await _keys(database)


async def test_kinds_that_are_off_or_unknown_here_are_not_queued(
    database: Database, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> None:
    off = Schedule({"retention": "off", "rollups.verify": "off"})
    await enqueue_due(database, clock, replace(settings, schedule=off), tasks)
    await enqueue_due(database, clock, replace(settings, schedule=None), tasks)
    await enqueue_due(database, clock, settings, TaskRegistry())
    assert await all_jobs(database) == []


async def test_two_processes_without_a_broker_share_the_slots(
    database: Database, settings: JobSettings, tasks: TaskRegistry, clock: ManualClock
) -> None:
    quick = replace(settings, poll=timedelta(milliseconds=30))
    services = [
        JobService(database, clock, replace(quick, runner=name), tasks) for name in ("a", "b")
    ]
    for service in services:
        await service.start()

    async def slot(minute: int) -> Job:
        key = f"schedule:rollups.verify@2026-11-28T08:{minute:02}Z"
        async with asyncio.timeout(30):
            while True:
                found = [job for job in await all_jobs(database) if job.key == key]
                if found:
                    return await finished(services[0], found[0])
                await asyncio.sleep(0.02)

    for minute in (0, 5, 10):
        assert (await slot(minute)).status == "done"
        clock.advance(timedelta(minutes=5))
    # An export is done beside them, by either.
    await finished(services[1], await services[0].submit("acme", "usage", NOVEMBER))
    for service in services:
        await service.stop()
    jobs = await all_jobs(database)
    keys = [job.key for job in jobs if job.key is not None]
    assert len(keys) == len(set(keys))
    assert {job.attempts for job in jobs if job.status == "done"} == {1}
