"""Reads documents as they are stored, and writes them as files in one consistent view."""

import asyncio
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoices import repository
from billing.invoices.document import InvoiceDocument
from billing.invoices.files import check_format, write_invoice
from billing.models import Invoice
from billing.reading import snapshot
from billing.reports.reconciliation import reconciliation_report
from billing.reports.table import Table
from core.database import Database


async def load(session: AsyncSession, tenant: str, name: str) -> InvoiceDocument:
    """An invoice or credit note by id or number. Raises ``UnknownInvoice``."""
    return await document_of(session, await repository.get(session, tenant, name))


async def document_of(session: AsyncSession, invoice: Invoice) -> InvoiceDocument:
    lines = await repository.lines_of(session, [invoice.id])
    credited = None
    if invoice.credits_invoice is not None:
        about = await repository.get(session, invoice.tenant, invoice.credits_invoice)
        credited = about.number
    notes = await repository.credits_of(session, invoice)
    return InvoiceDocument(invoice, lines, credited, [note.number or "" for note in notes])


async def export(
    database: Database,
    tenant: str,
    name: str,
    path: Path,
    file_format: str,
    *,
    table: str = "lines",
    font: Path | None = None,
) -> InvoiceDocument:
    """Write a stored document; the workbook of an invoice has its month's reconciliation.

    Raises:
        UnknownInvoice: no such invoice.
        InvalidInvoice: an unknown format or table, or a font that is none.
    """
    check_format(file_format, table)
    async with snapshot(database) as session:
        document = await load(session, tenant, name)
        whole = file_format == "xlsx" and not document.is_credit_note
        more = await _reconciliation(session, document.invoice) if whole else []
    await asyncio.to_thread(
        write_invoice, document, path, file_format, table=table, more=more, font=font
    )
    return document


async def _reconciliation(session: AsyncSession, invoice: Invoice) -> list[Table]:
    span = invoice.starts_at, invoice.ends_at
    return (await reconciliation_report(session, invoice.tenant, *span)).tables()
