"""The files of an invoice hold the same exact amounts, and its pages can be read."""

import csv
import json
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from billing import Usage
from billing.errors import InvalidInvoice
from billing.invoices.credits import credit
from billing.invoices.document import InvoiceDocument
from billing.invoices.files import write_invoice
from billing.invoices.pdf import formats
from billing.models import InvoiceLine
from billing.reports.table import Column, Table
from core.database import Database
from tests.billing.invoices.conftest import Office, instant

CENTRES = {"prj_1": "CC-1", "*": "CC-9"}


@pytest.fixture
async def invoice(office: Office) -> InvoiceDocument:
    """Two projects, an adjustment of a whole tenant: 2.000002 + 0.3 - 0.1 = 2.200002."""
    await office.profile(tax_label="VAT", tax_percent=Decimal(20), cost_centres=CENTRES)
    await office.use("2026-11-05 10:00", input_tokens=1_000_001)
    await office.use("2026-11-05 10:00", input_tokens=150_000, project="prj_2")
    await office.adjust("-0.1", reason="=1+1, agreed", at=instant("2026-11-06 10:00"))
    return await office.issue("2026-11")


def pages(path: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(path).pages]


async def test_csv_and_parquet_of_lines_and_cost_centres(
    invoice: InvoiceDocument, tmp_path: Path
) -> None:
    file = tmp_path / "invoice.csv"
    write_invoice(invoice, file, "csv")
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["project"], row["cost_centre"], row["amount"]) for row in rows] == [
        ("Support", "CC-1", "2.000002"),
        ("Research", "CC-9", "0.3"),
        ("", "CC-9", "-0.1"),
    ]
    write_invoice(invoice, file, "csv", table="cost-centres")
    with file.open(newline="") as lines:
        shares = list(csv.DictReader(lines))
    assert [(share["cost_centre"], share["project_id"], share["amount"]) for share in shares] == [
        ("CC-1", "prj_1", "2.000002"),
        ("CC-9", "prj_2", "0.3"),
        ("CC-9", "", "-0.1"),
    ]
    write_invoice(invoice, file, "parquet")
    table = pq.read_table(file)
    assert sum(table["amount"].to_pylist()) == Decimal("2.200002")
    assert table.schema.metadata[b"sovgate.total"] == b"2.64"
    assert table.schema.metadata[b"sovgate.digest"] == (invoice.invoice.digest or "").encode()


async def test_xlsx_holds_every_sheet_and_no_formula(
    invoice: InvoiceDocument, tmp_path: Path
) -> None:
    file = tmp_path / "invoice.xlsx"
    more = Table("reconciliation", [Column("what")], [["nothing amiss"]])
    write_invoice(invoice, file, "xlsx", more=[more])
    book = load_workbook(file)
    assert book.sheetnames == ["invoice", "lines", "cost centres", "reconciliation", "facts"]
    overview = {row[0]: row for row in book["invoice"].iter_rows(values_only=True)}
    assert overview["total"] == ("total", None, "USD", 2.64, "2.64")
    assert overview["rounding"][4] == "-0.000002"
    header, *rows = book["lines"].iter_rows(values_only=True)
    assert [dict(zip(header, row, strict=True))["amount_exact"] for row in rows] == [
        "2.000002",
        "0.3",
        "-0.1",
    ]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}


async def test_json_says_all_and_matches_the_digest(
    invoice: InvoiceDocument, tmp_path: Path
) -> None:
    file = tmp_path / "invoice.json"
    write_invoice(invoice, file, "json")
    body = json.loads(file.read_text())
    assert (body["number"], body["subtotal"], body["total"]) == (
        "INV-2026-000001",
        "2.200002",
        "2.64",
    )
    assert body["digest"] == invoice.digest()
    assert [share["amount"] for share in body["cost_centres"]] == ["2.000002", "0.3", "-0.1"]


async def test_a_pdf_says_what_an_invoice_has_to(invoice: InvoiceDocument, tmp_path: Path) -> None:
    file, again = tmp_path / "invoice.pdf", tmp_path / "again.pdf"
    write_invoice(invoice, file, "pdf")
    write_invoice(invoice, again, "pdf")
    assert file.read_bytes() == again.read_bytes()
    (text,) = pages(file)
    for expected in (
        *("INVOICE", "INV-2026-000001", "Sovereign AI GmbH", "DE123456789", "Acme Ltd"),
        *("1 December 2026", "31 December 2026", "1 to 30 November 2026", "2.64 USD"),
        *("Support (prj_1) · cost centre CC-1", "1,000,001", "2.00 per 1M", "2.000002"),
        *("Adjustment: =1+1, agreed", "2.200002", "VAT, 20 % of 2.20 USD", "0.44"),
        *("IBAN DE02", "Payable within 30 days", "Page 1 of 1", invoice.invoice.digest or ""),
    ):
        assert expected in text, expected
    assert f"{formats.MINUS}0.000002" in text  # what was rounded
    assert "DRAFT" not in text
    metadata = PdfReader(file).metadata
    assert metadata is not None
    assert metadata.title == "Invoice INV-2026-000001"
    assert metadata.creation_date == instant("2026-12-01 09:00")


