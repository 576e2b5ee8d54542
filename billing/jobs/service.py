"""Jobs as the admin API and the command line handle them: submit, watch, download, retry."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import JobStateConflict, UnknownJob
from billing.jobs import repository
from billing.jobs.execution import CANCELLED
from billing.jobs.files import export_path
from billing.jobs.queue import enqueue
from billing.jobs.runners import BrokerRunner, LocalRunner, Runner
from billing.jobs.settings import JobSettings
from billing.jobs.tasks import TaskRegistry
from billing.models import Job
from core.clock import Clock, isoformat
from core.database import Database

# Done in the transaction of the change itself, and only where there is one.
Also = Callable[[AsyncSession, Job], Awaitable[None]]


class JobService:
    """The jobs of a deployment; every method takes the tenant's scope
    (``DEPLOYMENT`` for the jobs of the whole)."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: JobSettings,
        tasks: TaskRegistry,
        runner: Runner | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self.settings = settings
        self.tasks = tasks
        self._runner = runner or _runner(database, clock, settings, tasks)

    async def start(self) -> None:
        """Begin to run jobs, those left over from before first."""
        await self._runner.start()

    async def stop(self) -> None:
        await self._runner.stop()

    async def submit(
        self,
        tenant: str,
        kind: str,
        params: Mapping[str, Any],
        *,
        key: str | None = None,
        also: Also | None = None,
    ) -> Job:
        """Queue a job.

        Args:
            params: what the kind takes; of exports format, from, to.
            key: a second submission with the tenant's same key is the same job.
            also: an audit record, say.

        Raises:
            UnknownJobKind, BillingError: it could only fail.
            JobKeyReused: the key belongs to another job.
        """
        self.tasks.check(tenant, kind, params)
        async with self._database.transaction() as session:
            job, is_new = await enqueue(session, self._clock, tenant, kind, params, key)
            if is_new and also is not None:
                await also(session, job)
        if is_new:
            await self._runner.ring(job.id)
        return job

    async def ring(self, job_id: str) -> None:
        """A job was queued in somebody's own transaction."""
        await self._runner.ring(job_id)

    async def get(self, tenant: str, job_id: str) -> Job:
        """Raises ``UnknownJob``, also for another tenant's."""
        async with self._database.session() as session:
            job = await repository.get_job(session, tenant, job_id)
        if job is None:
            raise UnknownJob(f"There is no job {job_id} here; list the jobs.")
        return job

    async def list(
        self,
        tenant: str,
        limit: int = 100,
        *,
        kinds: Collection[str] | None = None,
        statuses: Collection[str] | None = None,
    ) -> list[Job]:
        """The newest first; ``None``: of every kind, in every status."""
        async with self._database.session() as session:
            return await repository.list_jobs(session, tenant, limit, kinds, statuses)

    async def retry(self, tenant: str, job_id: str, *, also: Also | None = None) -> Job:
        """Queue a failed job again, with all its attempts.

        Raises:
            UnknownJob: there is no such job here.
            JobStateConflict: it has not failed.
        """
        again = {
            "status": "queued",
            "progress": 0,
            "attempts": 0,
            "not_before": None,
            "finished_at": None,
            "error_code": None,
            "result": None,
        }
        job = await self._move(tenant, job_id, "failed", again, also)
        await self._runner.ring(job.id)
        return job

    async def cancel(self, tenant: str, job_id: str, *, also: Also | None = None) -> Job:
        """Give up a job that nobody works on.

        Raises:
            UnknownJob: there is no such job here.
            JobStateConflict: it is not queued.
        """
        ended = {
            "status": "failed",
            "error_code": CANCELLED,
            "finished_at": self._clock.now(),
        }
        return await self._move(tenant, job_id, "queued", ended, also)

    async def file(self, tenant: str, job_id: str) -> Path:
        """The file of a finished job.

        Raises:
            UnknownJob: there is no such job, it is not done, or its file is gone.
        """
        job = await self.get(tenant, job_id)
        if job.file_name is not None:
            path = export_path(self.settings.exports_dir, tenant, job.file_name)
            if path.is_file():
                return path
        raise UnknownJob(f"Job {job_id} has no file; it is {job.status}. Submit it again.")

    async def _move(
        self, tenant: str, job_id: str, status: str, values: Mapping[str, Any], also: Also | None
    ) -> Job:
        async with self._database.transaction() as session:
            job = await repository.move(session, tenant, job_id, status, values)
            if job is not None and also is not None:
                await also(session, job)
        if job is None:
            found = await self.get(tenant, job_id)
            raise JobStateConflict(f"Job {job_id} is {found.status}, not {status}.")
        return job


def job_to_json(job: Job) -> dict[str, Any]:
    """A job for the command line."""
    plain = ("id", "tenant", "kind", "params", "status", "progress", "attempts", "file_name")
    body: dict[str, Any] = {name: getattr(job, name) for name in plain}
    for name in ("created_at", "not_before", "started_at", "finished_at"):
        instant: datetime | None = getattr(job, name)
        body[name] = isoformat(instant) if instant else None
    return body | {"error_code": job.error_code, "result": job.result}


def _runner(database: Database, clock: Clock, settings: JobSettings, tasks: TaskRegistry) -> Runner:
    if settings.broker_url is None:
        return LocalRunner(settings, tasks, clock)
    from billing.jobs.app import make_celery

    return BrokerRunner(make_celery(settings, tasks), settings, database, clock)
