"""Drafts, numbers, and what makes an invoice final."""

import asyncio
from decimal import Decimal

import pytest

from billing.errors import (
    InvoiceChanged,
    InvoiceFinal,
    InvoiceNotReady,
    LedgerMismatch,
    NothingToInvoice,
    PeriodInvoiced,
    UnknownInvoice,
    UnknownProfile,
)
from tests.billing.invoices.conftest import Office, instant


async def test_a_draft_becomes_final_and_the_ledger_says_what_is_owed(office: Office) -> None:
    await office.profile(tax_label="VAT", tax_percent=Decimal(20), payment_days=14)
    # 1,234 * 2 / 1e6 + 567 * 8 / 1e6 = 0.002468 + 0.004536 = 0.007004
    await office.use("2026-11-05 10:00", input_tokens=1_234, output_tokens=567)
    # 1,500,000 * 2 / 1e6 = 3
    await office.use("2026-11-06 10:00", input_tokens=1_500_000)
    draft = await office.draft("2026-11")
    assert (draft.invoice.number, draft.invoice.status) == (None, "draft")
    assert (await office.balances())["unbilled USD"] == "3.007004"
    final = (await office.issue("2026-11")).invoice
    assert (final.id, final.status, final.number) == (draft.invoice.id, "final", "INV-2026-000001")
    assert final.subtotal == Decimal("3.007004")
    # 3.007004 -> 3.01, so 0.002996 is added; 20 % of 3.01 is 0.602 -> 0.60
    assert (final.net, final.rounding) == (Decimal("3.01"), Decimal("0.002996"))
    assert (final.tax, final.total) == (Decimal("0.60"), Decimal("3.61"))
    assert final.due_at == instant("2026-12-15 09:00")
    assert await office.balances() == {
        "receivable USD": "3.61",
        "revenue USD": "-3.007004",
        "rounding USD": "-0.002996",
        "tax USD": "-0.6",
    }
    await office.check()


async def test_a_draft_follows_the_ledger_until_it_is_final(office: Office) -> None:
    await office.profile()
    await office.use("2026-11-05 10:00", input_tokens=1_000_000)
    first = await office.draft("2026-11")
    await office.use("2026-11-07 10:00", output_tokens=1_000_000)
    again = await office.draft("2026-11")
    assert again.invoice.id == first.invoice.id
    assert [line.amount for line in again.lines] == [Decimal(2), Decimal(8)]
    async with office.database.transaction() as session:
        with pytest.raises(InvoiceChanged):
            await office.invoices.finalise(
                session, "acme", first.invoice.id, author="usr_1", expected_total=Decimal(2)
            )
    final = await office.issue("2026-11", expected_total=Decimal(10))
    assert final.invoice.total == Decimal(10)
    with pytest.raises(InvoiceFinal):
        await office.draft("2026-11")
    with pytest.raises(InvoiceFinal):
        async with office.database.transaction() as session:
            await office.invoices.finalise(session, "acme", final.invoice.id, author="usr_1")


async def test_months_are_issued_in_order_and_when_they_are_over(office: Office) -> None:
    await office.profile()
    await office.use("2026-10-05 10:00", input_tokens=1_000_000)
    await office.use("2026-11-05 10:00", input_tokens=2_000_000)
    await office.use("2026-12-01 08:00", input_tokens=3_000_000)
    with pytest.raises(InvoiceNotReady, match="2026-10"):
        await office.issue("2026-11")
    await office.issue("2026-10")
    await office.issue("2026-11")
    with pytest.raises(InvoiceNotReady, match="not over"):
        await office.issue("2026-12")
    early = await office.issue("2026-12", force=True)
    assert early.invoice.subtotal == Decimal(6)
    # What is still used in December stands on the invoice of January.
    await office.use("2026-12-01 08:30", output_tokens=1_000_000)
    office.turn_to("2027-02-01 00:00")
    january = await office.issue("2027-01")
    assert january.invoice.number == "INV-2027-000001"
    assert [(line.month, line.amount) for line in january.lines] == [("2026-12", Decimal(8))]
    await office.check()


async def test_an_empty_month_has_no_invoice_a_free_one_has(office: Office) -> None:
    await office.profile()
    with pytest.raises(NothingToInvoice):
        await office.draft("2026-11")
    await office.adjust("0", at=instant("2026-11-05 10:00"))
    final = await office.issue("2026-11")
    assert (final.invoice.total, len(final.lines)) == (Decimal(0), 1)
    await office.check()


