"""The documents of a tenant's month: its invoice, draft or open usage, and credit notes.

Each becomes a statement and its charges, which add up to what is payable. A
credit note belongs to the month in which it was issued.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.focus.charge import ONE, Charge, ChargeKind, Statement
from billing.focus.charges import charges_of, total
from billing.focus.rows import billed_cost
from billing.invoices import repository
from billing.invoices.membership import Issued, Membership, membership
from billing.invoices.profile import find_profile
from billing.invoices.terms import InvoiceTerms
from billing.models import Invoice, InvoiceLine
from billing.periods import PeriodKind, month_span, period_at
from core.money import EXACT, ZERO, format_amount

OPEN = "open"
NOBODY = "Sovgate"  # who issues invoices where no seller is named


@dataclass(frozen=True, slots=True)
class Document:
    """``charges`` come to ``payable`` in the statement's currency, to the last digit."""

    statement: Statement
    charges: list[Charge]
    payable: Decimal


async def documents_of(
    session: AsyncSession, tenant: str, month: str, terms: InvoiceTerms
) -> list[Document]:
    """All documents of a month. Read them in a ``snapshot``.

    Raises:
        InvalidReport: the text is no month.
        LedgerMismatch: an invoice is not the sum of its entries.
    """
    start, end = month_span(month)
    invoice = await repository.of_month(session, tenant, month)
    if invoice is None:
        documents = await _open(session, tenant, month, terms)
    else:
        documents = [await _invoiced(session, invoice, terms)]
    notes = await _notes(session, tenant, start, end)
    return [*documents, *[await _credited(session, note, terms) for note in notes]]


async def document_of(
    session: AsyncSession, tenant: str, name: str, terms: InvoiceTerms
) -> Document:
    """One invoice or credit note, by id or number.

    Raises:
        UnknownInvoice, LedgerMismatch.
    """
    invoice = await repository.get(session, tenant, name)
    if invoice.kind == repository.CREDIT_NOTE:
        return await _credited(session, invoice, terms)
    return await _invoiced(session, invoice, terms)


async def _open(
    session: AsyncSession, tenant: str, month: str, terms: InvoiceTerms
) -> list[Document]:
    """A month that nobody drew an invoice of: what one would hold now, without a tax."""
    held = await membership(session, tenant, month)
    if held.previous is not None and held.previous.ends_at > held.start:
        # A later month is invoiced: what came in since stands on the next invoice.
        return []
    profile = await find_profile(session, tenant)
    statement = Statement(
        tenant=tenant,
        account_name=profile.legal_name if profile else tenant,
        start=held.start,
        end=held.end,
        invoice_id=f"{OPEN}-{tenant}-{month}",
        status=OPEN,
        issuer=_issuer({}, terms),
        currency=terms.currency,
        pricing_currency=terms.currency,
        project_names=await terms.project_names(session, tenant),
        cost_centres=profile.cost_centres if profile else {},
    )
    charges = await charges_of(session, held)
    return [Document(statement, charges, total(charges))]


async def _invoiced(session: AsyncSession, invoice: Invoice, terms: InvoiceTerms) -> Document:
    if invoice.status == repository.FINAL:
        held = await _held_by(session, invoice)
    else:
        now = await membership(session, invoice.tenant, invoice.month)
        held = replace(now, last_entry=invoice.last_entry)
    charges = await charges_of(session, held)
    lines = await repository.lines_of(session, [invoice.id])
    period = invoice.starts_at, invoice.ends_at
    return _document(_statement(invoice, lines, terms, *period), charges, invoice)


async def _held_by(session: AsyncSession, invoice: Invoice) -> Membership:
    """What a final invoice held when it was issued."""
    return Membership(
        tenant=invoice.tenant,
        month=invoice.month,
        start=invoice.starts_at,
        end=invoice.ends_at,
        previous=await _final_before(session, invoice),
        pending=None,
        last_entry=invoice.last_entry,
    )


