"""What a process needs to know to run jobs."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from billing.jobs.schedule import Schedule

DEPLOYMENT = "@system"  # in place of a tenant, for jobs of the whole deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """Where jobs are kept and who runs them.

    Args:
        database_url: holds the jobs; may contain a password, so it is not shown.
        data_dir: files go to ``exports/<tenant>/`` below it; shared by all processes.
        broker_url: ``redis://...`` of the Celery workers; ``None`` runs jobs in
            a thread of this process.
        runner: names this process across restarts.
        schedule: what is queued without being asked for; ``None``: nothing.
        retention: how long finished jobs and their files are kept.
        poll: how often the jobs table and the schedule are looked at.
        heartbeat: how often a runner shows that it is at work.
        stale_after: a running job without a heartbeat for so long has lost its runner.
        backoff: waits before a job is tried again; it fails after the last one.
    """

    database_url: str = field(repr=False)
    data_dir: Path
    broker_url: str | None = field(default=None, repr=False)
    runner: str = "local"
    schedule: Schedule | None = None
    retention: timedelta = timedelta(days=30)
    poll: timedelta = timedelta(seconds=15)
    heartbeat: timedelta = timedelta(seconds=10)
    stale_after: timedelta = timedelta(seconds=60)
    backoff: tuple[timedelta, ...] = tuple(timedelta(seconds=s) for s in (10, 60, 300, 900))

    @property
    def exports_dir(self) -> Path:
        return self.data_dir / "exports"

    @property
    def max_attempts(self) -> int:
        return len(self.backoff) + 1
