"""Puts the parts on pages: header of the charges, footer with page x of y, draft mark."""

from functools import partial
from pathlib import Path
from typing import Any

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    ActionFlowable,
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    HRFlowable,
    NextPageTemplate,
    PageTemplate,
    Spacer,
)

from billing.invoices.document import InvoiceDocument
from billing.invoices.pdf.charges import Charges, charges
from billing.invoices.pdf.fonts import BOLD, REGULAR
from billing.invoices.pdf.parties import heading
from billing.invoices.pdf.styles import INK, MARGIN, PAGE, QUIET, RULE, SMALL, WIDTH, Styles
from billing.invoices.pdf.totals import summary

_BOTTOM = MARGIN + 10
_HEIGHT = PAGE[1] - MARGIN - _BOTTOM
_HEADER = 16  # room for the header of the charges
_FIRST, _LATER = "first", "later"


def write_pdf(document: InvoiceDocument, path: Path, *, own_font: Path | None = None) -> None:
    """A4 pages; the same document makes the same bytes.

    Args:
        own_font: a TrueType file for characters that DejaVu Sans lacks.

    Raises:
        InvalidInvoice: that file is no TrueType font.
    """
    styles = Styles(own_font)
    parts = charges(document, styles)
    what = "Credit note" if document.is_credit_note else "Invoice"
    template = _Template(
        str(path),
        parts.header,
        pagesize=PAGE,
        title=f"{what} {document.name}",
        author=document.invoice.seller.get("name", ""),
        subject=f"{document.invoice.tenant}, {document.invoice.month}",
        creator="Sovgate",
        invariant=1,  # no time of writing and no random id
    )
    maker = partial(_NumberedCanvas, document=document, styles=styles)
    template.build(_story(document, parts, styles), canvasmaker=maker)  # type: ignore[arg-type]


def _story(document: InvoiceDocument, parts: Charges, styles: Styles) -> list[Flowable]:
    story = [NextPageTemplate(_LATER), *heading(document, styles), *summary(document, styles)]
    story += [CondPageBreak(90), styles.text("Charges in detail", size=10, bold=True)]
    story += [Spacer(0, 4), parts.header, _InCharges(True), *parts.tables, _InCharges(False)]
    story.append(HRFlowable(width="100%", thickness=0.75, color=INK, spaceBefore=0, spaceAfter=6))
    if document.invoice.digest:
        digest = f"Digest of this document's content: {document.invoice.digest}"
        story.append(styles.text(digest, size=6.5, quiet=True))
    return story


class _Template(BaseDocTemplate):
    """Repeats the header of the charges on each page that they go on to."""

    def __init__(self, path: str, header: Flowable, **options: Any) -> None:
        super().__init__(path, **options)
        self.in_charges = False
        self._header = header
        first = PageTemplate(_FIRST, [_frame(_HEIGHT)])
        later = PageTemplate(_LATER, [_frame(_HEIGHT - _HEADER)], onPage=self._repeat)
        self.addPageTemplates([first, later])

    def _repeat(self, canvas: Canvas, _document: BaseDocTemplate) -> None:
        if self.in_charges:
            _, height = self._header.wrapOn(canvas, WIDTH, _HEADER)
            self._header.drawOn(canvas, MARGIN, PAGE[1] - MARGIN - height)


class _InCharges(ActionFlowable):
    """Says whether what follows are charges."""

    def __init__(self, value: bool) -> None:
        super().__init__()
        self._value = value

    def apply(self, doc: Any) -> None:
        doc.in_charges = self._value


def _frame(height: float) -> Frame:
    padding = dict.fromkeys(("leftPadding", "rightPadding", "topPadding", "bottomPadding"), 0)
    return Frame(MARGIN, _BOTTOM, WIDTH, height, **padding)


class _NumberedCanvas(Canvas):
    """Holds the pages back until their number is known."""

    def __init__(
        self, *args: Any, document: InvoiceDocument, styles: Styles, **kwargs: Any
    ) -> None:
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
        self._put(left, right=False)
        self._put(f"Page {number} of {pages}", right=True)
        if not self._document.is_final:
            self._mark_as_draft()

    def _put(self, text: str, *, right: bool) -> None:
        paragraph = self._styles.text(text, size=SMALL, quiet=True, right=right)
        paragraph.wrapOn(self, WIDTH, 40)
        paragraph.drawOn(self, MARGIN, _BOTTOM - 20)

    def _mark_as_draft(self) -> None:
        self.saveState()
        self.setFillColor(QUIET, alpha=0.10)
        self.setFont(BOLD, 110)
        self.translate(PAGE[0] / 2, PAGE[1] / 2)
        self.rotate(52)
        self.drawCentredString(0, -40, "DRAFT")
        self.restoreState()
