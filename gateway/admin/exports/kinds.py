"""The kinds of export job that a deployment knows: billing's, and the audit trail.

The process that runs jobs builds the registry: the gateway, or a Celery worker.
"""

import asyncio
from pathlib import Path

from billing import ExporterRegistry, ExportRequest, Progress, default_exporters
from billing.reading import snapshot
from core.clock import Clock
from core.database import Database
from gateway.audit.keys import SigningKey

AUDIT_FORMATS = ("jsonl", "csv", "parquet")


def export_kinds(key: SigningKey, clock: Clock) -> ExporterRegistry:
    """``usage`` and ``billing``, and ``audit`` signed with the deployment's key."""
    registry = default_exporters()
    registry.register_exporter("audit", AuditExporter(key, clock), set(AUDIT_FORMATS))
    return registry


class AuditExporter:
    """Writes a tenant's records with the checkpoint that ``audit verify`` needs."""

    def __init__(self, key: SigningKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    async def __call__(
        self, database: Database, request: ExportRequest, path: Path, progress: Progress
    ) -> None:
        from gateway.audit.export import export  # pulls pyarrow

        start, end = request.span()
        out = await asyncio.to_thread(path.open, "wb")
        with out:
            async with snapshot(database) as session:
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
