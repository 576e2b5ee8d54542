"""The lines: by month, cost centre and project, then by model, with a sum for each project."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable, LongTable, Spacer, TableStyle

from billing.invoices.document import InvoiceDocument, sum_of
from billing.invoices.pdf import formats
from billing.invoices.pdf.fonts import BOLD, REGULAR
from billing.invoices.pdf.styles import BAND, INK, RULE, SMALL, WIDTH, Styles
from billing.invoices.pdf.totals import project_title
from billing.models import InvoiceLine

_GAP = 10


class _Rows:
    """Collects rows and what they look like."""

    def __init__(self, header: Sequence[str]) -> None:
        self.rows: list[list[Any]] = [list(header)]
        self.style: list[tuple[Any, ...]] = []
        self.amounts: list[tuple[int, str]] = []

    def add(self, cells: Sequence[Any], amount: Decimal | None = None) -> int:
        number = len(self.rows)
        self.rows.append([*cells, ""])
        if amount is not None:
            self.amounts.append((number, formats.number(amount, 2)))
        return number

    def keep_with_next(self, number: int) -> None:
        self.style.append(("NOSPLIT", (0, number), (-1, number + 1)))

    def align(self) -> None:
        texts = formats.aligned([text for _, text in self.amounts])
        for (number, _), text in zip(self.amounts, texts, strict=True):
            self.rows[number][-1] = text

    def width(self, column: int) -> float:
        texts = [row[column] for row in self.rows[1:] if isinstance(row[column], str)]
        body = max((stringWidth(text, REGULAR, SMALL) for text in texts), default=0)
        return max(body, stringWidth(self.rows[0][column], BOLD, SMALL)) + _GAP


def charges(document: InvoiceDocument, styles: Styles) -> list[Flowable]:
    """The whole table; its header stands on every page."""
    currency = document.invoice.currency
    rows = _Rows(["Charge", "Quantity", f"Unit price ({currency})", f"Amount ({currency})"])
    for month, lines in groupby(document.lines, key=lambda line: line.month):
        _add_month(rows, document, month, list(lines), styles)
    rows.align()
    widths = [rows.width(column) for column in (1, 2, 3)]
    table = LongTable(
        rows.rows,
        [WIDTH - sum(widths), *widths],
        style=TableStyle([*_style(), *rows.style, ("LINEBELOW", (0, -1), (-1, -1), 0.75, INK)]),
        repeatRows=1,
    )
    return [styles.text("Charges in detail", size=10, bold=True), Spacer(0, 4), table]


def _add_month(
    rows: _Rows, document: InvoiceDocument, month: str, lines: list[InvoiceLine], styles: Styles
) -> None:
    if month != document.invoice.month:
        title = f"Carried over from {formats.month(month)}"
        number = rows.add([styles.text(title, size=SMALL, bold=True), "", ""])
        rows.keep_with_next(number)
    for (centre, project), found in groupby(lines, key=lambda line: _place(line)):
        members = list(found)
        title = project_title(document, project)
        title = f"{title} \N{MIDDLE DOT} cost centre {centre}" if centre else title
        number = rows.add([styles.text(title, size=SMALL, bold=True), "", ""], sum_of(members))
        rows.style.append(("BACKGROUND", (0, number), (-1, number), BAND))
        rows.style.append(("SPAN", (0, number), (2, number)))
        rows.keep_with_next(number)
        for name, same in _by_model(members):
            _add_model(rows, name, same, styles)


def _place(line: InvoiceLine) -> tuple[str | None, str | None]:
    return line.cost_centre, line.project_id


def _by_model(lines: list[InvoiceLine]) -> Iterator[tuple[str | None, list[InvoiceLine]]]:
    for (model, tier), found in groupby(lines, key=lambda line: (line.model, line.tier)):
        name = model and (f"{model}, tier {tier}" if tier else model)
        yield name, list(found)


def _add_model(rows: _Rows, name: str | None, lines: list[InvoiceLine], styles: Styles) -> None:
    if name is not None:
        number = rows.add([styles.text(name, size=SMALL, bold=True), "", ""])
        rows.style.append(("SPAN", (0, number), (-1, number)))
        rows.style.append(("LEFTPADDING", (0, number), (0, number), 8))
        rows.keep_with_next(number)
    for line in lines:
        text = line.description
        if line.reference:
            text = f"{text} [{line.reference}]"
        cells = [styles.text(text, size=SMALL), formats.quantity(line), formats.unit_price(line)]
        number = rows.add(cells, line.amount)
        rows.style.append(("LEFTPADDING", (0, number), (0, number), 16))
        rows.style.append(("LINEBELOW", (0, number), (-1, number), 0.25, BAND))


def _style() -> list[tuple[Any, ...]]:
    return [
        ("FONT", (0, 0), (-1, 0), BOLD, SMALL),
        ("FONT", (0, 1), (-1, -1), REGULAR, SMALL),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEABOVE", (0, 0), (-1, 0), 0.75, INK),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, RULE),
        ("LEFTPADDING", (0, 0), (0, -1), 4),
        ("LEFTPADDING", (1, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 1.8),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.8),
    ]
