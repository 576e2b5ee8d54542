"""Credit notes never come to more than their invoice, however it is taken apart."""

from decimal import Decimal
from typing import Any

import pytest

from billing.errors import CreditTooLarge, InvalidInvoice
from billing.invoices.credits import credit
from billing.invoices.document import InvoiceDocument
from tests.billing.invoices.conftest import Office, instant


async def give(office: Office, name: str, **facts: Any) -> InvoiceDocument:
    given = {"reason": "outage on 5 November", "author": "usr_1", **facts}
    async with office.database.transaction() as session:
        return await credit(session, office.clock, office.terms, "acme", name, **given)


@pytest.fixture
async def number(office: Office) -> str:
    """0.30 USD net and 5 % tax: 0.015 -> 0.02; lines of 0.20 and 0.10."""
    await office.profile(tax_label="VAT", tax_percent=Decimal(5))
    await office.use("2026-11-05 10:00", input_tokens=100_000)
    await office.use("2026-11-05 10:00", input_tokens=50_000, project="prj_2")
    document = await office.issue("2026-11")
    assert (document.invoice.net, document.invoice.tax) == (Decimal("0.30"), Decimal("0.02"))
    return document.invoice.number or ""


async def test_tax_of_parts_adds_up_to_that_of_the_whole(office: Office, number: str) -> None:
    # Alone, each 0.10 would have 0.005 -> 0.01 of tax: 0.03 in all, more than the invoice's.
    # 5 % of 0.10, 0.20 and 0.30 is 0.01, 0.01 and 0.02 (rounded): 0.01 + 0.00 + 0.01.
    notes = [await give(office, number, amount=Decimal("0.10")) for _ in range(3)]
    assert [note.invoice.tax for note in notes] == [Decimal("-0.01"), Decimal(0), Decimal("-0.01")]
    assert [note.invoice.number for note in notes] == [f"CN-2026-00000{n}" for n in (1, 2, 3)]
    assert await office.balances() == {}
    with pytest.raises(CreditTooLarge, match="0 USD"):
        await give(office, number, amount=Decimal("0.01"))
    await office.check()


async def test_lines_are_credited_whole_and_once(office: Office, number: str) -> None:
    note = await give(office, number, positions=[2])
    (line,) = note.lines
    assert (line.quantity, line.amount) == (Decimal(-50_000), Decimal("-0.1"))
    assert (line.project_id, line.reference) == ("prj_2", f"{number}/2")
    for positions in ([2], [3], [1, 2]):
        with pytest.raises(InvalidInvoice, match="credited already"):
            await give(office, number, positions=positions)
    await give(office, number, positions=[1])
    assert await office.balances() == {}
    await office.check()


async def test_a_whole_invoice_is_credited_line_by_line(office: Office, number: str) -> None:
    note = await give(office, number)
    assert [line.amount for line in note.lines] == [Decimal("-0.2"), Decimal("-0.1")]
    assert note.invoice.total == Decimal("-0.32")
    assert note.credited == number
    async with office.database.session() as session:
        document = await office.invoices.get(session, "acme", number)
    assert document.credit_notes == ["CN-2026-000001"]
    assert document.digest() == document.invoice.digest


async def test_what_cannot_be_credited(office: Office, number: str) -> None:
    for facts in (
        {"amount": Decimal("0.001")},
        {"amount": Decimal(0)},
        {"amount": Decimal("0.1"), "positions": [1]},
        {"reason": " "},
        {"reason": "x" * 201},
    ):
        with pytest.raises(InvalidInvoice):
            await give(office, number, **facts)
    with pytest.raises(CreditTooLarge):
        await give(office, number, amount=Decimal("0.31"))
    note = await give(office, number, amount=Decimal("0.10"))
    with pytest.raises(InvalidInvoice, match="final invoice"):
        await give(office, note.invoice.id)
    with pytest.raises(CreditTooLarge):
        await give(office, number, positions=[1, 2])
    await office.check()


async def test_a_correction_below_zero_is_no_line_to_credit(office: Office) -> None:
    await office.profile()
    await office.use("2026-11-05 10:00", input_tokens=1_000_000)
    await office.adjust("-0.5", at=instant("2026-11-06 10:00"))
    number = (await office.issue("2026-11")).invoice.number or ""
    with pytest.raises(InvalidInvoice, match="come to nothing"):
        await give(office, number, positions=[2])
    with pytest.raises(CreditTooLarge):  # 2 of the 1.5 that are payable
        await give(office, number, positions=[1])
