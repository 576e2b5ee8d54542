"""The Celery application: one task, the same whether a worker or this process runs it.

A deployment's worker entry point is three lines in a module of its own::

    app = make_celery(JobSettings(...), exporters)    # celery -A that_module worker
"""

import asyncio

from celery import Celery, Task

from billing.jobs.execution import run_job
from billing.jobs.exporters import ExporterRegistry
from billing.jobs.settings import JobSettings

REPORT_EXPORT = "sovgate.report_export"


def make_celery(settings: JobSettings, exporters: ExporterRegistry) -> Celery:
    """An application with the task ``report_export(job_id)``.

    Without a broker the task is only ever applied directly (``LocalRunner``).
    Results are not kept in Celery: they stand in the jobs table.
    """
    app = Celery("sovgate", broker=settings.broker_url or "memory://", set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_always_eager=settings.broker_url is None,
        task_default_queue="sovgate",
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_connect_timeout": 5},
        enable_utc=True,
    )

    # Shared tasks would leak into every other application of the process.
    @app.task(name=REPORT_EXPORT, bind=True, shared=False)
    def report_export(task: Task, job_id: str) -> None:
        runner = settings.runner if task.request.is_eager else f"celery@{task.request.hostname}"
        asyncio.run(run_job(settings, exporters, job_id, runner))

    return app
