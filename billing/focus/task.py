"""``focus``: the export job of a tenant's months."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billing.focus.export import focus_months, whole_months
from billing.focus.files import WRITERS
from billing.invoices.terms import InvoiceTerms
from billing.jobs.exporters import ExportRequest, ExportTask
from billing.jobs.tasks import Progress
from billing.reading import snapshot
from core.database import Database


class FocusTask(ExportTask):
    """The task; its span is one of whole UTC months, its formats are CSV and Parquet."""

    def __init__(self, terms: InvoiceTerms) -> None:
        super().__init__(self._export, set(WRITERS))
        self._terms = terms

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Raises ``InvalidReport``: an unknown format, or a span that is not of months."""
        super().check(tenant, kind, params)
        whole_months(*ExportRequest(tenant, kind, params).span())

    async def _export(
        self, database: Database, request: ExportRequest, path: Path, progress: Progress
    ) -> None:
        async with snapshot(database) as session:
            export = await focus_months(session, request.tenant, *request.span(), self._terms)
        await progress(50)
        # In a thread: the job's heartbeat goes on meanwhile.
        await asyncio.to_thread(export.write, path, request.file_format)
