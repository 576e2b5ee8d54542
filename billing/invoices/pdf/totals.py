"""From the sum of the lines to what is payable, step by step, and how to pay it."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table, TableStyle

from billing.invoices.document import InvoiceDocument
from billing.invoices.pdf import formats
from billing.invoices.pdf.fonts import BOLD, REGULAR
from billing.invoices.pdf.styles import INK, NORMAL, RULE, SMALL, WIDTH, Styles
from billing.invoices.wording import ADJUSTMENT
from core.money import EXACT, ZERO, format_amount


def summary(document: InvoiceDocument, styles: Styles) -> list[Flowable]:
    """What each cost centre and project comes to, then the totals."""
    return [
        styles.text("Summary", size=10, bold=True),
        Spacer(0, 4),
        _shares(document, styles),
        Spacer(0, 10),
        KeepTogether([_totals(document, styles), Spacer(0, 10), *_notes(document, styles)]),
        Spacer(0, 14),
    ]


def _shares(document: InvoiceDocument, styles: Styles) -> Table:
    shares = document.cost_shares
    rows: list[list[Any]] = [["Cost centre", "Project", f"Amount ({document.invoice.currency})"]]
    centres: dict[str | None, Decimal] = defaultdict(lambda: ZERO)
    for share in shares:
        centres[share.cost_centre] = EXACT.add(centres[share.cost_centre], share.amount)
    amounts: list[str] = []
    sums: list[int] = []
    several = len(shares) > len(centres) > 1
    for number, share in enumerate(shares):
        centre = share.cost_centre or "No cost centre"
        rows.append([styles.text(centre), styles.text(project_title(document, share.project_id))])
        amounts.append(formats.number(share.amount, 2))
        last = number + 1 == len(shares) or shares[number + 1].cost_centre != share.cost_centre
        if several and last:
            sums.append(len(rows))
            rows.append([styles.text(f"{centre}, total", bold=True), ""])
            amounts.append(formats.number(centres[share.cost_centre], 2))
    for row, amount in zip(rows[1:], formats.aligned(amounts), strict=True):
        row.append(amount)
    style = [
        ("FONT", (0, 0), (-1, 0), BOLD, NORMAL),
        ("FONT", (2, 1), (2, -1), REGULAR, NORMAL),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("ALIGN", (2, 0), (2, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LINEABOVE", (0, 0), (-1, 0), 0.75, INK),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, RULE),
        ("LINEBELOW", (0, -1), (-1, -1), 0.75, INK),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        *(("LINEBELOW", (0, row), (-1, row), 0.25, RULE) for row in sums),
    ]
    return Table(
        rows,
        [WIDTH * 0.25, WIDTH * 0.45, WIDTH * 0.3],
        style=TableStyle(style),
        repeatRows=1,
    )


def project_title(document: InvoiceDocument, project_id: str | None) -> str:
    if project_id is None:
        return "No project"
    name = document.project_name(project_id)
    return f"{name} ({project_id})" if name != project_id else project_id


def _totals(document: InvoiceDocument, styles: Styles) -> Table:
    invoice = document.invoice
    own, paid = invoice.currency, invoice.payable_currency
    steps = [("Subtotal: the exact sum of the lines", invoice.subtotal, own)]
    if own != paid:
        rate = f"{format_amount(invoice.exchange_rate or ZERO)} {paid} per {own}"
        steps.append((f"Converted at {rate}", document.converted, paid))
    if invoice.rounding:
        steps.append((f"Rounding to what can be paid in {paid}", invoice.rounding, paid))
    least = formats.minor_places(paid)
    steps.append(("Net amount", invoice.net, paid))
    steps.append((_tax_label(document), invoice.tax, paid))
    steps.append((_total_label(document), invoice.total, paid))
    numbers = formats.aligned(
        [formats.number(amount, 2 if name == own != paid else least) for _, amount, name in steps]
    )
    rows = [
        [styles.text(label, bold=position + 1 == len(steps)), currency, amount]
        for position, ((label, _, currency), amount) in enumerate(zip(steps, numbers, strict=True))
    ]
    style = [
        ("FONT", (1, 0), (-1, -1), REGULAR, NORMAL),
        ("FONT", (1, -1), (1, -1), BOLD, NORMAL),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("ALIGN", (2, 0), (2, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ("LINEABOVE", (0, -3), (-1, -3), 0.25, RULE),
        ("LINEABOVE", (0, -1), (-1, -1), 0.75, INK),
        ("LINEBELOW", (0, -1), (-1, -1), 0.75, INK),
    ]
    amount = max(stringWidth(text, REGULAR, NORMAL) for text in numbers) + 14
    widths = [WIDTH * 0.7 - amount, WIDTH * 0.075, amount]
    return Table(rows, widths, style=TableStyle(style), hAlign="RIGHT")


def _tax_label(document: InvoiceDocument) -> str:
    invoice = document.invoice
    net = formats.money(invoice.net, invoice.payable_currency)
    label = invoice.tax_label or "Tax"
    return f"{label}, {format_amount(invoice.tax_percent)} % of {net}"


def _total_label(document: InvoiceDocument) -> str:
    if document.is_credit_note:
        return "Total credited"
    return "Total due" if document.invoice.total >= 0 else "Total in your favour"


def _notes(document: InvoiceDocument, styles: Styles) -> list[Flowable]:
    return [styles.text(note, size=SMALL + 0.5) for note in _note_texts(document)]


def _note_texts(document: InvoiceDocument) -> list[str]:
    invoice = document.invoice
    notes: list[str] = []
    if document.is_credit_note:
        notes.append(f"Reason: {invoice.reason}. It lowers what is due on {document.credited}.")
    elif invoice.total > 0:
        days = invoice.buyer.get("payment_days")
        notes.append(f"Payable within {days} days of the date of issue.")
        if payment := invoice.seller.get("payment"):
            notes.append(payment)
    if invoice.exchange_rate is not None:
        notes.append(_exchange_note(document))
    if any(line.month != invoice.month for line in document.lines):
        notes.append(
            "Charges carried over were used in an earlier month, and reached the ledger after the "
            "invoice of that month was issued."
        )
    if any(line.token_class == ADJUSTMENT for line in document.lines):
        notes.append("Adjustments are corrections of earlier charges, each for the reason stated.")
    if note := invoice.seller.get("note"):
        notes.append(note)
    return notes


def _exchange_note(document: InvoiceDocument) -> str:
    invoice = document.invoice
    own, paid = invoice.currency, invoice.payable_currency
    since = invoice.exchange_since
    in_force = f", in force since {formats.day(since)}" if since else ""
    source = f" (source: {invoice.exchange_source})" if invoice.exchange_source else ""
    rate = format_amount(invoice.exchange_rate or ZERO)
    return (
        f"Prices are in {own}; exchange rate at the end of the billing period: 1 {own} = "
        f"{rate} {paid}{in_force}{source}."
    )
