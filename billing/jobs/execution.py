"""Runs one job: claim it, do its task, report.

A job may be started twice (a broker delivers again, a process is killed): the claim
lets one runner through. A runner that was thought dead and comes back finds that its
claim is no longer good, and stops.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from billing.jobs import repository
from billing.jobs.settings import JobSettings
from billing.jobs.tasks import Continues, JobContext, JobFile, TaskRegistry
from billing.models import Job
from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import SovgateError

# Codes of failed jobs beside those of expected errors (docs/jobs.md).
INTERRUPTED = "job_interrupted"
UNAVAILABLE = "temporarily_unavailable"
INTERNAL = "internal_error"
CANCELLED = "job_cancelled"

_STATEMENT_S = 600.0  # a report of a year may take minutes; silence must end some time
_LASTING = (IntegrityError, ProgrammingError, DataError, NotSupportedError)
_log = structlog.get_logger(__name__)
Outcome = Mapping[str, Any] | JobFile | Continues | None


async def run_job(
    settings: JobSettings,
    tasks: TaskRegistry,
    job_id: str,
    runner: str,
    clock: Clock | None = None,
) -> bool:
    """Run one job in an event loop and with a database connection of its own.

    Whether it has more to do, and is queued for that.

    An expected failure ends in status ``failed`` with its code, one that may pass in
    ``queued`` for later; any other in ``failed`` too, and it is raised again.
    """
    database = Database(settings.database_url, pool_size=2).answering_within(_STATEMENT_S)
    try:
        run = _Run(database, settings, tasks, clock or SystemClock(), runner)
        await run.run(job_id)
        return run.continues
    finally:
        await database.dispose()


def may_pass(error: Exception) -> bool:
    """Whether the same work could succeed later: database, files or network failed."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, _LASTING)
    return isinstance(error, OSError | PoolTimeout)


class _Run:
    def __init__(
        self,
        database: Database,
        settings: JobSettings,
        tasks: TaskRegistry,
        clock: Clock,
        runner: str,
    ) -> None:
        self._database = database
        self._settings = settings
        self._tasks = tasks
        self._clock = clock
        self._runner = runner
        self.continues = False

    async def run(self, job_id: str) -> None:
        now = self._clock.now()
        stale = now - self._settings.stale_after
        async with self._database.transaction() as session:
            job = await repository.claim(session, job_id, self._runner, now, stale)
        if job is None:
            return
        if job.attempts > self._settings.max_attempts:
            await self._fail(job, INTERRUPTED)
            return
        work = asyncio.create_task(self._work(job))
        heart = asyncio.create_task(self._beat(job))
        try:
            await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await self._report(job, work)
        finally:
            for task in (work, heart):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):  # reported above
                    await task

    async def _work(self, job: Job) -> Outcome:
        async def progress(percent: int) -> None:
            await self._change(job, progress=max(0, min(percent, 99)))

        self._tasks.check(job.tenant, job.kind, job.params)
        context = JobContext(
            job_id=job.id,
            tenant=job.tenant,
            kind=job.kind,
            params=dict(job.params),
            settings=self._settings,
            clock=self._clock,
            progress=progress,
        )
        return await self._tasks.get(job.kind)(self._database, context)

    async def _beat(self, job: Job) -> None:
        """Show that we are at work; returns when the job is no longer ours."""
        while True:
            await asyncio.sleep(self._settings.heartbeat.total_seconds())
            try:
                if not await self._change(job, heartbeat_at=self._clock.now()):
                    _log.warning("job_lost", job_id=job.id, kind=job.kind, runner=self._runner)
                    return
            except (SQLAlchemyError, OSError) as error:
                _log.warning("job_heartbeat_failed", job_id=job.id, error=type(error).__name__)

    async def _report(self, job: Job, work: "asyncio.Task[Outcome]") -> None:
        try:
            await self._finish(job, work.result())
        except SovgateError as error:
            await self._fail(job, error.code, _explanation(error))
        except Exception as error:
            # The outermost boundary of a job: its reader must learn that it ended.
            if may_pass(error):
                await self._postpone(job, error)
                return
            await self._fail(job, INTERNAL)
            raise

    async def _finish(self, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Continues):
            self.continues = await self._change(
                job, status="queued", attempts=0, progress=min(outcome.progress, 99)
            )
            return
        if isinstance(outcome, JobFile):
            values: dict[str, Any] = {"file_name": outcome.name}
        else:
            values = {"result": None if outcome is None else dict(outcome)}
        now = self._clock.now()
        await self._change(
            job, status="done", progress=100, error_code=None, finished_at=now, **values
        )

    async def _postpone(self, job: Job, error: Exception) -> None:
        _log.warning("job_postponed", job_id=job.id, kind=job.kind, error=type(error).__name__)
        if job.attempts >= self._settings.max_attempts:
            await self._fail(job, UNAVAILABLE)
            return
        not_before = self._clock.now() + self._settings.backoff[job.attempts - 1]
        await self._change(job, status="queued", error_code=UNAVAILABLE, not_before=not_before)

    async def _fail(self, job: Job, code: str, result: Mapping[str, Any] | None = None) -> None:
        _log.warning("job_failed", job_id=job.id, kind=job.kind, tenant=job.tenant, code=code)
        now = self._clock.now()
        await self._change(job, status="failed", error_code=code, result=result, finished_at=now)

    async def _change(self, job: Job, **values: object) -> bool:
        async with self._database.transaction() as session:
            return await repository.change(session, job, values)


def _explanation(error: SovgateError) -> dict[str, Any]:
    """The sentence that says what to do; of a check also what it found."""
    told: dict[str, Any] = {"message": error.message}
    if problems := error.context.get("problems"):
        told["problems"] = problems
    return {**told, **(error.context.get("result") or {})}
