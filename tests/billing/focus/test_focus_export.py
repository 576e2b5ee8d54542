"""A tenant's month as a FOCUS file, from the ledger to the last digit; figures by hand."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from billing import Usage
from billing.errors import InvalidReport, LedgerMismatch, UnknownInvoice
from billing.focus.checker import check_file
from billing.focus.columns import NAMES
from billing.focus.export import FocusExport, focus_invoice, focus_months, whole_months
from billing.models import Invoice, PriceUnit
from billing.reading import snapshot
from core.clock import ManualClock

D = Decimal


def rows(export: FocusExport) -> list[dict[str, Any]]:
    return [dict(zip(NAMES, row, strict=True)) for row in export.rows()]


def sums(found: Sequence[dict[str, Any]]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in found:
        totals[row["InvoiceId"]] += row["BilledCost"]
    return dict(totals)


def only(found: Sequence[dict[str, Any]], **cells: Any) -> dict[str, Any]:
    matching = [row for row in found if all(row[name] == cells[name] for name in cells)]
    assert len(matching) == 1
    return matching[0]


def assert_right(export: FocusExport, folder: Path) -> None:
    """Both the sums and the checker, on the file as it is written."""
    assert sums(rows(export)) == export.payables
    export.write(folder / "focus.csv", "csv")
    assert check_file(folder / "focus.csv", export.payables) == []


FAST = {"tier": "fast", "zone": "onprem"}


async def november(ledger: Any) -> None:
    """It comes to 5.2145 dollars: 3.322 + 0.88 + 0.55 + 0.275 + 0.6875 - 0.5."""
    peak = Usage(input_tokens=1000, cached_input_tokens=200, output_tokens=500)
    seconds = Usage(input_tokens=1000, worker_seconds=D("12.5"))
    await ledger.spend("r1", "2026-11-03T10:00", peak, **FAST)
    off_peak = Usage(input_tokens=1000, reasoning_tokens=100)
    await ledger.spend("r2", "2026-11-03T15:00", off_peak, **FAST)
    await ledger.spend("r3", "2026-11-03T15:30", Usage(input_tokens=1000), **FAST)
    await ledger.spend("r4", "2026-11-04T15:00", Usage(input_tokens=100), project_id="prj_2")
    await ledger.spend("r5", "2026-11-05T15:00", seconds)
    await ledger.adjust("-0.5", "2026-11-06T08:00+00:00", "r1")


async def test_an_open_month(ledger: Any, tmp_path: Path) -> None:
    await november(ledger)
    await ledger.spend("o1", "2026-11-03T10:00", Usage(input_tokens=1), tenant="other")
    export = await ledger.month("2026-11")
    assert export.payables == {"open-acme-2026-11": D("5.2145")}
    assert_right(export, tmp_path)
    found = rows(export)
    assert len(found) == 10

    peak = only(found, SkuPriceId="flash/output_visible/peak")
    assert (peak["ConsumedQuantity"], peak["PricingQuantity"]) == (500, D("0.5"))
    # Twice the price in the window, and ten percent on top of the list price for this tenant.
    assert (peak["ListUnitPrice"], peak["ListCost"]) == (4, 2)
    assert (peak["ContractedUnitPrice"], peak["BilledCost"]) == (D("4.4"), D("2.2"))
    assert (peak["x_Tier"], peak["RegionId"], peak["x_MarkupPercent"]) == ("fast", "onprem", 10)

    # Two requests of a day at one price are one row.
    both = only(
        found,
        SkuPriceId="flash/input_uncached/standard",
        SubAccountId="prj_1",
        ChargePeriodStart=datetime(2026, 11, 3, tzinfo=UTC),
    )
    assert (both["ConsumedQuantity"], both["BilledCost"]) == (2000, D("1.1"))
    assert only(found, SkuMeter="minimum_charge")["BilledCost"] == D("0.22")
    assert only(found, SkuMeter="worker_second")["BilledCost"] == D("0.1375")

    adjusted = only(found, x_Entry="adjustment")
    assert adjusted["BilledCost"] == D("-0.5")
    assert (adjusted["ResourceId"], adjusted["x_Tier"]) == ("flash", "fast")
    assert (adjusted["x_Reference"], adjusted["ChargeClass"]) == ("r1", None)


async def test_an_invoice_in_another_currency(ledger: Any, tmp_path: Path) -> None:
    await november(ledger)
    await ledger.profile(
        currency="EUR", tax_label="VAT", tax_percent=D(19), cost_centres={"prj_1": "CC-7"}
    )
    draft = await ledger.draft("2026-11")
    # 5.2145 dollars are 4.69305 euros, so 4.69, and 0.8911 of tax, so 0.89.
    export = await ledger.month("2026-11")
    assert export.payables == {draft: D("5.58")}
    assert {row["x_InvoiceStatus"] for row in rows(export)} == {"draft"}
    number = await ledger.issue("2026-11")
    export = await ledger.month("2026-11")
    assert export.payables == {number: D("5.58")}
    assert_right(export, tmp_path)
    found = rows(export)
    assert Counter(row["ChargeCategory"] for row in found) == {
        "Usage": 8,
        "Adjustment": 3,
        "Tax": 1,
    }
    rounding = only(found, x_Entry="rounding")
    assert rounding["BilledCost"] == D("-0.00305")
    tax = only(found, ChargeCategory="Tax")
    assert (tax["BilledCost"], tax["ChargeDescription"]) == (D("0.89"), "VAT 19 %")
    peak = only(found, SkuPriceId="flash/output_visible/peak")
    assert (peak["BillingCurrency"], peak["PricingCurrency"]) == ("EUR", "USD")
    assert (peak["ContractedUnitPrice"], peak["BilledCost"]) == (D("3.96"), D("1.98"))
    assert (peak["BillingAccountName"], peak["InvoiceIssuerName"]) == (
        "ACME Ltd",
        "Example Operator",
    )
    assert (peak["x_CostCentre"], peak["x_InvoiceStatus"]) == ("CC-7", "final")
    assert only(found, SkuMeter="minimum_charge")["x_CostCentre"] is None


async def test_what_corrects_an_invoiced_month(ledger: Any, tmp_path: Path) -> None:
    """October's invoice is out when one of its requests arrives and another is corrected."""
    ledger.clock = ManualClock(datetime(2026, 11, 1, 1, tzinfo=UTC))
    await ledger.profile()
    await ledger.spend("r1", "2026-10-30T15:00", Usage(input_tokens=2000))
    october = await ledger.issue("2026-10")
    await ledger.spend("r2", "2026-10-31T15:00", Usage(input_tokens=1000))
    await ledger.spend("r3", "2026-11-02T15:00", Usage(input_tokens=4000))
    await ledger.adjust("-0.1", "2026-11-03T08:00+00:00", "r1")
    await ledger.adjust("-0.2", "2026-11-03T09:00+00:00", "r1")
    ledger.clock = ManualClock(datetime(2026, 12, 1, 1, tzinfo=UTC))
    november = await ledger.issue("2026-11")

    before = await ledger.month("2026-10")
    assert before.payables == {october: D("1.1")}
    assert_right(before, tmp_path)
    assert [row["ConsumedQuantity"] for row in rows(before)] == [2000]

    # 0.55 that came late, 2.2 of the month, 0.3 taken back.
    export = await ledger.month("2026-11")
    assert export.payables == {november: D("2.45")}
    assert_right(export, tmp_path)
    found = rows(export)
    late = only(found, ChargePeriodStart=datetime(2026, 10, 31, tzinfo=UTC))
    assert (late["ChargeCategory"], late["ChargeClass"]) == ("Usage", "Correction")
    assert (late["ConsumedQuantity"], late["BilledCost"]) == (1000, D("0.55"))
    assert late["BillingPeriodStart"] == datetime(2026, 11, 1, tzinfo=UTC)
    # Alike in day, place and reason: one row, and no single request to name.
    taken = only(found, x_Entry="adjustment")
    assert (taken["BilledCost"], taken["ChargeClass"]) == (D("-0.3"), "Correction")
    assert (taken["x_Reference"], taken["x_Reason"]) == (None, "Counted twice")
    usage = only(found, ChargePeriodStart=datetime(2026, 11, 2, tzinfo=UTC))
    assert usage["ChargeClass"] is None


