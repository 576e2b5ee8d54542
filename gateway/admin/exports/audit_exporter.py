"""The export of the audit trail, which billing does not know."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from billing import ExportRequest, Progress, TaskRegistry
from billing.jobs.exporters import ExportTask
from billing.reading import snapshot
from core.clock import Clock
from core.database import Database
from gateway.audit.errors import InvalidFilter
from gateway.audit.filters import RecordFilter
from gateway.audit.keys import Signer

AUDIT_FORMATS = ("jsonl", "csv", "parquet")


def register_audit_export(tasks: TaskRegistry, key: Signer, clock: Clock) -> None:
    """Add the kind ``audit``: a report of a span, with a ``filter`` if one is wanted."""
    task = ExportTask(AuditExporter(key, clock), set(AUDIT_FORMATS))

    def check(tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        task.check(tenant, kind, params)
        _filter(ExportRequest(tenant, kind, params))

    tasks.register("audit", task, check=check)


def _filter(request: ExportRequest) -> RecordFilter:
    """Raises: InvalidFilter."""
    params = request.params.get("filter") or {}
    if not isinstance(params, Mapping) or {"start", "end"} & params.keys():
        raise InvalidFilter("A filter is an object such as {'zone': 'eu'}.", param="filter")
    start, end = request.span()
    return replace(RecordFilter.from_params(params), start=start, end=end)


class AuditExporter:
    """Writes a tenant's records with what ``audit verify`` needs: of a whole span its signed
    end, of filtered records a proof of each."""

    def __init__(self, key: Signer, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    async def __call__(
        self, database: Database, request: ExportRequest, path: Path, progress: Progress
    ) -> None:
        from gateway.audit.export import export  # pulls pyarrow
        from gateway.audit.selection import export_selection

        start, end = request.span()
        wanted = _filter(request)
        out = await asyncio.to_thread(path.open, "wb")
        with out:
            async with snapshot(database) as session:
                if wanted.selects:
                    kind: Any = request.file_format  # checked by the registry
                    await export_selection(session, request.tenant, wanted, kind, out)
                    return
                await export(
                    session,
                    request.tenant,
                    start,
                    end,
                    request.file_format,  # type: ignore[arg-type] - checked by the registry
                    out,
                    key=self._key,
                    clock=self._clock,
                )
