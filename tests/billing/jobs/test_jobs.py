"""Jobs in this process: submitted, run, retried, cancelled, found again after a crash."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from billing import DEPLOYMENT, JobService, JobSettings, TaskRegistry, job_to_json
from billing.errors import (
    InvalidJob,
    InvalidReport,
    JobKeyReused,
    JobStateConflict,
    UnknownJob,
    UnknownJobKind,
)
from billing.models import Job
from core.clock import SystemClock
from core.database import Database
from tests.billing.jobs.conftest import NOVEMBER, all_jobs, finished


@pytest.mark.parametrize("file_format", ["csv", "parquet", "xlsx"])
async def test_an_export_ends_as_a_whole_file_of_its_tenant(
    service: JobService, settings: JobSettings, file_format: str
) -> None:
    submitted = await service.submit("acme", "billing", {**NOVEMBER, "format": file_format})
    job = await finished(service, submitted)
    body = job_to_json(job)
    assert (body["status"], body["progress"], body["error_code"]) == ("done", 100, None)
    path = await service.file("acme", job.id)
    assert path.parent == settings.exports_dir / "acme"
    assert [entry.name for entry in path.parent.iterdir()] == [job.file_name]
    assert [listed.id for listed in await service.list("acme")] == [job.id]


async def test_another_tenants_job_does_not_exist(service: JobService) -> None:
    job = await service.submit("acme", "usage", NOVEMBER)
    await finished(service, job)
    for call in (service.get, service.file, service.retry, service.cancel):
        with pytest.raises(UnknownJob):
            await call("globex", job.id)
    assert await service.list("globex") == []


async def test_a_crash_of_an_exporter_is_told_and_leaves_no_file(
    service: JobService, settings: JobSettings
) -> None:
    job = await finished(service, await service.submit("acme", "explode", NOVEMBER))
    assert (job.status, job.error_code, job.file_name) == ("failed", "internal_error", None)
    assert job.attempts == 1
    assert list((settings.exports_dir / "acme").iterdir()) == []
    with pytest.raises(UnknownJob, match="it is failed"):
        await service.file("acme", job.id)


async def test_an_expected_failure_gives_its_code_and_its_sentence(service: JobService) -> None:
    params = {**NOVEMBER, "group_by": ["colour"]}
    job = await finished(service, await service.submit("acme", "usage", params))
    assert (job.status, job.error_code) == ("failed", "invalid_report")
    assert job.result is not None
    assert "colour" in job.result["message"]


@pytest.mark.parametrize(
    ("tenant", "kind", "params", "error"),
    [
        ("acme", "dance", NOVEMBER, UnknownJobKind),
        ("acme", "usage", {**NOVEMBER, "format": "pdf"}, InvalidReport),
        ("acme", "usage", {"from": "2026-11-01"}, InvalidReport),
        ("acme", "usage", {"from": "2026-11-01", "to": "2026-11-01"}, InvalidReport),
        ("acme", "retention", {}, UnknownJobKind),
        (DEPLOYMENT, "usage", NOVEMBER, UnknownJobKind),
        (DEPLOYMENT, "retention", {"days": "0"}, InvalidJob),
    ],
)
async def test_what_could_only_fail_is_not_queued(
    database: Database,
    service: JobService,
    tenant: str,
    kind: str,
    params: dict[str, str],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await service.submit(tenant, kind, params)
    assert await all_jobs(database) == []


async def test_the_same_key_is_the_same_job(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> None:
    service = JobService(database, SystemClock(), settings, tasks)  # runs nothing
    recorded: list[str] = []

    async def record(_: object, job: Job) -> None:
        recorded.append(job.id)

    async def submit(tenant: str = "acme", kind: str = "usage") -> Job:
        return await service.submit(tenant, kind, NOVEMBER, key="october", also=record)

    jobs = await asyncio.gather(*(submit() for _ in range(8)))
    assert len({job.id for job in jobs}) == 1
    assert recorded == [jobs[0].id]
    other = await submit("globex")
    assert [job.id for job in await all_jobs(database)] == [jobs[0].id, other.id]
    with pytest.raises(JobKeyReused):
        await submit(kind="billing")
    with pytest.raises(JobKeyReused):
        await service.submit("acme", "usage", {**NOVEMBER, "format": "xlsx"}, key="october")
    without = [await service.submit("acme", "usage", NOVEMBER) for _ in range(2)]
    assert without[0].id != without[1].id


async def test_no_job_without_its_record(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> None:
    service = JobService(database, SystemClock(), settings, tasks)

    async def fail(*_: object) -> None:
        raise RuntimeError("the trail is away")

    with pytest.raises(RuntimeError):
        await service.submit("acme", "usage", NOVEMBER, also=fail)
    assert await all_jobs(database) == []
    job = await service.submit("acme", "usage", NOVEMBER)
    with pytest.raises(RuntimeError):
        await service.cancel("acme", job.id, also=fail)
    assert (await service.get("acme", job.id)).status == "queued"


async def test_a_failed_job_is_retried_and_a_queued_one_cancelled(service: JobService) -> None:
    params = {**NOVEMBER, "group_by": ["colour"]}
    job = await finished(service, await service.submit("acme", "usage", params))
    again = await service.retry("acme", job.id)
    assert (again.id, again.status, again.error_code) == (job.id, "queued", None)
    job = await finished(service, job)
    assert (job.status, job.attempts, job.error_code) == ("failed", 1, "invalid_report")
    done = await finished(service, await service.submit("acme", "usage", NOVEMBER))
    for call in (service.retry, service.cancel):
        with pytest.raises(JobStateConflict, match="is done"):
            await call("acme", done.id)


async def test_a_cancelled_job_is_not_run(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> None:
    service = JobService(database, SystemClock(), settings, tasks)
    job = await service.submit("acme", "usage", NOVEMBER)
    cancelled = await service.cancel("acme", job.id)
    assert (cancelled.status, cancelled.error_code) == ("failed", "job_cancelled")
    await service.start()
    await finished(service, await service.submit("acme", "usage", NOVEMBER))
    assert (await service.get("acme", job.id)).attempts == 0
    await service.retry("acme", job.id)  # the mind may be changed
    assert (await finished(service, job)).status == "done"
    await service.stop()


async def test_lists_by_kind_and_status(service: JobService) -> None:
    usage = await finished(service, await service.submit("acme", "usage", NOVEMBER))
    billing = await finished(service, await service.submit("acme", "billing", NOVEMBER))
    failed = await finished(service, await service.submit("acme", "explode", NOVEMBER))

    async def ids(**filters: Any) -> list[str]:
        return [job.id for job in await service.list("acme", **filters)]

    assert await ids() == [failed.id, billing.id, usage.id]
    assert await ids(kinds=["usage", "explode"]) == [failed.id, usage.id]
    assert await ids(statuses=["done"]) == [billing.id, usage.id]
    assert await ids(kinds=["usage"], statuses=["failed"]) == []
    assert [job.id for job in await service.list("acme", 1)] == [failed.id]


async def _insert(database: Database, **values: object) -> Job:
    job = Job(
        id="job_1",
        tenant="acme",
        kind="usage",
        params=NOVEMBER,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        **values,
    )
    async with database.transaction() as session:
        session.add(job)
    return job


async def test_a_restart_runs_what_the_dead_process_left(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> None:
    now = SystemClock().now()
    left = await _insert(database, status="running", attempts=1, runner="test", heartbeat_at=now)
    service = JobService(database, SystemClock(), settings, tasks)
    await service.start()
    job = await finished(service, left)
    await service.stop()
    assert (job.status, job.attempts) == ("done", 2)


async def test_a_job_of_a_living_process_is_left_alone(
    database: Database, service: JobService
) -> None:
    now = SystemClock().now()
    left = await _insert(database, status="running", attempts=1, runner="other", heartbeat_at=now)
    await finished(service, await service.submit("acme", "usage", NOVEMBER))
    assert (await service.get("acme", left.id)).status == "running"
    stale = {"heartbeat_at": now - timedelta(minutes=2)}
    async with database.transaction() as session:
        await session.execute(update(Job).where(Job.id == left.id).values(**stale))
    await finished(service, await service.submit("acme", "usage", NOVEMBER))
    assert (await finished(service, left)).attempts == 2


async def test_a_job_that_kills_its_process_is_given_up(
    database: Database, service: JobService
) -> None:
    left = await _insert(database, status="queued", attempts=5)
    await finished(service, await service.submit("acme", "usage", NOVEMBER))
    job = await finished(service, left)
    assert (job.status, job.error_code) == ("failed", "job_interrupted")
