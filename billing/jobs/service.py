"""Jobs as the admin API handles them: submit, watch, download."""

from datetime import datetime
from pathlib import Path
from typing import Any

from billing.errors import UnknownJob
from billing.jobs import repository
from billing.jobs.app import make_celery
from billing.jobs.execution import export_path
from billing.jobs.exporters import ExporterRegistry, ExportRequest
from billing.jobs.runners import BrokerRunner, LocalRunner, Runner
from billing.jobs.settings import JobSettings
from billing.models import Job
from core.clock import Clock, isoformat
from core.database import Database
from core.ids import new_id


class JobService:
    """The jobs of a deployment; every method takes the tenant's scope."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: JobSettings,
        exporters: ExporterRegistry,
        runner: Runner | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._exporters = exporters
        self._runner = runner or _runner(database, clock, settings, exporters)

    async def start(self) -> None:
        """Begin to run jobs, those left over from before first."""
        await self._runner.start()

    async def stop(self) -> None:
        await self._runner.stop()

    async def submit(self, tenant: str, kind: str, params: dict[str, Any]) -> Job:
        """Queue an export; ``params``: format, from, to, and what the kind takes.

        Raises:
            UnknownJobKind, InvalidReport: it could only fail.
        """
        job = Job(
            id=new_id("job"),
            tenant=tenant,
            kind=kind,
            params=params,
            status="queued",
            progress=0,
            attempts=0,
            created_at=self._clock.now(),
        )
        self._exporters.validate(ExportRequest(job.id, tenant, kind, params))
        async with self._database.transaction() as session:
            session.add(job)
        await self._runner.ring(job.id)
        return job

    async def get(self, tenant: str, job_id: str) -> Job:
        """Raises ``UnknownJob``, also for another tenant's."""
        async with self._database.session() as session:
            job = await repository.get_job(session, tenant, job_id)
        if job is None:
            raise UnknownJob(f"Tenant {tenant} has no job {job_id}; list its exports.")
        return job

    async def list(self, tenant: str, limit: int = 100) -> list[Job]:
        """The newest first."""
        async with self._database.session() as session:
            return await repository.list_jobs(session, tenant, limit)

    async def file(self, tenant: str, job_id: str) -> Path:
        """The file of a finished job.

        Raises:
            UnknownJob: there is no such job, it is not done, or its file is gone.
        """
        job = await self.get(tenant, job_id)
        if job.file_name is not None:
            path = export_path(self._settings.exports_dir, tenant, job.file_name)
            if path.is_file():
                return path
        raise UnknownJob(f"Job {job_id} has no file; it is {job.status}. Submit it again.")


def job_to_json(job: Job) -> dict[str, Any]:
    """A job for the API and the command line."""
    body: dict[str, Any] = {
        name: getattr(job, name)
        for name in ("id", "tenant", "kind", "params", "status", "progress", "file_name")
    }
    for name in ("created_at", "started_at", "finished_at"):
        instant: datetime | None = getattr(job, name)
        body[name] = isoformat(instant) if instant else None
    return body | {"error_code": job.error_code}


def _runner(
    database: Database, clock: Clock, settings: JobSettings, exporters: ExporterRegistry
) -> Runner:
    app = make_celery(settings, exporters)
    if settings.broker_url is None:
        return LocalRunner(app, settings, clock)
    return BrokerRunner(app, database, clock)
