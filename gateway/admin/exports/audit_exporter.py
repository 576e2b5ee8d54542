"""The export of the audit trail, which billing does not know."""

import asyncio
from pathlib import Path

from billing import ExportRequest, Progress
from billing.reading import snapshot
from core.clock import Clock
from core.database import Database
from gateway.audit.keys import Signer

AUDIT_FORMATS = ("jsonl", "csv", "parquet")


class AuditExporter:
    """Writes a tenant's records with the checkpoint that ``audit verify`` needs."""

    def __init__(self, key: Signer, clock: Clock) -> None:
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
