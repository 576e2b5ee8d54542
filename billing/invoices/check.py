"""The check that every charge stands on exactly one invoice, and invoices are as issued.

Part of ``billing.ledger.check``; reads only.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoices import repository
from billing.invoices.document import InvoiceDocument, sum_of
from billing.invoices.membership import Issued, Membership
from billing.invoices.postings import movements
from billing.invoices.repository import FINAL, INVOICE
from billing.models import Invoice, LedgerEntry
from core.money import EXACT, ZERO


async def invoice_problems(session: AsyncSession) -> list[str]:
    """A sentence for each final invoice that is not what its entries and lines say."""
    query = select(Invoice).where(Invoice.status == FINAL)
    ordered = query.order_by(Invoice.tenant, Invoice.starts_at, Invoice.number)
    finals = list(await session.scalars(ordered))
    problems: list[str] = []
    for tenant, found in groupby(finals, key=lambda invoice: invoice.tenant):
        documents = list(found)
        for invoice in documents:
            problems += await _of_document(session, invoice)
        problems += await _of_entries(session, tenant, documents)
        problems += _of_credits(documents)
    return problems


async def _of_document(session: AsyncSession, invoice: Invoice) -> list[str]:
    lines = await repository.lines_of(session, [invoice.id])
    problems: list[str] = []
    if sum_of(lines) != invoice.subtotal:
        problems.append(f"{invoice.number}: its lines do not add up to its subtotal.")
    if InvoiceDocument(invoice, lines).digest() != invoice.digest:
        problems.append(f"{invoice.number}: its content is not what was issued.")
    query = select(LedgerEntry.kind, LedgerEntry.currency, LedgerEntry.amount).where(
        LedgerEntry.tenant == invoice.tenant, LedgerEntry.reference == invoice.id
    )
    posted = [tuple(row) for row in await session.execute(query)]
    if sorted(posted) != sorted(movements(invoice)):
        problems.append(f"{invoice.number}: its entries in the ledger are not its amounts.")
    return problems


async def _of_entries(
    session: AsyncSession, tenant: str, documents: Sequence[Invoice]
) -> list[str]:
    """Invoices whose subtotal is not the sum of the charges that they hold."""
    return [
        f"{invoice.number}: its subtotal is not the sum of its entries."
        for invoice, total in await totals_held(session, tenant, documents)
        if total != invoice.subtotal
    ]


async def totals_held(
    session: AsyncSession, tenant: str, finals: Sequence[Invoice]
) -> list[tuple[Invoice, Decimal]]:
    """Final invoices, and what the charges that each of them holds come to.

    Args:
        finals: all of the tenant, by month.
    """
    found: list[tuple[Invoice, Decimal]] = []
    previous: Issued | None = None
    for invoice in finals:
        if invoice.kind != INVOICE:
            continue
        member = Membership(
            tenant=tenant,
            month=invoice.month,
            start=invoice.starts_at,
            end=invoice.ends_at,
            previous=previous,
            pending=None,
            last_entry=invoice.last_entry,
        )
        _, total = await member.total(session, invoice.currency)
        found.append((invoice, total))
        previous = Issued(invoice.ends_at, invoice.last_entry)
    return found


def _of_credits(documents: Sequence[Invoice]) -> list[str]:
    totals: dict[str, Decimal] = {}
    for note in documents:
        if note.credits_invoice is not None:
            known = totals.get(note.credits_invoice, ZERO)
            totals[note.credits_invoice] = EXACT.add(known, note.total)
    return [
        f"{invoice.number}: its credit notes come to more than it."
        for invoice in documents
        if EXACT.add(invoice.total, totals.get(invoice.id, ZERO)) < min(ZERO, invoice.total)
    ]
