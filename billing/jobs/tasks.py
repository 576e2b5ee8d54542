"""What kinds of job there are: a name, and a coroutine that does the work.

A task gets the database and its ``JobContext``. It returns a result (facts that JSON
can hold) or the ``JobFile`` that it wrote, or raises: a ``SovgateError`` ends the job
with its code; what may pass (database, files, network) is tried again later. A runner
may die at any point and the task be run again, so it has to be idempotent.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from billing.errors import InvalidJob, UnknownJobKind
from billing.jobs.files import export_path, whole_file
from billing.jobs.settings import DEPLOYMENT, JobSettings
from core.clock import Clock
from core.database import Database

Progress = Callable[[int], Awaitable[None]]  # percent


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file that a task writes: to ``path``; it gets its name when it is whole."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class JobContext:
    """One run of a job as its task sees it; ``params`` are those of the submission."""

    job_id: str
    tenant: str
    kind: str
    params: Mapping[str, Any]
    settings: JobSettings
    clock: Clock
    progress: Progress

    @property
    def slot(self) -> datetime | None:
        """Of a scheduled job: when it was due, however late it runs."""
        slot = self.params.get("slot")
        return None if slot is None else datetime.fromisoformat(slot)

    @contextmanager
    def file(self, ending: str) -> Iterator[JobFile]:
        """The job's file, in its tenant's folder; it is there only if the block succeeds."""
        name = f"{self.kind}-{self.job_id}.{ending}"
        with whole_file(export_path(self.settings.exports_dir, self.tenant, name)) as path:
            yield JobFile(name, path)


@dataclass(frozen=True, slots=True)
class Continues:
    """What a task returns that has more to do: the job is queued again, behind the others.

    Its attempts are counted from the beginning, since it got on.
    """

    progress: int  # percent


Task = Callable[[Database, JobContext], Awaitable[Mapping[str, Any] | JobFile | Continues | None]]
# Refuses parameters that could only fail: (tenant, kind, params) -> None, or raises.
Check = Callable[[str, str, Mapping[str, Any]], None]


def no_params(tenant: str, kind: str, params: Mapping[str, Any]) -> None:
    """The check of tasks that take nothing; ``slot`` is the schedule's."""
    if params.keys() - {"slot"}:
        raise InvalidJob(f"'{kind}' takes no parameters.", param="params")


@dataclass(frozen=True, slots=True)
class _Kind:
    task: Task
    check: Check
    deployment: bool


class TaskRegistry:
    """Tasks by kind. The gateway registers its own beside those of billing."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def register(
        self, kind: str, task: Task, *, check: Check = no_params, deployment: bool = False
    ) -> None:
        """Add a kind.

        Args:
            deployment: it concerns the whole deployment, and so no single tenant.
        """
        self._kinds[kind] = _Kind(task, check, deployment)

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._kinds)

    @property
    def deployment_kinds(self) -> frozenset[str]:
        return frozenset(name for name, kind in self._kinds.items() if kind.deployment)

    def get(self, kind: str) -> Task:
        """Raises ``UnknownJobKind``."""
        return self._entry(kind).task

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Refuse what could only fail.

        Raises:
            UnknownJobKind: also for a tenant's job of the whole deployment, or the reverse.
            BillingError: parameters that the task does not take.
        """
        entry = self._entry(kind)
        if entry.deployment != (tenant == DEPLOYMENT):
            whom = "the whole deployment" if entry.deployment else "a tenant"
            raise UnknownJobKind(f"'{kind}' is a job of {whom}.", param="kind")
        entry.check(tenant, kind, params)

    def _entry(self, kind: str) -> _Kind:
        if kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise UnknownJobKind(f"Nothing does '{kind}'; choose one of {known}.", param="kind")
        return self._kinds[kind]
