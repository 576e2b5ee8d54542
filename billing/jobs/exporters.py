"""Exports: tasks that write a tenant's report of a span of time to a file."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.errors import InvalidReport
from billing.jobs.tasks import JobContext, JobFile, Progress, TaskRegistry
from billing.reading import snapshot
from billing.reports.billing import billing_report
from billing.reports.files import WRITERS, write_table
from billing.reports.usage import usage_report
from core.database import Database


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export as its writer sees it; ``params`` are those of the submission."""

    tenant: str
    kind: str
    params: Mapping[str, Any]

    @property
    def file_format(self) -> str:
        return str(self.params.get("format", "csv"))

    def span(self) -> tuple[datetime, datetime]:
        """``from`` and ``to`` as instants (ISO 8601, UTC where no zone is given).

        Raises:
            InvalidReport: one is missing or no date.
        """
        return self._instant("from"), self._instant("to")

    def _instant(self, name: str) -> datetime:
        try:
            instant = datetime.fromisoformat(self.params[name])
        except (KeyError, TypeError, ValueError):
            raise InvalidReport(
                f"'{name}' must be a date such as 2026-11-01.", param=name
            ) from None
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


Exporter = Callable[[Database, ExportRequest, Path, Progress], Awaitable[None]]


class ExportTask:
    """The task around an exporter.

    Args:
        formats: the file endings that it can write.
    """

    def __init__(self, exporter: Exporter, formats: set[str]) -> None:
        self._exporter = exporter
        self._formats = frozenset(formats)

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Raises ``InvalidReport``: an unknown format or span of time."""
        request = ExportRequest(tenant, kind, params)
        if request.file_format not in self._formats:
            known = ", ".join(sorted(self._formats))
            raise InvalidReport(f"Export {kind} as one of {known}.", param="format")
        start, end = request.span()
        if start >= end:
            raise InvalidReport("A report must end after it starts.", param="to")

    async def __call__(self, database: Database, context: JobContext) -> JobFile:
        request = ExportRequest(context.tenant, context.kind, context.params)
        with context.file(request.file_format) as file:
            await self._exporter(database, request, file.path, context.progress)
        return file


def register_exporter(
    tasks: TaskRegistry, kind: str, exporter: Exporter, formats: set[str]
) -> None:
    """Add a kind of export."""
    task = ExportTask(exporter, formats)
    tasks.register(kind, task, check=task.check)


def register_reports(tasks: TaskRegistry) -> None:
    """The exports of this package: ``usage`` and ``billing``."""
    register_exporter(tasks, "usage", _export_usage, set(WRITERS))
    register_exporter(tasks, "billing", _export_billing, set(WRITERS))


async def _export_usage(
    database: Database, request: ExportRequest, path: Path, progress: Progress
) -> None:
    group_by = request.params.get("group_by", ["day", "project", "model", "tier"])
    async with snapshot(database) as session:
        report = await usage_report(session, request.tenant, *request.span(), group_by=group_by)
    await progress(50)
    # In a thread: the job's heartbeat goes on meanwhile.
    await asyncio.to_thread(write_table, report.table(), path, request.file_format)


async def _export_billing(
    database: Database, request: ExportRequest, path: Path, progress: Progress
) -> None:
    async with snapshot(database) as session:
        report = await billing_report(session, request.tenant, *request.span())
    await progress(50)
    await asyncio.to_thread(write_table, report.table(), path, request.file_format)
