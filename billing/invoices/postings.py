"""A final document in the ledger: what it moves between the tenant's accounts.

In one currency the receivable grows by subtotal + rounding + tax, the total. Where
the tenant pays in another one, a pair of entries takes the subtotal out of the
receivables of the ledger's currency and puts the converted amount into those of
the other: balances never mix currencies, and each adds up to zero.

A credit note does the same with amounts below zero.
"""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoices.repository import INVOICE
from billing.ledger.accounts import POSTINGS, move_accounts
from billing.models import Invoice, LedgerEntry
from core.money import EXACT


async def post(session: AsyncSession, invoice: Invoice, author: str) -> None:
    """Enter a document that has just been issued; the caller holds the tenant's lock."""
    rows = movements(invoice)
    session.add_all(_entry(invoice, author, *row) for row in rows)
    await move_accounts(
        session, [(invoice.tenant, kind, currency, amount) for kind, currency, amount in rows]
    )
    await session.flush()


def movements(invoice: Invoice) -> list[tuple[str, str, Decimal]]:
    """Kind, currency and amount of each entry of a document."""
    own, paid = invoice.currency, invoice.payable_currency
    kind = "invoice" if invoice.kind == INVOICE else "credit"
    rows = [(kind, own, invoice.subtotal)]
    if own != paid:
        converted = EXACT.subtract(invoice.net, invoice.rounding)
        rows += [("exchange", own, invoice.subtotal), ("exchange", paid, converted.copy_negate())]
    rows += [("rounding", paid, invoice.rounding), ("tax", paid, invoice.tax)]
    return [row for row in rows if row[2] or row[0] == kind]


def _entry(invoice: Invoice, author: str, kind: str, currency: str, amount: Decimal) -> LedgerEntry:
    # The id is of the document, so that nothing can be entered twice.
    request_id = f"{invoice.id}/{currency}" if kind == "exchange" else invoice.id
    debit, credit = POSTINGS[kind]
    assert invoice.issued_at is not None
    return LedgerEntry(
        request_id=request_id,
        kind=kind,
        tenant=invoice.tenant,
        at=invoice.issued_at,
        amount=amount,
        currency=currency,
        debit=debit,
        credit=credit,
        reference=invoice.id,
        author=author,
    )
