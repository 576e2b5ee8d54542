"""Writes an invoice as a file: PDF to be read, the others to be worked with.

CSV and Parquet hold one table, ``lines`` or ``cost-centres``; XLSX holds both, the
totals, and what the caller adds (a reconciliation); JSON holds everything.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from billing.errors import InvalidInvoice
from billing.invoices.document import InvoiceDocument
from billing.reports.files import write_table, write_workbook
from billing.reports.table import Cell, Column, ColumnKind, Table

FORMATS = ("pdf", "xlsx", "csv", "parquet", "json")
TABLES = ("lines", "cost-centres")


def write_invoice(
    document: InvoiceDocument,
    path: Path,
    file_format: str,
    *,
    table: str = "lines",
    more: Sequence[Table] = (),
    font: Path | None = None,
) -> None:
    """Write in one of ``FORMATS``.

    Args:
        table: one of ``TABLES``, for CSV and Parquet.
        more: further sheets of a workbook.
        font: a TrueType file for a PDF's characters that DejaVu Sans lacks.

    Raises:
        InvalidInvoice: an unknown format or table, or a font that is none.
    """
    check_format(file_format, table)
    if file_format == "pdf":
        from billing.invoices.pdf import write_pdf  # loads reportlab

        write_pdf(document, path, own_font=font)
    elif file_format == "xlsx":
        tables = [_overview(document), document.lines_table(), document.cost_centres_table(), *more]
        write_workbook(tables, document.facts(), path)
    elif file_format == "json":
        text = json.dumps(document.to_json(), indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    else:
        rows = document.lines_table() if table == "lines" else document.cost_centres_table()
        write_table(rows, path, file_format)


def check_format(file_format: str, table: str = "lines") -> None:
    """Raises ``InvalidInvoice``."""
    if file_format not in FORMATS:
        raise InvalidInvoice(
            f"An invoice is written as {', '.join(FORMATS)}, not as '{file_format}'.",
            param="format",
        )
    if table not in TABLES:
        raise InvalidInvoice(f"A table is one of {', '.join(TABLES)}.", param="table")


def _overview(document: InvoiceDocument) -> Table:
    """Who bills whom, for when, and what is payable, step by step."""
    invoice = document.invoice
    own, paid = invoice.currency, invoice.payable_currency
    issued, due, rate = invoice.issued_at, invoice.due_at, invoice.exchange_rate
    texts = [
        ("document", document.name),
        ("credits invoice", document.credited),
        ("issued on", None if issued is None else f"{issued:%Y-%m-%d}"),
        ("due on", None if due is None else f"{due:%Y-%m-%d}"),
        ("month", invoice.month),
        ("reason", invoice.reason),
        ("exchange rate source", invoice.exchange_source),
    ]
    for who, party in (("seller", invoice.seller), ("buyer", invoice.buyer)):
        texts.append((who, party.get("legal_name") or party.get("name")))
        texts += [(f"{who} {key}", party.get(key)) for key in ("address", "tax_id", "email")]
    rows: list[list[Cell]] = [[item, text, None, None] for item, text in texts if text]
    rows += [
        ["subtotal", None, own, invoice.subtotal],
        *([["exchange rate", None, f"{paid} per {own}", rate]] if rate is not None else []),
        ["converted", None, paid, document.converted],
        ["rounding", None, paid, invoice.rounding],
        ["net", None, paid, invoice.net],
        ["tax percent", invoice.tax_label, None, invoice.tax_percent],
        ["tax", None, paid, invoice.tax],
        ["total", None, paid, invoice.total],
    ]
    columns = [Column("item"), Column("text"), Column("currency")]
    columns.append(Column("amount", ColumnKind.AMOUNT))
    return Table("credit note" if document.is_credit_note else "invoice", columns, rows)
