"""Jobs in real Celery workers behind a real Valkey, with beat; killed in the middle."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from billing import JobService, JobSettings
from billing.models import Job
from core.clock import SystemClock
from core.database import Database
from support import processes
from support.processes import ServerProcess
from tests.billing.jobs import celery_entry
from tests.billing.jobs.conftest import NOVEMBER, all_jobs, finished

_HERE = Path(__file__).parent


class Cluster:
    """Celery processes on one database, broker and data directory."""

    def __init__(self, directory: Path, env: dict[str, str]) -> None:
        self._directory = directory
        self._env = env

    def worker(self, name: str) -> AbstractContextManager[ServerProcess]:
        arguments = ["worker", "--pool", "prefork", "--concurrency", "1", "-n", f"{name}@%h"]
        return self._celery(name, arguments, b" ready.")

    def beat(self, name: str) -> AbstractContextManager[ServerProcess]:
        return self._celery(name, ["beat"], b"beat: Starting...")

    def _celery(
        self, name: str, arguments: list[str], ready: bytes
    ) -> AbstractContextManager[ServerProcess]:
        log = self._directory / f"{name}.log"
        return processes.running(
            [sys.executable, "-m", "celery", "-A", "celery_entry", *arguments, "-l", "INFO"],
            ready=lambda: log.exists() and ready in log.read_bytes(),
            log=log,
            env=self._env,
            cwd=self._directory,
        )


@pytest.fixture
def cluster(
    database_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    env = {
        "TEST_DATABASE_URL": database_url,
        "TEST_DATA_DIR": str(data_dir),
        "TEST_BROKER_URL": valkey_url,
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    path = os.pathsep.join([str(_HERE), str(processes.ROOT), os.environ.get("PYTHONPATH", "")])
    return Cluster(tmp_path, {**env, "PYTHONPATH": path})


@pytest.fixture
def settings(cluster: Cluster) -> JobSettings:
    return celery_entry.settings()


@pytest.fixture
def service(database: Database, settings: JobSettings) -> JobService:
    """Not started: it submits and rings once, and beat does the rest."""
    return JobService(database, SystemClock(), settings, celery_entry.tasks())


async def test_a_worker_runs_what_was_submitted_before_it_was_there(
    cluster: Cluster, service: JobService
) -> None:
    await service.start()
    submitted = await service.submit("acme", "billing", {**NOVEMBER, "format": "parquet"})
    with cluster.worker("one") as worker:
        job = await finished(service, submitted)
        assert (job.status, job.error_code) == ("done", None), worker.output()
        assert job.runner is not None
        assert job.runner.startswith("celery@one@")
        assert (await service.file("acme", job.id)).stat().st_size > 0
    await service.stop()


@pytest.mark.slow
async def test_another_worker_finishes_the_job_of_one_that_was_killed(
    cluster: Cluster, service: JobService, settings: JobSettings
) -> None:
    with cluster.beat("beat"), cluster.worker("first") as first:
        submitted = await service.submit("acme", "hang_once", {})
        await _until(lambda: _progress(service, submitted, 40))
        os.killpg(first.pid, signal.SIGKILL)  # and its children
        held = await service.get("acme", submitted.id)
        assert (held.status, held.attempts) == ("running", 1)
        with cluster.worker("second") as second:
            job = await finished(service, submitted, 60)
    assert (job.status, job.attempts, job.error_code) == ("done", 2, None), second.output()
    assert job.runner is not None
    assert job.runner.startswith("celery@second@")
    assert job.result is not None


@pytest.mark.slow
async def test_two_beats_and_two_workers_run_each_slot_once(
    cluster: Cluster, database: Database, settings: JobSettings
) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(cluster.worker(name)) for name in ("one", "two")]
        for name in ("beat-one", "beat-two"):
            stack.enter_context(cluster.beat(name))
        await _until(lambda: _settled(database, workers, ticks=12))
    runs = Counter((settings.data_dir / "slots").read_text().splitlines())
    assert set(runs.values()) == {1}
    jobs = [job for job in await all_jobs(database) if job.status == "done"]
    assert {job.kind for job in jobs} == {"retention", "rollups.verify"}
    assert {job.attempts for job in jobs} == {1}
    assert len({job.key for job in jobs}) == len(jobs)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - other processes set no event here
            await asyncio.sleep(0.05)


async def _progress(service: JobService, job: Job, percent: int) -> bool:
    return (await service.get(job.tenant, job.id)).progress == percent


async def _settled(database: Database, workers: list[ServerProcess], ticks: int) -> bool:
    # Each is logged when it is received and when it succeeds.
    seen = sum(worker.output().count("sovgate.tick[") for worker in workers) // 2
    jobs = await all_jobs(database)
    return seen >= ticks and bool(jobs) and all(job.status == "done" for job in jobs)
