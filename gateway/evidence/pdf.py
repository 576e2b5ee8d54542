"""An evidence pack as PDF pages. Loads reportlab: import it only where pages are made."""

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from billing.invoices.pdf.fonts import BOLD, REGULAR, FontBook
from gateway.evidence.document import Cell, Document, Section

_INK, _GREY, _LINE = HexColor("#1b2430"), HexColor("#56616f"), HexColor("#d5dae1")
_MARGIN = 16 * mm
_PADDING = 6  # of the page's frame, reportlab's own
_WIDTH = landscape(A4)[0] - 2 * _MARGIN - 2 * _PADDING


def write_pdf(page: Document, out: BinaryIO, font: Path | None = None) -> None:
    """Landscape A4.

    Args:
        font: a TrueType file for characters that DejaVu Sans lacks.

    Raises:
        InvalidInvoice: ``font`` is no TrueType font.
    """
    fonts = FontBook(font)
    pages = SimpleDocTemplate(
        out,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=18 * mm,
        title=page.title,
        author="Sovgate",
        invariant=1,  # the same pack gives the same bytes
    )
    story: list[Flowable] = [
        _text(fonts, page.title, _style(18, bold=True, leading=23)),
        _text(fonts, page.subtitle, _style(10, _GREY)),
        Spacer(0, 4 * mm),
        _facts(fonts, page),
    ]
    for section in page.sections:
        story += _section(fonts, section)
    story += [Spacer(0, 6 * mm), _text(fonts, page.footer, _style(7.5, _GREY))]
    foot = partial(_foot, title=f"{page.title}, {page.subtitle}")
    pages.build(story, onFirstPage=foot, onLaterPages=foot)


def _facts(fonts: FontBook, page: Document) -> Table:
    rows = [
        [_text(fonts, name, _style(8.5, _GREY)), _text(fonts, text, _style(8.5, bold=True))]
        for name, text in page.facts
    ]
    table = Table(rows, colWidths=[42 * mm, _WIDTH - 42 * mm], hAlign="LEFT")
    table.setStyle(TableStyle([*_TIGHT]))
    return table


def _section(fonts: FontBook, section: Section) -> list[Flowable]:
    title = _text(fonts, section.title, _style(11.5, bold=True, before=14, after=4))
    room = CondPageBreak(35 * mm)  # a title stands above some rows of its table
    if not section.rows:
        return [room, title, _text(fonts, section.empty, _style(8.5, _GREY))]
    total = sum(section.weights)
    head = [_text(fonts, name, _style(7.5, _GREY, bold=True)) for name in section.columns]
    body = [[_cell(fonts, cell) for cell in row] for row in section.rows]
    table = Table(
        [head, *body],
        colWidths=[_WIDTH * weight / total for weight in section.weights],
        repeatRows=1,
    )
    table.setStyle(
        TableStyle(
            [
                *_TIGHT,
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, _GREY),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, _LINE),
            ]
        )
    )
    note = [_text(fonts, section.note, _style(8, _GREY))] if section.note else []
    return [room, title, table, *note]


_TIGHT: list[tuple[Any, ...]] = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 7),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
]


def _cell(fonts: FontBook, cell: Cell) -> Flowable | list[Flowable]:
    if isinstance(cell, str):
        return _text(fonts, cell, _style(8))
    return [_text(fonts, line, _style(8, after=2)) for line in cell]


def _text(fonts: FontBook, text: str, style: ParagraphStyle) -> Paragraph:
    # Digests and ids have no spaces: they break anywhere rather than leave their column.
    return Paragraph(fonts.markup(text), style)


def _style(
    size: float,
    color: Color = _INK,
    *,
    bold: bool = False,
    leading: float | None = None,
    before: float = 0,
    after: float = 0,
) -> ParagraphStyle:
    return ParagraphStyle(
        "evidence",
        fontName=BOLD if bold else REGULAR,
        fontSize=size,
        leading=leading or size * 1.32,
        textColor=color,
        spaceBefore=before,
        spaceAfter=after,
        splitLongWords=True,
    )


def _foot(canvas: Canvas, pages: Any, *, title: str) -> None:
    canvas.saveState()
    canvas.setFont(REGULAR, 7)
    canvas.setFillColor(_GREY)
    canvas.drawString(_MARGIN + _PADDING, 9 * mm, title[:150])
    canvas.drawRightString(_MARGIN + _PADDING + _WIDTH, 9 * mm, f"Page {pages.page}")
    canvas.restoreState()
