"""The Celery application: run a job, and look at the schedule.

A deployment's entry point is three lines in a module of its own::

    app = make_celery(JobSettings(...), tasks)    # celery -A that_module worker | beat

Beat knows one entry, the tick; what a tick queues stands in ``billing.jobs.schedule``.
"""

import asyncio

from celery import Celery, Task

from billing.jobs.execution import run_job
from billing.jobs.queue import enqueue_due, waiting
from billing.jobs.settings import JobSettings
from billing.jobs.tasks import TaskRegistry
from core.clock import SystemClock
from core.database import Database

_LOOK_S = 30.0  # a database that takes longer to tell what is due does not answer
RUN = "sovgate.job"
TICK = "sovgate.tick"


def make_celery(settings: JobSettings, tasks: TaskRegistry) -> Celery:
    """An application with the tasks ``sovgate.job(job_id)`` and ``sovgate.tick()``, for
    settings that name a broker.

    Results are not kept in Celery: they stand in the jobs table.
    """
    app = Celery("sovgate", broker=settings.broker_url, set_as_current=False)
    poll_s = settings.poll.total_seconds()
    app.conf.update(
        task_ignore_result=True,
        task_default_queue="sovgate",
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_connect_timeout": 5},
        enable_utc=True,
        # When a slot last ran stands in the jobs table: beat keeps nothing.
        beat_scheduler="celery.beat:Scheduler",
        # One that no worker took is worthless as soon as the next one comes.
        beat_schedule={"tick": {"task": TICK, "schedule": poll_s, "options": {"expires": poll_s}}},
    )

    # Shared tasks would leak into every other application of the process.
    @app.task(name=RUN, bind=True, shared=False)
    def job(task: Task, job_id: str) -> None:
        runner = f"celery@{task.request.hostname}"
        if asyncio.run(run_job(settings, tasks, job_id, runner)):
            ring(app, settings, job_id)

    @app.task(name=TICK, shared=False)
    def tick() -> None:
        for job_id in asyncio.run(_due(settings, tasks)):
            ring(app, settings, job_id)

    return app


def ring(app: Celery, settings: JobSettings, job_id: str) -> None:
    """Tell the workers of a job. It is told again while it waits, so this may expire."""
    expires = 4 * settings.poll.total_seconds()
    app.tasks[RUN].apply_async((job_id,), retry=False, expires=expires)


async def _due(settings: JobSettings, tasks: TaskRegistry) -> list[str]:
    clock = SystemClock()
    database = Database(settings.database_url, pool_size=1).answering_within(_LOOK_S)
    try:
        await enqueue_due(database, clock, settings, tasks)
        return await waiting(database, clock, settings)
    finally:
        await database.dispose()
