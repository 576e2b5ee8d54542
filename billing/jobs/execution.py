"""Runs one job: claim, export to a temporary file, rename, report.

A job may be started twice (a broker delivers again, a process is killed): the
claim lets one runner through, and a file appears whole or not at all.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import structlog

from billing.errors import InvalidReport
from billing.jobs import repository
from billing.jobs.exporters import ExporterRegistry, ExportRequest
from billing.jobs.settings import JobSettings
from billing.models import Job
from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import SovgateError

HEARTBEAT = timedelta(seconds=10)
STALE_AFTER = timedelta(seconds=60)
MAX_ATTEMPTS = 3

_log = structlog.get_logger(__name__)
_TENANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


async def run_job(
    settings: JobSettings, exporters: ExporterRegistry, job_id: str, runner: str
) -> None:
    """Run one job in an event loop and with a database connection of its own.

    A failure that the exporter expects ends in status ``failed`` with its code;
    any other does too, and is raised again.
    """
    database = Database(settings.database_url, pool_size=2)
    try:
        execution = _Execution(database, settings, exporters, SystemClock(), runner)
        await execution.run(job_id)
    finally:
        await database.dispose()


class _Execution:
    def __init__(
        self,
        database: Database,
        settings: JobSettings,
        exporters: ExporterRegistry,
        clock: Clock,
        runner: str,
    ) -> None:
        self._database = database
        self._settings = settings
        self._exporters = exporters
        self._clock = clock
        self._runner = runner

    async def run(self, job_id: str) -> None:
        now = self._clock.now()
        async with self._database.transaction() as session:
            job = await repository.claim(session, job_id, self._runner, now, now - STALE_AFTER)
        if job is None:
            return
        if job.attempts > MAX_ATTEMPTS:
            await self._fail(job, "job_interrupted")
            return
        heart = asyncio.create_task(self._beat(job))
        try:
            await self._export(job)
        except SovgateError as error:
            await self._fail(job, error.code)
        except Exception:
            # The outermost boundary of a job: its reader must learn that it ended.
            await self._fail(job, "internal_error")
            raise
        finally:
            heart.cancel()
            with suppress(asyncio.CancelledError):
                await heart

    async def _export(self, job: Job) -> None:
        request = ExportRequest(job.id, job.tenant, job.kind, dict(job.params))
        exporter = self._exporters.get(job.kind)
        self._exporters.validate(request)
        name = f"{job.kind}-{job.id}.{request.file_format}"
        target = export_path(self._settings.exports_dir, job.tenant, name)

        async def progress(percent: int) -> None:
            await self._change(job, progress=max(0, min(percent, 99)))

        with whole_file(target) as temporary:
            await exporter(self._database, request, temporary, progress)
        now = self._clock.now()
        await self._change(job, status="done", progress=100, file_name=name, finished_at=now)

    async def _fail(self, job: Job, code: str) -> None:
        _log.warning("job_failed", job_id=job.id, kind=job.kind, tenant=job.tenant, code=code)
        now = self._clock.now()
        await self._change(job, status="failed", error_code=code, finished_at=now)

    async def _beat(self, job: Job) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            await self._change(job, heartbeat_at=self._clock.now())

    async def _change(self, job: Job, **values: object) -> None:
        async with self._database.transaction() as session:
            await repository.change(session, job.id, self._runner, values)


def export_path(exports_dir: Path, tenant: str, name: str) -> Path:
    """Where a tenant's file lies; names that would leave the tenant's folder are refused."""
    if not _TENANT.fullmatch(tenant) or not _TENANT.fullmatch(name):
        raise InvalidReport("The name of an export's tenant or file is not a plain name.")
    return exports_dir / tenant / name


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that becomes it, durably, if the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
