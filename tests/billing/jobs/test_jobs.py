"""Jobs in this process and in a real Celery worker on a real Valkey."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from billing import (
    ExportRequest,
    JobService,
    JobSettings,
    Progress,
    TaskRegistry,
    default_tasks,
    job_to_json,
    register_exporter,
)
from billing.errors import InvalidReport, UnknownJob, UnknownJobKind
from billing.models import Job
from core.clock import SystemClock
from core.database import Database
from support import processes

_NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01"}
_WORKER = """
import os
from pathlib import Path
from billing import JobSettings, default_tasks, make_celery

app = make_celery(
    JobSettings(
        database_url=os.environ["TEST_DATABASE_URL"],
        data_dir=Path(os.environ["TEST_DATA_DIR"]),
        broker_url=os.environ["TEST_BROKER_URL"],
    ),
    default_tasks(),
)
"""


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
    return JobSettings(database_url=database_url, data_dir=tmp_path / "data", runner="test")


@pytest.fixture
async def service(
    database: Database, settings: JobSettings, tasks: TaskRegistry
) -> AsyncIterator[JobService]:
    service = JobService(database, SystemClock(), settings, tasks)
    await service.start()
    yield service
    await service.stop()


async def _finished(service: JobService, job: Job, timeout_s: float = 10) -> Job:
    async with asyncio.timeout(timeout_s):
        while True:
            found = await service.get(job.tenant, job.id)
            if found.status in ("done", "failed"):
                return found
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("file_format", ["csv", "parquet", "xlsx"])
async def test_an_export_ends_as_a_whole_file_of_its_tenant(
    service: JobService, settings: JobSettings, file_format: str
) -> None:
    submitted = await service.submit("acme", "billing", {**_NOVEMBER, "format": file_format})
    job = await _finished(service, submitted)
    body = job_to_json(job)
    assert (body["status"], body["progress"], body["error_code"]) == ("done", 100, None)
    path = await service.file("acme", job.id)
    assert path.parent == settings.exports_dir / "acme"
    assert [entry.name for entry in path.parent.iterdir()] == [job.file_name]
    assert [listed.id for listed in await service.list("acme")] == [job.id]


async def test_another_tenants_job_does_not_exist(service: JobService) -> None:
    job = await service.submit("acme", "usage", _NOVEMBER)
    await _finished(service, job)
    with pytest.raises(UnknownJob):
        await service.get("globex", job.id)
    with pytest.raises(UnknownJob):
        await service.file("globex", job.id)
    assert await service.list("globex") == []


async def test_a_crash_of_an_exporter_is_told_and_leaves_no_file(
    service: JobService, settings: JobSettings
) -> None:
    job = await _finished(service, await service.submit("acme", "explode", _NOVEMBER))
    assert (job.status, job.error_code, job.file_name) == ("failed", "internal_error", None)
    assert list((settings.exports_dir / "acme").iterdir()) == []
    with pytest.raises(UnknownJob, match="it is failed"):
        await service.file("acme", job.id)


async def test_an_expected_failure_gives_its_code(service: JobService) -> None:
    params = {**_NOVEMBER, "group_by": ["colour"]}
    job = await _finished(service, await service.submit("acme", "usage", params))
    assert (job.status, job.error_code) == ("failed", "invalid_report")


@pytest.mark.parametrize(
    ("kind", "params", "error"),
    [
        ("dance", _NOVEMBER, UnknownJobKind),
        ("usage", {**_NOVEMBER, "format": "pdf"}, InvalidReport),
        ("usage", {"from": "2026-11-01"}, InvalidReport),
        ("usage", {"from": "2026-11-01", "to": "2026-11-01"}, InvalidReport),
    ],
)
async def test_what_could_only_fail_is_not_queued(
    service: JobService, kind: str, params: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await service.submit("acme", kind, params)
    assert await service.list("acme") == []


async def _insert(database: Database, **values: object) -> Job:
    job = Job(
        id="job_1",
        tenant="acme",
        kind="usage",
        params=_NOVEMBER,
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
    job = await _finished(service, left)
    await service.stop()
    assert (job.status, job.attempts) == ("done", 2)


async def test_a_job_of_a_living_process_is_left_alone(
    database: Database, service: JobService
) -> None:
    now = SystemClock().now()
    left = await _insert(database, status="running", attempts=1, runner="other", heartbeat_at=now)
    await _finished(service, await service.submit("acme", "usage", _NOVEMBER))
    assert (await service.get("acme", left.id)).status == "running"
    stale = {"heartbeat_at": now - timedelta(minutes=2)}
    async with database.transaction() as session:
        await session.execute(update(Job).where(Job.id == left.id).values(**stale))
    await _finished(service, await service.submit("acme", "usage", _NOVEMBER))
    assert (await _finished(service, left)).attempts == 2


async def test_a_job_that_kills_its_process_is_given_up(
    database: Database, service: JobService
) -> None:
    left = await _insert(database, status="queued", attempts=5)
    await _finished(service, await service.submit("acme", "usage", _NOVEMBER))
    job = await _finished(service, left)
    assert (job.status, job.error_code) == ("failed", "job_interrupted")


async def test_a_celery_worker_runs_it_behind_a_broker(
    database: Database,
    database_url: str,
    valkey_url: str,
    tmp_path: Path,
    tasks: TaskRegistry,
) -> None:
    (tmp_path / "worker_entry.py").write_text(_WORKER)
    data_dir = tmp_path / "data"
    path = f"{tmp_path}:{processes.ROOT}"
    command = [sys.executable, "-m", "celery", "-A", "worker_entry", "worker"]
    command += ["--pool", "prefork", "--concurrency", "1", "--loglevel", "INFO"]
    env = {
        "TEST_DATABASE_URL": database_url,
        "TEST_DATA_DIR": str(data_dir),
        "TEST_BROKER_URL": valkey_url,
        "PYTHONPATH": path + os.pathsep + os.environ.get("PYTHONPATH", ""),
    }
    log = tmp_path / "worker.log"
    settings = JobSettings(database_url=database_url, data_dir=data_dir, broker_url=valkey_url)
    service = JobService(database, SystemClock(), settings, tasks)
    await service.start()
    # Submitted before a worker is there: the broker keeps it.
    submitted = await service.submit("acme", "billing", {**_NOVEMBER, "format": "parquet"})
    ready = lambda: log.exists() and b" ready." in log.read_bytes()  # noqa: E731
    with processes.running(command, ready=ready, log=log, env=env, cwd=tmp_path) as worker:
        job = await _finished(service, submitted)
        assert (job.status, job.error_code) == ("done", None), worker.output()
        assert job.runner is not None
        assert job.runner.startswith("celery@")
        assert (await service.file("acme", job.id)).stat().st_size > 0
    await service.stop()
