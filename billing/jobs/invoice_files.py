"""``invoice``: a stored invoice or credit note as a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from billing.errors import InvalidJob
from billing.invoices.files import check_format
from billing.invoices.loading import export
from billing.jobs.tasks import JobContext, JobFile
from core.database import Database


class InvoiceFiles:
    """The task; ``params``: ``invoice`` (id or number), and perhaps ``format`` and ``table``."""

    def __init__(self, font: Path | None = None) -> None:
        self._font = font

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Raises ``InvalidJob`` or ``InvalidInvoice``."""
        if params.keys() - {"invoice", "format", "table"} or not params.get("invoice"):
            raise InvalidJob(f"'{kind}' takes an invoice, a format and a table.", param="params")
        check_format(*_shape(params))

    async def __call__(self, database: Database, context: JobContext) -> JobFile:
        file_format, table = _shape(context.params)
        with context.file(file_format) as file:
            name = context.params["invoice"]
            await export(
                database,
                context.tenant,
                name,
                file.path,
                file_format,
                table=table,
                font=self._font,
            )
        return file


def _shape(params: Mapping[str, Any]) -> tuple[str, str]:
    return str(params.get("format", "pdf")), str(params.get("table", "lines"))
