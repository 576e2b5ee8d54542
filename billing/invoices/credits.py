"""Credit notes: what is taken back of a final invoice, which itself never changes.

Credits of an invoice never add up to more than it, neither in its subtotal nor in
its net or tax: the tax of a credit is that of all credits so far less the tax of
those before, so that rounding cannot pile up.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import CreditTooLarge, InvalidInvoice
from billing.invoices import repository
from billing.invoices.amounts import Amounts, of_net, tax_of
from billing.invoices.currencies import to_minor
from billing.invoices.document import InvoiceDocument, sum_of
from billing.invoices.repository import CREDIT_NOTE, DRAFT, FINAL, INVOICE
from billing.invoices.service import issue
from billing.invoices.terms import InvoiceTerms
from billing.locks import lock_tenants
from billing.models import Invoice, InvoiceLine
from core.clock import Clock
from core.ids import new_id
from core.money import EXACT, ZERO, format_amount, quantize

_MOST = 200


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of an invoice after its credit notes."""

    subtotal: Decimal
    net: Decimal
    tax: Decimal

    @classmethod
    def of(cls, invoice: Invoice, notes: Iterable[Invoice]) -> "Remaining":
        # Amounts of credit notes are below zero.
        subtotal, net, tax = invoice.subtotal, invoice.net, invoice.tax
        for note in notes:
            subtotal = EXACT.add(subtotal, note.subtotal)
            net = EXACT.add(net, note.net)
            tax = EXACT.add(tax, note.tax)
        return cls(subtotal, net, tax)


async def credit(
    session: AsyncSession,
    clock: Clock,
    terms: InvoiceTerms,
    tenant: str,
    name: str,
    *,
    reason: str,
    author: str,
    amount: Decimal | None = None,
    positions: Collection[int] = (),
) -> InvoiceDocument:
    """Issue a credit note about a final invoice: of all that is left of it, of an
    amount, or of some of its lines.

    Args:
        name: id or number of the invoice.
        amount: net of tax, in the currency that the invoice is payable in.
        positions: of the lines to credit, each whole and once.

    Raises:
        UnknownInvoice: no such invoice.
        InvalidInvoice: it is no final invoice, or there is no such line or amount.
        CreditTooLarge: less than that is left of it.
    """
    await lock_tenants(session, [tenant])
    invoice = await repository.get(session, tenant, name)
    _check(invoice, reason, amount, positions)
    notes = await repository.credits_of(session, invoice)
    left = Remaining.of(invoice, notes)
    own = await repository.lines_of(session, [invoice.id])
    if positions:
        done = await repository.lines_of(session, [note.id for note in notes])
        lines = _of_positions(invoice, own, done, positions)
        payable = _of_subtotal(invoice, left, sum_of(lines).copy_negate())
    else:
        payable = _of_amount(invoice, left, left.net if amount is None else amount)
        whole = not notes and amount is None
        lines = [_negated(invoice, line) for line in own] if whole else [_single(invoice, payable)]
    note = _note(invoice, payable, clock, reason, author)
    session.add(note)
    for position, line in enumerate(lines, start=1):
        line.position = position
    await repository.replace_lines(session, note, lines)
    document = await issue(session, clock, terms.credit_series, note, lines, author, None)
    return InvoiceDocument(document.invoice, lines, credited=invoice.number)


def _check(
    invoice: Invoice, reason: str, amount: Decimal | None, positions: Collection[int]
) -> None:
    if invoice.kind != INVOICE or invoice.status != FINAL:
        raise InvalidInvoice("A credit note is about a final invoice.", param="invoice_id")
    if not 1 <= len(reason.strip()) <= _MOST:
        raise InvalidInvoice(f"Give the reason in 1 to {_MOST} characters.", param="reason")
    if amount is not None and positions:
        raise InvalidInvoice("Credit an amount or some lines, not both.", param="amount")
    if amount is not None:
        currency = invoice.payable_currency
        if amount <= 0 or to_minor(amount, currency) != amount:
            raise InvalidInvoice(
                f"An amount to credit is above 0, with no more places than {currency} has.",
                param="amount",
            )


