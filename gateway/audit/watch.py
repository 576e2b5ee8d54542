"""Tells the metrics how the newest verification of all chains went.

The job may run in another process (a Celery worker), so its result is read from the
jobs table now and then, never while metrics are asked for.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from billing import DEPLOYMENT, JobService
from billing.models import Job
from core.tasks import cancel
from gateway.audit.verification import VERIFY_ALL

INTERVAL_S = 60.0


class VerificationMetrics(Protocol):
    """Where it is told."""

    def observe_verification(self, damaged: int, at: datetime) -> None:
        """How many chains did not verify, and when that was found."""
        ...


class VerificationWatch:
    """A task beside the requests of a process."""

    def __init__(self, jobs: JobService, metrics: VerificationMetrics) -> None:
        self._jobs = jobs
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="audit-verification-watch")

    async def stop(self) -> None:
        await cancel(self._task)

    async def look(self) -> None:
        """Read the newest result, if there is one."""
        ended = ("done", "failed")
        for job in await self._jobs.list(DEPLOYMENT, 1, kinds=[VERIFY_ALL], statuses=ended):
            damaged = damaged_chains(job)
            if damaged is not None and job.finished_at is not None:
                self._metrics.observe_verification(damaged, job.finished_at)

    async def _run(self) -> None:
        while True:
            with suppress(SQLAlchemyError, OSError):  # looked at again; others report it
                await self.look()
            await asyncio.sleep(INTERVAL_S)


def damaged_chains(job: Job) -> int | None:
    """Of a verification that has ended; None where it could not run."""
    chains = (job.result or {}).get("chains")
    return None if chains is None else sum(not chain["ok"] for chain in chains)