async def test_what_an_invoice_needs(office: Office) -> None:
    await office.use("2026-11-05 10:00", input_tokens=1_000_000)
    with pytest.raises(UnknownProfile):
        await office.draft("2026-11")
    async with office.database.session() as session:
        preview = await office.invoices.preview(session, "acme", "2026-11")
    assert preview.invoice.buyer["legal_name"] == "acme"
    await office.profile()
    office.seller = None
    with pytest.raises(InvoiceNotReady, match="seller"):
        await office.issue("2026-11")
    async with office.database.session() as session:
        with pytest.raises(UnknownInvoice):
            await office.invoices.get(session, "globex", preview.invoice.id)


async def test_late_entries_stand_on_the_next_invoice(office: Office) -> None:
    await office.profile()
    await office.use("2026-10-05 10:00", input_tokens=1_000_000)
    await office.issue("2026-10")
    # A process was away for weeks and settles what it had in its journal.
    await office.use("2026-10-31 23:59", input_tokens=500_000)
    await office.use("2026-11-02 10:00", output_tokens=1_000_000)
    draft = await office.draft("2026-11")
    assert [(line.month, line.amount) for line in draft.lines] == [
        ("2026-11", Decimal(8)),
        ("2026-10", Decimal(1)),
    ]
    final = await office.issue("2026-11")
    assert final.invoice.subtotal == Decimal(9)
    with pytest.raises(NothingToInvoice):
        await office.draft("2026-09")
    await office.check()


async def test_a_correction_dated_into_an_invoiced_month_is_refused(office: Office) -> None:
    await office.profile()
    at = instant("2026-11-05 10:00")
    await office.adjust("5", at=at)
    await office.issue("2026-11")
    with pytest.raises(PeriodInvoiced, match="INV-2026-000001"):
        await office.adjust("-1", at=at)
    await office.adjust("-1")
    assert (await office.balances())["unbilled USD"] == "-1"
    await office.check()


async def test_two_who_issue_at_once_make_one_invoice(office: Office) -> None:
    await office.profile()
    await office.use("2026-11-05 10:00", input_tokens=1_000_000)
    draft = await office.draft("2026-11")

    async def finalise() -> str | None:
        try:
            async with office.database.transaction() as session:
                final = await office.invoices.finalise(
                    session, "acme", draft.invoice.id, author="usr_1"
                )
        except InvoiceFinal:
            return None
        return final.invoice.number

    numbers = await asyncio.gather(*(finalise() for _ in range(4)))
    assert sorted(numbers, key=str) == ["INV-2026-000001", None, None, None]
    await office.check()


async def test_numbers_have_no_gap_when_many_issue_and_some_fail(office: Office) -> None:
    tenants = [f"tenant-{number}" for number in range(8)]
    for tenant in tenants:
        await office.profile(tenant)
        await office.adjust("1", tenant=tenant, at=instant("2026-11-05 10:00"))
        await office.draft("2026-11", tenant)

    async def issue(tenant: str) -> str | None:
        try:
            async with office.database.transaction() as session:
                draft = await office.invoices.of_month(session, tenant, "2026-11")
                assert draft is not None
                final = await office.invoices.finalise(session, tenant, draft.id, author="usr_1")
                if tenant in ("tenant-2", "tenant-5"):
                    raise RuntimeError("the connection is lost before the commit")
        except RuntimeError:
            return None
        return final.invoice.number

    numbers = await asyncio.gather(*map(issue, tenants))
    given = sorted(number for number in numbers if number)
    assert given == [f"INV-2026-{number:06d}" for number in range(1, 7)]
    await office.check()


async def test_what_is_settled_while_months_are_issued_stands_on_one_of_them(
    office: Office,
) -> None:
    """Late settlements of October and November, beside both months' invoices."""
    await office.profile()
    await office.use("2026-10-05 10:00", input_tokens=1_000_000)
    await office.use("2026-11-05 10:00", input_tokens=1_000_000)

    async def settle(number: int) -> None:
        await office.use(f"2026-{10 + number % 2}-20 10:00", input_tokens=1_000_000)

    async def issue() -> None:
        await office.issue("2026-10")
        await office.issue("2026-11")

    await asyncio.gather(*map(settle, range(12)), issue(), *map(settle, range(12)))
    await office.use("2026-11-30 23:59", input_tokens=1_000_000)
    office.turn_to("2027-01-01 00:00")
    await office.issue("2026-12")
    async with office.database.session() as session:
        invoices = await office.invoices.of_tenant(session, "acme")
    # 27 requests of 2 US dollars
    assert sum(invoice.subtotal for invoice in invoices) == Decimal(54)
    assert "unbilled USD" not in await office.balances()
    await office.check()


async def test_entries_in_another_currency_are_not_added_up(office: Office) -> None:
    await office.profile()
    at = instant("2026-11-05 10:00")
    await office.adjust("1", at=at)
    await office.adjust("1", at=at, currency="EUR")
    with pytest.raises(LedgerMismatch, match="EUR"):
        await office.draft("2026-11")
