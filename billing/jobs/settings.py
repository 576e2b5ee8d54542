"""What a process needs to know to run jobs."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """Where jobs are kept and who runs them.

    Args:
        database_url: holds the jobs; may contain a password, so it is not shown.
        data_dir: files go to ``exports/<tenant>/`` below it; shared by all processes.
        broker_url: ``redis://...`` of the Celery workers; ``None`` runs jobs in
            a thread of this process.
        runner: names this process across restarts.
    """

    database_url: str = field(repr=False)
    data_dir: Path
    broker_url: str | None = field(default=None, repr=False)
    runner: str = "local"

    @property
    def exports_dir(self) -> Path:
        return self.data_dir / "exports"