async def test_a_credit_note_is_of_the_month_in_which_it_is_issued(
    ledger: Any, tmp_path: Path
) -> None:
    await november(ledger)
    await ledger.profile(currency="EUR", tax_label="VAT", tax_percent=D(19))
    number = await ledger.issue("2026-11")
    note = await ledger.credit(number, amount=D("1.00"))
    assert list((await ledger.month("2026-11")).payables) == [number]
    export = await ledger.month("2026-12")
    assert export.payables == {note: D("-1.19")}
    assert_right(export, tmp_path)
    found = rows(export)
    assert {row["ChargeClass"] for row in found} == {"Correction"}
    credited = only(found, ChargeCategory="Credit")
    assert (credited["x_Reference"], credited["x_Reason"]) == (number, "Late")
    assert credited["ChargePeriodStart"] == datetime(2026, 12, 2, tzinfo=UTC)
    assert only(found, ChargeCategory="Tax")["BilledCost"] == D("-0.19")

    async with snapshot(ledger.database) as session:
        alone = await focus_invoice(session, "acme", note, ledger.terms)
    assert rows(alone) == found
    # The rest, line by line.
    rest = await ledger.credit(number)
    export = await ledger.month("2026-12")
    assert export.payables == {note: D("-1.19"), rest: D("-4.39")}
    assert_right(export, tmp_path)


