"""A tenant's month as a FOCUS file, from the ledger to the last digit; figures by hand."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage, adjust
from billing.errors import LedgerMismatch, UnknownInvoice
from billing.focus.checker import check_file
from billing.focus.columns import NAMES
from billing.focus.export import FocusExport, focus_invoice, focus_month
from billing.invoices.credits import credit
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.prices import ExchangeRate
from billing.prices.exchange import ExchangeRates
from billing.reading import snapshot
from core.clock import ManualClock
from core.database import Database

D = Decimal
BOOK = PriceBook.from_settings(
    [
        {
            "model": "flash",
            "effective_from": "2026-01-01",
            "per": 1000,
            "input": "0.5",
            "cached_input": "0.05",
            "output": "2",
            "reasoning": "3",
            "worker_second": "0.01",
            "minimum": "0.25",
            "windows": [{"name": "peak", "hours": ["09:00-12:00"], "factor": "2"}],
        }
    ],
    more={"markups": [{"tenant": "acme", "percent": "10", "effective_from": "2026-01-01"}]},
)
TERMS = InvoiceTerms(
    seller=Seller(name="Example Operator", address="1 Street"),
    exchange=ExchangeRates(
        [
            ExchangeRate(
                currency="USD",
                quote="EUR",
                rate=D("0.9"),
                effective_from=datetime(2026, 1, 1, tzinfo=UTC),
            )
        ]
    ),
)


class Ledger:
    """A database and the ways in which this tenant's money moves."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock

    async def spend(self, request_id: str, at: str, usage: Usage, **facts: Any) -> None:
        await self.spend_all([(request_id, at, usage, facts)])

    async def spend_all(self, requests: Sequence[tuple[str, str, Usage, dict[str, Any]]]) -> None:
        bodies = [_settlement(*request).to_json() for request in requests]
        async with self.database.transaction() as session:
            await LedgerSink(self.clock).apply(session, bodies)

    async def adjust(self, amount: str, at: str, request_id: str | None = None) -> None:
        clock = ManualClock(datetime.fromisoformat(at))
        async with self.database.transaction() as session:
            await adjust(
                session,
                clock,
                tenant="acme",
                amount=amount,
                reason="Counted twice",
                author="finance",
                request_id=request_id,
            )

    async def profile(self, **fields: Any) -> None:
        async with self.database.transaction() as session:
            profile = Profile(legal_name="ACME Ltd", address="2 Street", **fields)
            await put_profile(session, self.clock, "acme", profile, author="finance")

    async def draft(self, month: str) -> str:
        async with self.database.transaction() as session:
            service = InvoiceService(self.clock, TERMS)
            return (await service.draft(session, "acme", month, author="finance")).invoice.id

    async def issue(self, month: str) -> str:
        name = await self.draft(month)
        async with self.database.transaction() as session:
            service = InvoiceService(self.clock, TERMS)
            document = await service.finalise(session, "acme", name, author="finance")
        assert document.invoice.number is not None
        return document.invoice.number

    async def credit(self, name: str, **what: Any) -> str:
        async with self.database.transaction() as session:
            document = await credit(
                session, self.clock, TERMS, "acme", name, author="finance", reason="Late", **what
            )
        assert document.invoice.number is not None
        return document.invoice.number

    async def month(self, month: str, tenant: str = "acme") -> FocusExport:
        async with snapshot(self.database) as session:
            return await focus_month(session, tenant, month, TERMS)


def _settlement(request_id: str, at: str, usage: Usage, facts: dict[str, Any]) -> Settlement:
    tenant, project = facts.pop("tenant", "acme"), facts.pop("project_id", "prj_1")
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    reservation = Reservation(
        request_id=request_id,
        tenant=tenant,
        project_id=project,
        key_id="key_1",
        amount=D(0),
        at=instant,
    )
    breakdown = BOOK.price("flash", instant, usage, tenant=tenant)
    return Settlement.settle(reservation, usage=usage, breakdown=breakdown, model="flash", **facts)


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


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, ManualClock(datetime(2026, 12, 2, 8, tzinfo=UTC)))


FAST = {"tier": "fast", "zone": "onprem"}


async def november(ledger: Ledger) -> None:
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


async def test_an_open_month(ledger: Ledger, tmp_path: Path) -> None:
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


async def test_an_invoice_in_another_currency(ledger: Ledger, tmp_path: Path) -> None:
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


async def test_what_corrects_an_invoiced_month(ledger: Ledger, tmp_path: Path) -> None:
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
    ledger: Ledger, tmp_path: Path
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
        alone = await focus_invoice(session, "acme", note, TERMS)
    assert rows(alone) == found
    # The rest, line by line.
    rest = await ledger.credit(number)
    export = await ledger.month("2026-12")
    assert export.payables == {note: D("-1.19"), rest: D("-4.39")}
    assert_right(export, tmp_path)


async def test_an_invoice_alone(ledger: Ledger) -> None:
    await november(ledger)
    await ledger.profile()
    number = await ledger.issue("2026-11")
    async with snapshot(ledger.database) as session:
        export = await focus_invoice(session, "acme", number, TERMS)
        assert export.payables == {number: D("5.21")}
        with pytest.raises(UnknownInvoice):
            await focus_invoice(session, "other", number, TERMS)


async def test_a_month_issued_early_keeps_to_what_it_held(ledger: Ledger, tmp_path: Path) -> None:
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


async def test_an_outdated_draft_is_refused(ledger: Ledger) -> None:
    """A draft of December counts nothing late while November is not issued."""
    await november(ledger)
    await ledger.spend("d1", "2026-12-01T15:00", Usage(input_tokens=4000))
    await ledger.profile()
    await ledger.draft("2026-12")
    await ledger.issue("2026-11")
    await ledger.spend("r9", "2026-11-30T15:00", Usage(input_tokens=4000))
    await ledger.month("2026-12")
    await ledger.draft("2026-12")
    assert (await ledger.month("2026-12")).documents[0].payable == D("4.4")


async def test_usage_that_its_prices_do_not_explain_is_not_exported(ledger: Ledger) -> None:
    from sqlalchemy import update

    from billing.models import PriceUnit

    await november(ledger)
    async with ledger.database.transaction() as session:
        await session.execute(update(PriceUnit).values(price=D("0.001")))
    with pytest.raises(LedgerMismatch, match="billing check"):
        await ledger.month("2026-11")


async def test_a_month_without_anything(ledger: Ledger) -> None:
    export = await ledger.month("2026-11")
    assert rows(export) == []
    assert export.payables == {}
