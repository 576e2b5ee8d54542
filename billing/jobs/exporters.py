"""What kinds of job exist: a name and a coroutine that writes a file.

The gateway registers its own kinds (the audit export) beside those of billing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.errors import InvalidReport, UnknownJobKind
from billing.reading import snapshot
from billing.reports.billing import billing_report
from billing.reports.files import WRITERS, write_table
from billing.reports.usage import usage_report
from core.database import Database

Progress = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One job as an exporter sees it; ``params`` are those of the submission."""

    job_id: str
    tenant: str
    kind: str
    params: dict[str, Any]

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


class ExporterRegistry:
    """Kinds of export by name: ``formats`` are the file endings that it can write."""

    def __init__(self) -> None:
        self._exporters: dict[str, tuple[Exporter, frozenset[str]]] = {}

    def register_exporter(self, kind: str, exporter: Exporter, formats: set[str]) -> None:
        self._exporters[kind] = (exporter, frozenset(formats))

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._exporters)

    def get(self, kind: str) -> Exporter:
        """Raises ``UnknownJobKind``."""
        return self._entry(kind)[0]

    def validate(self, request: ExportRequest) -> None:
        """Refuse what could only fail later.

        Raises:
            UnknownJobKind, InvalidReport: an unknown kind, format or span of time.
        """
        formats = self._entry(request.kind)[1]
        if request.file_format not in formats:
            known = ", ".join(sorted(formats))
            raise InvalidReport(f"Export {request.kind} as one of {known}.", param="format")
        start, end = request.span()
        if start >= end:
            raise InvalidReport("A report must end after it starts.", param="to")

    def _entry(self, kind: str) -> tuple[Exporter, frozenset[str]]:
        if kind not in self._exporters:
            known = ", ".join(sorted(self._exporters))
            raise UnknownJobKind(f"Nothing exports '{kind}'; choose one of {known}.", param="kind")
        return self._exporters[kind]


def default_exporters() -> ExporterRegistry:
    """The kinds of this package: ``usage`` and ``billing``."""
    registry = ExporterRegistry()
    registry.register_exporter("usage", _export_usage, set(WRITERS))
    registry.register_exporter("billing", _export_billing, set(WRITERS))
    return registry


async def _export_usage(
    database: Database, request: ExportRequest, path: Path, progress: Progress
) -> None:
    group_by = request.params.get("group_by", ["day", "project", "model", "tier"])
    async with snapshot(database) as session:
        report = await usage_report(session, request.tenant, *request.span(), group_by=group_by)
    await progress(50)
    write_table(report.table(), path, request.file_format)


async def _export_billing(
    database: Database, request: ExportRequest, path: Path, progress: Progress
) -> None:
    async with snapshot(database) as session:
        report = await billing_report(session, request.tenant, *request.span())
    await progress(50)
    write_table(report.table(), path, request.file_format)