async def test_an_invoice_alone(ledger: Any) -> None:
    await november(ledger)
    await ledger.profile()
    number = await ledger.issue("2026-11")
    async with snapshot(ledger.database) as session:
        export = await focus_invoice(session, "acme", number, ledger.terms)
        assert export.payables == {number: D("5.21")}
        with pytest.raises(UnknownInvoice):
            await focus_invoice(session, "other", number, ledger.terms)


async def test_a_month_issued_early_keeps_to_what_it_held(ledger: Any, tmp_path: Path) -> None:
    await november(ledger)
    await ledger.profile()
    number = await ledger.issue("2026-11")
    await ledger.spend("r9", "2026-11-30T15:00", Usage(input_tokens=4000), **FAST)
    export = await ledger.month("2026-11")
    assert export.payables == {number: D("5.21")}
    assert_right(export, tmp_path)
    # It is what the next invoice would hold, and only there.
    following = await ledger.month("2026-12")
    assert following.payables == {"open-acme-2026-12": D("2.2")}
    assert_right(following, tmp_path)
    # A month before an invoiced one has nothing left to show.
    await ledger.spend("r10", "2026-10-30T15:00", Usage(input_tokens=1000))
    assert rows(await ledger.month("2026-10")) == []


async def test_a_draft_shows_what_it_was_drawn_up_from(ledger: Any, tmp_path: Path) -> None:
    """While an earlier month is not issued, late charges are not on a draft."""
    ledger.clock = ManualClock(datetime(2026, 11, 1, 1, tzinfo=UTC))
    await ledger.profile()
    await ledger.spend("o1", "2026-10-01T15:00", Usage(input_tokens=1000))
    await ledger.issue("2026-10")
    await ledger.spend("o2", "2026-10-02T15:00", Usage(input_tokens=1000))
    await ledger.spend("n1", "2026-11-01T15:00", Usage(input_tokens=2000))
    await ledger.spend("d1", "2026-12-01T15:00", Usage(input_tokens=4000))
    draft = await ledger.draft("2026-12")
    await ledger.spend("d2", "2026-12-01T16:00", Usage(input_tokens=8000))
    export = await ledger.month("2026-12")
    assert export.payables == {draft: D("2.2")}
    assert_right(export, tmp_path)
    await ledger.draft("2026-12")
    export = await ledger.month("2026-12")
    assert export.payables == {draft: D("6.6")}
    assert_right(export, tmp_path)


async def test_an_invoice_that_is_not_the_sum_of_its_entries_is_not_exported(ledger: Any) -> None:
    await november(ledger)
    await ledger.profile()
    await ledger.draft("2026-11")
    async with ledger.database.transaction() as session:
        await session.execute(update(Invoice).values(subtotal=D("5")))
    with pytest.raises(LedgerMismatch, match="Draw it up again"):
        await ledger.month("2026-11")


async def test_usage_that_its_prices_do_not_explain_is_not_exported(ledger: Any) -> None:
    await november(ledger)
    async with ledger.database.transaction() as session:
        await session.execute(update(PriceUnit).values(price=D("0.001")))
    with pytest.raises(LedgerMismatch, match="billing check"):
        await ledger.month("2026-11")


async def test_a_month_without_anything(ledger: Any) -> None:
    export = await ledger.month("2026-11")
    assert rows(export) == []
    assert export.payables == {}


async def test_a_quarter_in_one_file(ledger: Any, tmp_path: Path) -> None:
    await november(ledger)
    await ledger.spend("o1", "2026-10-01T15:00", Usage(input_tokens=4000))
    await ledger.spend("d1", "2026-12-01T15:00", Usage(input_tokens=2000))
    span = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    async with snapshot(ledger.database) as session:
        export = await focus_months(session, "acme", *span, ledger.terms)
    assert export.payables == {
        "open-acme-2026-10": D("2.2"),
        "open-acme-2026-11": D("5.2145"),
        "open-acme-2026-12": D("1.1"),
    }
    assert_right(export, tmp_path)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-01", "2026-11-30"),
        ("2026-11-02", "2026-12-01"),
        ("2026-11-01T01:00", "2026-12-01"),
        ("2026-11-01", "2026-11-01"),
        ("2026-12-01", "2026-11-01"),
    ],
)
def test_a_span_that_is_not_of_months_is_refused(start: str, end: str) -> None:
    with pytest.raises(InvalidReport):
        whole_months(*(datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (start, end)))


def test_months_of_a_span() -> None:
    span = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    assert whole_months(*span) == ["2026-11", "2026-12", "2027-01"]
