"""Puts the parts on pages: header of later pages, footer with page x of y, draft mark."""

from functools import partial
from pathlib import Path
from typing import Any

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Spacer

from billing.invoices.document import InvoiceDocument
from billing.invoices.pdf.charges import charges
from billing.invoices.pdf.fonts import BOLD, REGULAR
from billing.invoices.pdf.parties import heading
from billing.invoices.pdf.styles import MARGIN, PAGE, QUIET, RULE, SMALL, WIDTH, Styles
from billing.invoices.pdf.totals import summary

_TOP, _BOTTOM = MARGIN, MARGIN + 10


def write_pdf(document: InvoiceDocument, path: Path, *, own_font: Path | None = None) -> None:
    """A4 pages; the same document makes the same bytes.

    Args:
        own_font: a TrueType file for characters that DejaVu Sans lacks.

    Raises:
        InvalidInvoice: that file is no TrueType font.
    """
    styles = Styles(own_font)
    frame = Frame(
        MARGIN,
        _BOTTOM,
        WIDTH,
        PAGE[1] - _TOP - _BOTTOM,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    what = "Credit note" if document.is_credit_note else "Invoice"
    template = BaseDocTemplate(
        str(path),
        pagesize=PAGE,
        title=f"{what} {document.name}",
        author=document.invoice.seller.get("name", ""),
        subject=f"{document.invoice.tenant}, {document.invoice.month}",
        creator="Sovgate",
        invariant=1,  # no time of writing and no random id
    )
    template.addPageTemplates(PageTemplate("page", [frame]))
    story = [*heading(document, styles), *summary(document, styles), *charges(document, styles)]
    if document.invoice.digest:
        digest = f"Digest of this document's content: {document.invoice.digest}"
        story += [Spacer(0, 10), styles.text(digest, size=6.5, quiet=True)]
    maker = partial(_NumberedCanvas, document=document, styles=styles)
    template.build(story, canvasmaker=maker)  # type: ignore[arg-type]


class _NumberedCanvas(Canvas):
    """Holds the pages back until their number is known."""

    def __init__(self, *args: Any, document: InvoiceDocument, styles: Styles, **kwargs: Any):
        super().__init__(*args, **{**kwargs, "initialFontName": REGULAR})
        self._document = document
        self._styles = styles
        self._held: list[dict[str, Any]] = []
        issued = document.invoice.issued_at
        if issued is not None:  # else an invariant document is of the year 2000
            stamp: Any = self._doc._timeStamp  # type: ignore[attr-defined]
            stamp.YMDhms = tuple(issued.timetuple())[:6]

    def showPage(self) -> None:
        self._held.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        for number, page in enumerate(self._held, start=1):
            self.__dict__.update(page)
            self._decorate(number, len(self._held))
            super().showPage()
        super().save()

    def _decorate(self, number: int, pages: int) -> None:
        seller = self._document.invoice.seller.get("name", "")
        left = f"{seller} \N{MIDDLE DOT} {self._document.name}" if seller else self._document.name
        self.setStrokeColor(RULE)
        self.setLineWidth(0.25)
        self.line(MARGIN, _BOTTOM - 6, PAGE[0] - MARGIN, _BOTTOM - 6)
        self._put(left, MARGIN, right=False)
        self._put(f"Page {number} of {pages}", MARGIN, right=True)
        if not self._document.is_final:
            self._mark_as_draft()

    def _put(self, text: str, x: float, *, right: bool) -> None:
        paragraph = self._styles.text(text, size=SMALL, quiet=True, right=right)
        paragraph.wrapOn(self, WIDTH, 40)
        paragraph.drawOn(self, x, _BOTTOM - 20)

    def _mark_as_draft(self) -> None:
        self.saveState()
        self.setFillColor(QUIET, alpha=0.10)
        self.setFont(BOLD, 110)
        self.translate(PAGE[0] / 2, PAGE[1] / 2)
        self.rotate(52)
        self.drawCentredString(0, -40, "DRAFT")
        self.restoreState()