def _of_amount(invoice: Invoice, left: Remaining, net: Decimal) -> Amounts:
    """The credit of a net amount; the last one takes what is left to the last digit."""
    if net > left.net or left.net <= 0:
        raise _too_large(invoice, left)
    if net == left.net:
        return _below_zero(invoice, left.subtotal, left.net, left.tax)
    rate = invoice.exchange_rate
    subtotal = net if rate is None else quantize(EXACT.divide(net, rate))
    return _below_zero(invoice, min(subtotal, left.subtotal), net, _tax(invoice, left, net))


def _of_subtotal(invoice: Invoice, left: Remaining, subtotal: Decimal) -> Amounts:
    """The credit of a sum of lines."""
    if subtotal <= 0:
        raise InvalidInvoice("These lines come to nothing that could be credited.", param="lines")
    if subtotal > left.subtotal:
        raise _too_large(invoice, left)
    if subtotal == left.subtotal:
        return _below_zero(invoice, left.subtotal, left.net, left.tax)
    rate = invoice.exchange_rate
    product = subtotal if rate is None else EXACT.multiply(subtotal, rate)
    net = min(to_minor(product, invoice.payable_currency), left.net)
    return _below_zero(invoice, subtotal, net, _tax(invoice, left, net))


def _tax(invoice: Invoice, left: Remaining, net: Decimal) -> Decimal:
    currency, percent = invoice.payable_currency, invoice.tax_percent
    credited = EXACT.add(EXACT.subtract(invoice.net, left.net), net)
    before = EXACT.subtract(invoice.tax, left.tax)
    return EXACT.subtract(tax_of(credited, currency, percent), before)


def _below_zero(invoice: Invoice, subtotal: Decimal, net: Decimal, tax: Decimal) -> Amounts:
    signs = [value.copy_negate() for value in (subtotal, net, tax)]
    return of_net(signs[0], invoice.exchange_rate, signs[1], signs[2])


def _of_positions(
    invoice: Invoice,
    own: Sequence[InvoiceLine],
    done: Sequence[InvoiceLine],
    positions: Collection[int],
) -> list[InvoiceLine]:
    by_position = {line.position: line for line in own}
    credited = {line.reference for line in done}
    lines: list[InvoiceLine] = []
    for position in sorted(set(positions)):
        line = by_position.get(position)
        if line is None or _reference(invoice, position) in credited:
            raise InvalidInvoice(
                f"Line {position} is not on the invoice, or credited already.", param="lines"
            )
        lines.append(_negated(invoice, line))
    return lines


def _negated(invoice: Invoice, line: InvoiceLine) -> InvoiceLine:
    names = ("month", "project_id", "cost_centre", "model", "tier", "price_version")
    names += ("token_class", "description", "unit_price", "per")
    return InvoiceLine(
        **{name: getattr(line, name) for name in names},
        quantity=line.quantity.copy_negate(),
        amount=line.amount.copy_negate(),
        reference=_reference(invoice, line.position),
    )


def _single(invoice: Invoice, payable: Amounts) -> InvoiceLine:
    return InvoiceLine(
        month=invoice.month,
        token_class="credit",
        description=f"Credit on invoice {invoice.number}",
        quantity=Decimal(1),
        unit_price=payable.subtotal,
        per=1,
        amount=payable.subtotal,
        reference=invoice.number,
    )


def _reference(invoice: Invoice, position: int) -> str:
    return f"{invoice.number}/{position}"


def _note(invoice: Invoice, payable: Amounts, clock: Clock, reason: str, author: str) -> Invoice:
    names = ("tenant", "month", "starts_at", "ends_at", "currency", "payable_currency")
    names += ("exchange_rate", "exchange_since", "exchange_source", "tax_label", "tax_percent")
    names += ("last_entry", "seller", "buyer")
    return Invoice(
        **{name: getattr(invoice, name) for name in names},
        id=new_id("crn"),
        kind=CREDIT_NOTE,
        status=DRAFT,
        subtotal=payable.subtotal,
        net=payable.net,
        rounding=payable.rounding,
        tax=payable.tax,
        total=payable.total,
        credits_invoice=invoice.id,
        reason=reason.strip(),
        created_at=clock.now(),
        created_by=author,
    )


def _too_large(invoice: Invoice, left: Remaining) -> CreditTooLarge:
    rest = f"{format_amount(max(left.net, ZERO))} {invoice.payable_currency}"
    return CreditTooLarge(
        f"Of invoice {invoice.number} {rest} net of tax are left to credit.", param="amount"
    )
