"""A tenant's month or one invoice as a FOCUS 1.2 file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from billing.focus.documents import Document, document_of, documents_of
from billing.focus.files import write_rows
from billing.focus.rows import Row, RowMaker
from billing.invoices.terms import InvoiceTerms


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


async def focus_month(
    session: AsyncSession, tenant: str, month: str, terms: InvoiceTerms
) -> FocusExport:
    """The invoice of a month (or what it would hold now) and the month's credit notes.

    Read it in a ``snapshot``.

    Raises:
        InvalidReport: the text is no month.
        LedgerMismatch: an invoice is not the sum of its entries.
    """
    return FocusExport(tuple(await documents_of(session, tenant, month, terms)))


async def focus_invoice(
    session: AsyncSession, tenant: str, name: str, terms: InvoiceTerms
) -> FocusExport:
    """One invoice, draft or credit note, by id or number.

    Raises:
        UnknownInvoice, LedgerMismatch: see ``focus_month``.
    """
    return FocusExport((await document_of(session, tenant, name, terms),))


def _rows(documents: Iterable[Document]) -> Iterator[Row]:
    for document in documents:
        maker = RowMaker(document.statement)
        yield from map(maker.row, document.charges)
