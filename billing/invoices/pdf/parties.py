"""The top of the first page: who bills whom, for when, and what is to be paid by when."""

from typing import Any

from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from billing.invoices.document import InvoiceDocument
from billing.invoices.pdf import formats
from billing.invoices.pdf.styles import BAND, NORMAL, RULE, WIDTH, Styles

_HALF = WIDTH / 2
_PLAIN = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
]


def heading(document: InvoiceDocument, styles: Styles) -> list[Flowable]:
    """The seller and what this is, then the buyer and the dates."""
    title = "CREDIT NOTE" if document.is_credit_note else "INVOICE"
    if not document.is_final:
        title = f"DRAFT {title}"
    top = [[_seller(document, styles), [styles.text(title, size=19, bold=True, right=True)]]]
    below = [[_buyer(document, styles), _facts(document, styles)]]
    return [
        Table(top, [_HALF, _HALF], style=TableStyle(_PLAIN)),
        Spacer(0, 16),
        Table(below, [_HALF, _HALF], style=TableStyle(_PLAIN)),
        Spacer(0, 12),
        _headline(document, styles),
        Spacer(0, 14),
    ]


def _seller(document: InvoiceDocument, styles: Styles) -> list[Flowable]:
    seller = document.invoice.seller
    if not seller:
        return [styles.text("(no seller is set)", quiet=True)]
    return [styles.text(seller["name"], size=12, bold=True), *_contact(seller, styles)]


def _buyer(document: InvoiceDocument, styles: Styles) -> list[Flowable]:
    buyer = document.invoice.buyer
    label = styles.text("Credited to" if document.is_credit_note else "Billed to", quiet=True)
    name = styles.text(buyer["legal_name"], size=10, bold=True)
    return [label, name, *_contact(buyer, styles)]


def _contact(party: dict[str, Any], styles: Styles) -> list[Flowable]:
    parts: list[Flowable] = [styles.text(party["address"])]
    if party.get("tax_id"):
        parts.append(styles.text(f"Tax ID: {party['tax_id']}"))
    if party.get("email"):
        parts.append(styles.text(party["email"]))
    return parts


def _facts(document: InvoiceDocument, styles: Styles) -> Table:
    rows = [
        [styles.text(label, quiet=True), styles.text(value, right=True)]
        for label, value in _fact_texts(document)
    ]
    style = [*_PLAIN, ("LINEBELOW", (0, 0), (-1, -2), 0.25, RULE)]
    return Table(rows, [_HALF * 0.42, _HALF * 0.58], style=TableStyle(style))


def _fact_texts(document: InvoiceDocument) -> list[tuple[str, str]]:
    invoice = document.invoice
    what = "Credit note" if document.is_credit_note else "Invoice"
    texts = [(f"{what} number", invoice.number or "none yet: draft")]
    if document.credited:
        texts.append(("Credits invoice", document.credited))
    if invoice.issued_at is not None:
        texts.append(("Date of issue", formats.day(invoice.issued_at)))
    if invoice.due_at is not None:
        texts.append(("Due date", formats.day(invoice.due_at)))
    texts.append(("Billing period", formats.period(invoice.starts_at, invoice.ends_at)))
    texts.append(("Customer", invoice.tenant))
    return texts


def _headline(document: InvoiceDocument, styles: Styles) -> Table:
    """One line that answers what is to be paid."""
    invoice = document.invoice
    amount = formats.money(invoice.total.copy_abs(), invoice.payable_currency)
    text = styles.text(_due(document), size=NORMAL + 0.5)
    row = [[text, styles.text(amount, size=13, bold=True, right=True)]]
    style = [
        *_PLAIN,
        ("BACKGROUND", (0, 0), (-1, -1), BAND),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 8),
        ("RIGHTPADDING", (0, 0), (-1, -1), 8),
        ("TOPPADDING", (0, 0), (-1, -1), 7),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
    ]
    return Table(row, [WIDTH * 0.6, WIDTH * 0.4], style=TableStyle(style))


def _due(document: InvoiceDocument) -> str:
    invoice = document.invoice
    if document.is_credit_note:
        return "Credited to you"
    if invoice.total <= 0:
        return "In your favour" if invoice.total else "Nothing to pay"
    if invoice.due_at is None:
        return "Would be payable"
    return f"Amount due by {formats.day(invoice.due_at)}"