async def test_a_draft_and_a_credit_note_are_marked(
    office: Office, invoice: InvoiceDocument, tmp_path: Path
) -> None:
    file = tmp_path / "file.pdf"
    await office.use("2026-12-01 08:00", input_tokens=1_000_000)
    async with office.database.session() as session:
        preview = await office.invoices.preview(session, "acme", "2026-12")
    write_invoice(preview, file, "pdf")
    (text,) = pages(file)
    assert "DRAFT INVOICE" in text
    assert "none yet: draft" in text
    async with office.database.transaction() as session:
        note = await credit(
            session,
            office.clock,
            office.terms,
            "acme",
            invoice.invoice.id,
            reason="The answers were of no use",
            author="usr_1",
        )
    write_invoice(note, file, "pdf")
    (text,) = pages(file)
    for expected in ("CREDIT NOTE", "CN-2026-000001", "INV-2026-000001", "were of no use"):
        assert expected in text


async def test_a_long_invoice_repeats_its_header_on_every_page(
    office: Office, tmp_path: Path
) -> None:
    await office.profile()
    await office.settle(
        *(
            office.settlement(
                f"2026-11-{day:02d} 10:00",
                Usage(input_tokens=1_000 + number, output_tokens=number, cached_input_tokens=9),
                project=f"prj_{number:03d}",
            )
            for day in (1, 2)
            for number in range(1, 111)
        )
    )
    document = await office.issue("2026-11")
    assert len(document.lines) == 330
    file = tmp_path / "long.pdf"
    write_invoice(document, file, "pdf")
    texts = pages(file)
    assert len(texts) > 5
    assert all(f"Page {n} of {len(texts)}" in text for n, text in enumerate(texts, start=1))
    details = [text for text in texts if "Input tokens, cached" in text]
    assert all("Unit price (USD)" in text for text in details)
    assert sum(text.count("Input tokens, cached") for text in texts) == 110


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_names_in_every_script_can_be_read(
    database: Database, office: Office, tmp_path: Path
) -> None:
    name = "上海智慧物流有限公司"
    await office.profile(
        legal_name=name,
        address="ul. Świętokrzyska 12\nΑθήνα, Москва, 서울",
        cost_centres={"*": "研发部 & <b>"},
    )
    await office.use("2026-11-05 10:00", input_tokens=1_000_000)
    document = await office.issue("2026-11")
    file = tmp_path / "file.pdf"
    write_invoice(document, file, "pdf")
    (text,) = pages(file)
    for expected in (name, "Świętokrzyska", "Αθήνα, Москва, 서울", "研发部 & <b>"):
        assert expected in text, expected
    fonts = {str(font["/BaseFont"]) for font in _fonts(file)}
    assert {"/STSong-Light", "/HYSMyeongJo-Medium"} <= fonts


def _fonts(file: Path):
    resources = PdfReader(file).pages[0]["/Resources"]
    return [font.get_object() for font in resources["/Font"].values()]  # type: ignore[index]


async def test_a_font_of_the_deployment_is_embedded(
    invoice: InvoiceDocument, tmp_path: Path
) -> None:
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    # A letter that DejaVu Sans lacks and STIX has.
    invoice.invoice.buyer = {**invoice.invoice.buyer, "legal_name": "Acme \U0001d517"}
    file = tmp_path / "file.pdf"
    write_invoice(invoice, file, "pdf", font=folder / "STIXGeneral.ttf")
    assert any("STIXGeneral" in str(font["/BaseFont"]) for font in _fonts(file))
    with pytest.raises(InvalidInvoice, match="no TrueType"):
        write_invoice(invoice, file, "pdf", font=folder / "LICENSE_STIX")


async def test_an_unknown_format_or_table_is_refused(
    invoice: InvoiceDocument, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInvoice, match="pdf, xlsx, csv"):
        write_invoice(invoice, tmp_path / "x", "docx")
    with pytest.raises(InvalidInvoice, match="lines, cost-centres"):
        write_invoice(invoice, tmp_path / "x", "csv", table="secrets")


def test_numbers_and_periods_as_people_read_them() -> None:
    assert formats.number(Decimal("1234567.5"), 2) == "1,234,567.50"
    assert formats.number(Decimal("-0.0001")) == f"{formats.MINUS}0.0001"
    assert formats.number(Decimal("12345678901234567890.123456789012345678")) == (
        "12,345,678,901,234,567,890.123456789012345678"
    )
    assert formats.money(Decimal("1234"), "JPY") == "1,234 JPY"
    assert formats.money(Decimal("1.5"), "KWD") == "1.500 KWD"
    spaced = ["1.5\u2007\u2007", "22\u2008\u2007\u2007\u2007", "3.125"]
    assert formats.aligned(["1.5", "22", "3.125"]) == spaced
    assert formats.aligned(["1", "22"]) == ["1", "22"]
    february = instant("2028-02-01 00:00"), instant("2028-03-01 00:00")
    assert formats.period(*february) == "1 to 29 February 2028"
    line = InvoiceLine(token_class="input", unit_price=Decimal(1), per=3, quantity=Decimal(2))
    assert formats.unit_price(line) == "1.00 per 3"
    line.per = 1_000
    assert formats.unit_price(line) == "1,000.00 per 1M"
