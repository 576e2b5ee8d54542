"""Colours, sizes and paragraphs of an invoice's pages."""

from pathlib import Path

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph

from billing.invoices.pdf.fonts import BOLD, REGULAR, FontBook

PAGE = A4
MARGIN = 18 * mm
WIDTH = PAGE[0] - 2 * MARGIN
INK = colors.HexColor("#1f2933")
QUIET = colors.HexColor("#616e7c")
RULE = colors.HexColor("#9aa5b1")
BAND = colors.HexColor("#eef2f6")
SMALL, NORMAL = 7.5, 8.5


class Styles:
    """Makes paragraphs in the fonts that their text needs."""

    def __init__(self, own_font: Path | None = None) -> None:
        self._fonts = FontBook(own_font)
        self._made: dict[tuple[float, bool, bool, bool, bool], ParagraphStyle] = {}

    def text(
        self,
        text: str,
        *,
        size: float = NORMAL,
        bold: bool = False,
        quiet: bool = False,
        right: bool = False,
    ) -> Paragraph:
        key = (size, bold, quiet, right, self._fonts.is_wide(text))
        style = self._made.get(key)
        if style is None:
            style = self._made[key] = _style(*key)
        return Paragraph(self._fonts.markup(text), style)


def _style(size: float, bold: bool, quiet: bool, right: bool, wide: bool) -> ParagraphStyle:
    return ParagraphStyle(
        "text",
        fontName=BOLD if bold else REGULAR,
        fontSize=size,
        leading=size * 1.38,
        textColor=QUIET if quiet else INK,
        alignment=TA_RIGHT if right else 0,
        wordWrap="CJK" if wide else None,
    )
