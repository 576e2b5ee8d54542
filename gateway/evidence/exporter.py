"""Evidence packs as an export of the admin API: the job's kind ``evidence``."""

import asyncio
from pathlib import Path

from billing import ExportRequest, Progress
from billing.reading import snapshot
from core.database import Database
from gateway.evidence.files import EvidenceMaker

KIND = "evidence"


class EvidenceExporter:
    def __init__(self, maker: EvidenceMaker) -> None:
        self._maker = maker

    async def __call__(
        self, database: Database, request: ExportRequest, path: Path, progress: Progress
    ) -> None:
        start, end = request.span()
        out = await asyncio.to_thread(path.open, "wb")
        with out:
            async with snapshot(database) as session:
                await self._maker.write(
                    session,
                    request.tenant,
                    start,
                    end,
                    request.file_format,  # type: ignore[arg-type] - checked by the registry
                    out,
                )
