"""Who runs the jobs: a thread of this process, or Celery workers behind a broker.

Both only ring a bell. What is to be done stands in the jobs table, and both look
at it again from time to time, so that a job outlives crashes and lost messages.
Celery, 120 modules, is imported only where there is a broker.
"""

import asyncio
import threading
from typing import TYPE_CHECKING, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from billing.jobs import repository
from billing.jobs.execution import run_job
from billing.jobs.queue import enqueue_due, waiting
from billing.jobs.settings import JobSettings
from billing.jobs.tasks import TaskRegistry
from core.clock import Clock
from core.database import Database
from core.tasks import cancel

if TYPE_CHECKING:
    from celery import Celery

_STOP_S = 30.0
_LOOK_S = 30.0  # a database that takes longer to tell what waits does not answer
_log = structlog.get_logger(__name__)


class Runner(Protocol):
    """Gets submitted jobs done, sooner or later."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ring(self, job_id: str) -> None:
        """A job was submitted."""
        ...


class LocalRunner:
    """Runs them in one thread of this process, a job at a time; keeps the schedule too, since
    there is no beat."""

    def __init__(self, settings: JobSettings, tasks: TaskRegistry, clock: Clock) -> None:
        self._settings = settings
        self._tasks = tasks
        self._clock = clock
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Wait for the job at hand, but not for ever; it is run again, and the others stay
        queued for the next start."""
        self._stopping.set()
        self._bell.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _STOP_S)

    async def ring(self, job_id: str) -> None:
        self._bell.set()

    def _work(self) -> None:
        left_behind = True
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                jobs = asyncio.run(self._waiting(left_behind))
                left_behind = False
            except (SQLAlchemyError, OSError) as error:
                _log.warning("jobs_not_readable", error=type(error).__name__)
                jobs = []
            for job_id in jobs:
                if self._stopping.is_set():
                    return
                self._apply(job_id)
            if not jobs:
                self._bell.wait(self._settings.poll.total_seconds())

    def _apply(self, job_id: str) -> None:
        try:
            asyncio.run(run_job(self._settings, self._tasks, job_id, self._settings.runner))
        except Exception as error:  # the outermost boundary of a job; the next one is another's
            _log.error("job_crashed", job_id=job_id, error=type(error).__name__)

    async def _waiting(self, left_behind: bool) -> list[str]:
        database = Database(self._settings.database_url, pool_size=1).answering_within(_LOOK_S)
        try:
            if left_behind:
                async with database.transaction() as session:
                    await repository.requeue(session, self._settings.runner)
            await enqueue_due(database, self._clock, self._settings, self._tasks)
            return await waiting(database, self._clock, self._settings)
        finally:
            await database.dispose()


class BrokerRunner:
    """Sends jobs to Celery workers, and again those that nobody works on. Beat keeps the
    schedule."""

    def __init__(
        self, app: "Celery", settings: JobSettings, database: Database, clock: Clock
    ) -> None:
        self._app = app
        self._settings = settings
        self._database = database
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._poll(), name="jobs")

    async def stop(self) -> None:
        await cancel(self._task)
        await asyncio.to_thread(self._app.close)

    async def ring(self, job_id: str) -> None:
        """A broker that is away is no loss: the next look sends the job."""
        from celery.exceptions import OperationalError

        from billing.jobs.app import ring

        try:
            await asyncio.to_thread(ring, self._app, self._settings, job_id)
        except (OperationalError, OSError) as error:
            _log.warning("broker_unreachable", job_id=job_id, error=type(error).__name__)

    async def _poll(self) -> None:
        while True:
            try:
                jobs = await waiting(self._database, self._clock, self._settings)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("jobs_not_readable", error=type(error).__name__)
                jobs = []
            for job_id in jobs:
                await self.ring(job_id)
            await asyncio.sleep(self._settings.poll.total_seconds())
