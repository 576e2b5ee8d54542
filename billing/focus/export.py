"""A tenant's months or one invoice as a FOCUS 1.2 file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidReport
from billing.focus.documents import Document, document_of, documents_of
from billing.focus.files import write_rows
from billing.focus.rows import Row, RowMaker
from billing.invoices.terms import InvoiceTerms
from billing.periods import PeriodKind, period_at


@dataclass(frozen=True, slots=True)
class FocusExport:
    """The documents of one file."""

    documents: tuple[Document, ...]

    @property
    def payables(self) -> Mapping[str, Decimal]:
        """What is payable by ``InvoiceId``: the sum of its rows' ``BilledCost``."""
        return {
            document.statement.invoice_id: document.payable
            for document in self.documents
            if document.charges
        }

    def rows(self) -> Iterator[Row]:
        return _rows(self.documents)

    def write(self, path: Path, file_format: str) -> None:
        """As ``csv`` or ``parquet``; raises ``InvalidReport`` for another format."""
        write_rows(self.rows(), path, file_format)


async def focus_months(
    session: AsyncSession, tenant: str, start: datetime, end: datetime, terms: InvoiceTerms
) -> FocusExport:
    """Of every month in ``[start, end)`` the invoice, or what it would hold now, and the
    credit notes that were issued in it.

    Read it in a ``snapshot``.

    Raises:
        InvalidReport: the span is not one of whole months.
        LedgerMismatch: an invoice is not the sum of its entries.
    """
    documents: list[Document] = []
    for month in whole_months(start, end):
        documents += await documents_of(session, tenant, month, terms)
    return FocusExport(tuple(documents))


async def focus_invoice(
    session: AsyncSession, tenant: str, name: str, terms: InvoiceTerms
) -> FocusExport:
    """One invoice, draft or credit note, by id or number.

    Raises:
        UnknownInvoice, LedgerMismatch: see ``focus_months``.
    """
    return FocusExport((await document_of(session, tenant, name, terms),))


def whole_months(start: datetime, end: datetime) -> list[str]:
    """``2026-11`` and so on.

    Raises:
        InvalidReport: the span does not start and end with a UTC month.
    """
    months: list[str] = []
    at = start
    while at < end:
        period = period_at(PeriodKind.MONTH, at)
        if period.starts_at != at or period.ends_at is None:
            break
        months.append(period.label)
        at = period.ends_at
    if at != end or not months:
        raise InvalidReport(
            "A FOCUS file is of whole UTC months, such as 2026-11-01 to 2026-12-01.", param="from"
        )
    return months


def _rows(documents: Iterable[Document]) -> Iterator[Row]:
    for document in documents:
        maker = RowMaker(document.statement)
        yield from map(maker.row, document.charges)