async def _credited(session: AsyncSession, note: Invoice, terms: InvoiceTerms) -> Document:
    """A credit note: corrections of its invoice, in the month in which it was issued."""
    period = period_at(PeriodKind.MONTH, note.issued_at or note.created_at)
    lines = await repository.lines_of(session, [note.id])
    charges = [_credit(line, note) for line in lines]
    end = period.ends_at or note.ends_at
    return _document(_statement(note, lines, terms, period.starts_at, end), charges, note)


async def _notes(
    session: AsyncSession, tenant: str, start: datetime, end: datetime
) -> Sequence[Invoice]:
    query = select(Invoice).where(
        Invoice.tenant == tenant,
        Invoice.kind == repository.CREDIT_NOTE,
        Invoice.issued_at >= start,
        Invoice.issued_at < end,
    )
    return (await session.scalars(query.order_by(Invoice.number))).all()


async def _final_before(session: AsyncSession, invoice: Invoice) -> Issued | None:
    query = select(Invoice.ends_at, Invoice.last_entry).where(
        Invoice.tenant == invoice.tenant,
        Invoice.kind == repository.INVOICE,
        Invoice.status == repository.FINAL,
        Invoice.starts_at < invoice.starts_at,
    )
    row = (await session.execute(query.order_by(Invoice.starts_at.desc()).limit(1))).first()
    return None if row is None else Issued(*row)


def _statement(
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    terms: InvoiceTerms,
    start: datetime,
    end: datetime,
) -> Statement:
    """Names and cost centres are those that stand on the document."""
    centres = {line.project_id: line.cost_centre for line in lines}
    return Statement(
        tenant=invoice.tenant,
        account_name=invoice.buyer.get("legal_name") or invoice.tenant,
        start=start,
        end=end,
        invoice_id=invoice.number or invoice.id,
        status=invoice.status,
        issuer=_issuer(invoice.seller, terms),
        currency=invoice.payable_currency,
        pricing_currency=invoice.currency,
        exchange_rate=ONE if invoice.exchange_rate is None else invoice.exchange_rate,
        project_names=invoice.buyer.get("projects") or {},
        cost_centres={project: centre for project, centre in centres.items() if project and centre},
    )


def _issuer(seller: Mapping[str, Any], terms: InvoiceTerms) -> str:
    return seller.get("name") or (terms.seller.name if terms.seller else NOBODY)


def _document(statement: Statement, charges: list[Charge], invoice: Invoice) -> Document:
    """With its tax, and the difference that makes the rows come to its net."""
    added = total(charges)
    if added != invoice.subtotal:
        again = " Draw it up again." if invoice.status == repository.DRAFT else ""
        raise LedgerMismatch(
            f"{statement.invoice_id} of tenant {invoice.tenant} is of "
            f"{format_amount(invoice.subtotal)}, its entries come to {format_amount(added)}.{again}"
        )
    corrects = invoice.kind == repository.CREDIT_NOTE
    own: dict[str, Any] = {"payable": True, "corrects_earlier": corrects}
    own["reason"] = invoice.reason if corrects else None
    rest = EXACT.subtract(invoice.net, _billed(statement, charges))
    if rest:
        charges.append(Charge(kind=ChargeKind.ROUNDING, amount=rest, **own))
    if invoice.tax:
        label = f"{invoice.tax_label or 'Tax'} {format_amount(invoice.tax_percent)} %"
        charges.append(Charge(kind=ChargeKind.TAX, amount=invoice.tax, label=label, **own))
    return Document(statement, charges, invoice.total)


def _billed(statement: Statement, charges: list[Charge]) -> Decimal:
    added = ZERO
    for charge in charges:
        added = EXACT.add(added, billed_cost(charge, statement))
    return added


def _credit(line: InvoiceLine, note: Invoice) -> Charge:
    return Charge(
        kind=ChargeKind.CREDIT,
        amount=line.amount,
        day=(note.issued_at or note.created_at).date(),
        project_id=line.project_id,
        model=line.model,
        tier=line.tier,
        rate_id=line.price_version,
        corrects_earlier=True,
        reference=line.reference,
        reason=note.reason,
    )
