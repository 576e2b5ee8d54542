"""The lines: by month, cost centre and project, then by model, with a sum for each project.

Each project is a table of its own, so that time grows with the number of lines and
not with its square; they share columns, and ``pages`` repeats their header.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable, LongTable, Table, TableStyle

from billing.invoices.document import InvoiceDocument, sum_of
from billing.invoices.pdf import formats
from billing.invoices.pdf.fonts import BOLD, REGULAR
from billing.invoices.pdf.styles import BAND, INK, RULE, SMALL, WIDTH, Styles
from billing.invoices.pdf.totals import project_title
from billing.models import InvoiceLine

_GAP = 10
_SHARED = (
    ("TEXTCOLOR", (0, 0), (-1, -1), INK),
    ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (0, -1), 4),
    ("LEFTPADDING", (1, 0), (-1, -1), 2),
    ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ("TOPPADDING", (0, 0), (-1, -1), 1.8),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.8),
)


@dataclass(frozen=True, slots=True)
class Charges:
    """``header`` comes before the first of ``tables``, and on each later page."""

    header: Table
    tables: list[Flowable]


@dataclass(slots=True)
class _Group:
    """Rows of one project, and what they look like."""

    rows: list[list[Any]] = field(default_factory=list)
    style: list[tuple[Any, ...]] = field(default_factory=list)
    amounts: list[tuple[int, str]] = field(default_factory=list)

    def add(self, cells: Sequence[Any], amount: Decimal | None = None) -> int:
        number = len(self.rows)
        self.rows.append([*cells, ""])
        if amount is not None:
            self.amounts.append((number, formats.number(amount, 2)))
        return number

    def decorate(self, name: str, number: int, *values: Any) -> None:
        self.style.append((name, (0, number), (-1, number), *values))

    def keep_with_next(self, number: int) -> None:
        self.style.append(("NOSPLIT", (0, number), (-1, number + 1)))

    def indent(self, number: int, points: float) -> None:
        self.style.append(("LEFTPADDING", (0, number), (0, number), points))


def charges(document: InvoiceDocument, styles: Styles) -> Charges:
    """All lines, in their order."""
    currency = document.invoice.currency
    titles = ["Charge", "Quantity", f"Unit price ({currency})", f"Amount ({currency})"]
    groups = list(_groups(document, styles))
    _align(groups)
    rows = [row for group in groups for row in group.rows]
    widths = [_width(titles[column], [row[column] for row in rows]) for column in (1, 2, 3)]
    columns = [WIDTH - sum(widths), *widths]
    tables: list[Flowable] = [
        LongTable(
            group.rows,
            columns,
            style=TableStyle([*_SHARED, ("FONT", (0, 0), (-1, -1), REGULAR, SMALL), *group.style]),
        )
        for group in groups
    ]
    return Charges(_header(titles, columns), tables)


def _header(titles: list[str], columns: list[float]) -> Table:
    style = [
        *_SHARED,
        ("FONT", (0, 0), (-1, -1), BOLD, SMALL),
        ("LINEABOVE", (0, 0), (-1, 0), 0.75, INK),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, RULE),
    ]
    return Table([titles], columns, style=TableStyle(style))


def _align(groups: list[_Group]) -> None:
    """Put the amounts in place, with their points below each other on every page."""
    places = [(group, number) for group in groups for number, _ in group.amounts]
    texts = formats.aligned([text for group in groups for _, text in group.amounts])
    for (group, number), text in zip(places, texts, strict=True):
        group.rows[number][-1] = text


def _width(title: str, cells: list[Any]) -> float:
    texts = {cell for cell in cells if isinstance(cell, str)}
    body = max((stringWidth(text, REGULAR, SMALL) for text in texts), default=0)
    return max(body, stringWidth(title, BOLD, SMALL)) + _GAP


def _groups(document: InvoiceDocument, styles: Styles) -> Iterator[_Group]:
    for month, of_month in groupby(document.lines, key=lambda line: line.month):
        late = None
        if month != document.invoice.month:
            late = f"Carried over from {formats.month(month)}"
        for (centre, project), found in groupby(of_month, key=_place):
            title = project_title(document, project)
            title = f"{title} \N{MIDDLE DOT} cost centre {centre}" if centre else title
            yield _group(late, title, list(found), styles)
            late = None


def _group(late: str | None, title: str, lines: list[InvoiceLine], styles: Styles) -> _Group:
    group = _Group()
    if late is not None:
        group.keep_with_next(group.add([styles.text(late, size=SMALL, bold=True), "", ""]))
    number = group.add([styles.text(title, size=SMALL, bold=True), "", ""], sum_of(lines))
    group.decorate("BACKGROUND", number, BAND)
    group.style.append(("SPAN", (0, number), (2, number)))
    group.keep_with_next(number)
    for name, same in _by_model(lines):
        _add_model(group, name, same, styles)
    return group


def _place(line: InvoiceLine) -> tuple[str | None, str | None]:
    return line.cost_centre, line.project_id


def _by_model(lines: list[InvoiceLine]) -> Iterator[tuple[str | None, list[InvoiceLine]]]:
    for (model, tier), found in groupby(lines, key=lambda line: (line.model, line.tier)):
        name = model and (f"{model}, tier {tier}" if tier else model)
        yield name, list(found)


def _add_model(group: _Group, name: str | None, lines: list[InvoiceLine], styles: Styles) -> None:
    if name is not None:
        number = group.add([styles.text(name, size=SMALL, bold=True), "", ""])
        group.decorate("SPAN", number)
        group.indent(number, 8)
        group.keep_with_next(number)
    for line in lines:
        text = f"{line.description} [{line.reference}]" if line.reference else line.description
        cells = [styles.text(text, size=SMALL), formats.quantity(line), formats.unit_price(line)]
        number = group.add(cells, line.amount)
        group.indent(number, 16)
        group.decorate("LINEBELOW", number, 0.25, BAND)
