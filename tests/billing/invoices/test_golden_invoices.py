"""Invoices worked out by hand, to the last digit.

Every figure is derived in the comment above it; prices are per million tokens.
"""

from decimal import Decimal

import pytest

from billing import PriceBook, Usage
from billing.invoices.credits import credit
from billing.invoices.document import InvoiceDocument
from core.clock import ManualClock
from core.database import Database
from tests.billing.invoices.conftest import Office, book

Row = tuple[str, str, str, str]


def rows(document: InvoiceDocument) -> list[Row]:
    """Description, quantity, unit price and amount of each line, as text."""
    return [
        (line.description, text(line.quantity), text(line.unit_price), text(line.amount))
        for line in document.lines
    ]


def text(amount: Decimal | None) -> str:
    return "" if amount is None else format(amount.normalize(), "f")


def totals(document: InvoiceDocument) -> dict[str, str]:
    names = ("subtotal", "exchange_rate", "net", "rounding", "tax", "total")
    return {name: text(getattr(document.invoice, name)) for name in names}


@pytest.fixture
def office_of(database: Database, clock: ManualClock):
    def make(prices: PriceBook) -> Office:
        return Office(database, clock, prices)

    return make


_PEAK = {
    "name": "peak",
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "hours": ["09:00-12:00", "14:00-18:00"],
    "timezone": "Asia/Shanghai",
    "holidays": "china",
    "factor": "2",
}


async def test_peak_and_off_peak_over_a_holiday(office_of) -> None:
    prices = book(
        {
            "input": "0.27",
            "cached_input": "0.07",
            "output": "1.1",
            "windows": [{**_PEAK, "cached_input": "0.1"}],
        },
        calendars=[{"name": "china", "country": "CN", "working_days": ["2026-10-10"]}],
    )
    office = office_of(prices)
    await office.profile(tax_label="VAT", tax_percent=Decimal("19"))
    # Shanghai is 8 hours ahead. 1 October is National Day, so 10:00 there is off-peak.
    await office.use("2026-10-01 02:00", input_tokens=1_000_003, output_tokens=11)
    # Thursday 8 October, 09:00 sharp: peak. 08:59:59 was not.
    await office.use("2026-10-08 01:00", input_tokens=300_000, cached_input_tokens=700_001)
    await office.use("2026-10-08 00:59", input_tokens=7)
    # 12:00 is the end of it: off-peak; 14:00 starts it again.
    await office.use("2026-10-08 04:00", output_tokens=999_999)
    await office.use("2026-10-08 06:00", output_tokens=123_457)
    # Saturday 10 October is no working day of the window, holiday or not.
    await office.use("2026-10-10 02:00", input_tokens=40)
    document = await office.issue("2026-10")
    assert rows(document) == [
        # off-peak input: 1,000,003 + 7 + 40 = 1,000,050 * 0.27 / 1e6 = 0.2700135
        ("Input tokens", "1000050", "0.27", "0.2700135"),
        # peak: 300,000 * (0.27 * 2 = 0.54) / 1e6 = 0.162
        ("Input tokens, peak", "300000", "0.54", "0.162"),
        # the window's own cached price is not doubled: 700,001 * 0.1 / 1e6 = 0.0700001
        ("Input tokens, cached, peak", "700001", "0.1", "0.0700001"),
        # off-peak output: (11 + 999,999 = 1,000,010) * 1.1 / 1e6 = 1.100011
        ("Output tokens", "1000010", "1.1", "1.100011"),
        # 123,457 * 2.2 / 1e6 = 0.2716054
        ("Output tokens, peak", "123457", "2.2", "0.2716054"),
    ]
    # 0.2700135 + 0.162 + 0.0700001 = 0.5020136; + 1.100011 + 0.2716054 = 1.87363
    # net 1.87, rounding -0.00363; 19 % = 0.3553 -> 0.36
    assert totals(document) == {
        "subtotal": "1.87363",
        "exchange_rate": "",
        "net": "1.87",
        "rounding": "-0.00363",
        "tax": "0.36",
        "total": "2.23",
    }
    await office.check()


async def test_long_context_cached_reasoning_minimum_batch_and_worker_time(office_of) -> None:
    prices = book(
        {
            "input": "3",
            "cached_input": "0.3",
            "cache_write": "3.75",
            "output": "15",
            "reasoning": "18",
            "minimum": "0.001",
            "batch": "0.5",
            "steps": [{"above": 200_000, "input": "6", "cached_input": "0.6", "output": "22.5"}],
        },
        {"model": "own", "input": "0", "output": "0", "worker_second": "0.000277777778"},
    )
    office = office_of(prices)
    await office.profile()
    # A prompt of 200,000 tokens has not passed the step (150,000 + 40,000 + 10,000).
    await office.use(
        "2026-11-02 08:00",
        input_tokens=150_000,
        cached_input_tokens=40_000,
        cache_write_tokens=10_000,
        output_tokens=2_001,
        reasoning_tokens=3_003,
    )
    # One token more has: the whole request is at the step's prices, reasoning as listed.
    await office.use(
        "2026-11-03 08:00",
        input_tokens=150_001,
        cached_input_tokens=50_000,
        output_tokens=1_007,
        reasoning_tokens=13,
    )
    # 10 * 3 / 1e6 + 1 * 15 / 1e6 = 0.000045; the minimum of 0.001 adds 0.000955.
    await office.use("2026-11-04 08:00", input_tokens=10, output_tokens=1)
    # Batch: half the price; 100,001 * 1.5 / 1e6 = 0.1500015
    await office.settle(
        office.settlement("2026-11-05 08:00", Usage(input_tokens=100_001), batch=True)
    )
    # 3.6000001 s are rounded up to 3.600001 s: * 0.000277777778 = 0.001000000278577778
    await office.use(
        "2026-11-06 08:00", model="own", output_tokens=5, worker_seconds=Decimal("3.6000001")
    )
    document = await office.issue("2026-11")
    assert rows(document) == [
        # (150,000 + 10) * 3 / 1e6 = 0.45003
        ("Input tokens", "150010", "3", "0.45003"),
        ("Input tokens, batch", "100001", "1.5", "0.1500015"),
        # 150,001 * 6 / 1e6 = 0.900006
        ("Input tokens, prompts over 200,000 tokens", "150001", "6", "0.900006"),
        # 40,000 * 0.3 / 1e6 = 0.012
        ("Input tokens, cached", "40000", "0.3", "0.012"),
        # 50,000 * 0.6 / 1e6 = 0.03
        ("Input tokens, cached, prompts over 200,000 tokens", "50000", "0.6", "0.03"),
        # 10,000 * 3.75 / 1e6 = 0.0375
        ("Input tokens, written to cache", "10000", "3.75", "0.0375"),
        # (2,001 + 1) * 15 / 1e6 = 0.03003
        ("Output tokens", "2002", "15", "0.03003"),
        # 1,007 * 22.5 / 1e6 = 0.0226575
        ("Output tokens, prompts over 200,000 tokens", "1007", "22.5", "0.0226575"),
        # 3,003 * 18 / 1e6 = 0.054054
        ("Reasoning tokens", "3003", "18", "0.054054"),
        # 13 * 18 / 1e6 = 0.000234
        ("Reasoning tokens, prompts over 200,000 tokens", "13", "18", "0.000234"),
        ("Minimum charge, above usage", "1", "0.000955", "0.000955"),
        ("Output tokens", "5", "0", "0"),
        ("Worker time", "3.600001", "0.000277777778", "0.001000000278577778"),
    ]
    # 0.45003 + 0.1500015 + 0.900006 + 0.012 + 0.03 + 0.0375  = 1.5795375
    # 0.03003 + 0.0226575 + 0.054054 + 0.000234 + 0.000955    = 0.1079305
    # + 0.001000000278577778                                  = 1.688468000278577778
    assert totals(document) == {
        "subtotal": "1.688468000278577778",
        "exchange_rate": "",
        "net": "1.69",
        "rounding": "0.001531999721422222",
        "tax": "0",
        "total": "1.69",
    }
    await office.check()


async def test_a_price_change_in_mid_month(office_of) -> None:
    prices = book(
        {"input": "2", "output": "8"},
        {"input": "1.5", "output": "8", "effective_from": "2026-11-15"},
    )
    office = office_of(prices)
    await office.profile()
    await office.use("2026-11-03 12:00", input_tokens=100_001)
    # The last instant of the old price, and the first of the new one.
    await office.use("2026-11-14 23:59", input_tokens=100_000, output_tokens=3)
    await office.use("2026-11-15 00:00", input_tokens=100_003, output_tokens=5)
    document = await office.issue("2026-11")
    assert rows(document) == [
        # 200,001 * 2 / 1e6 = 0.400002
        ("Input tokens, 03 Nov to 14 Nov", "200001", "2", "0.400002"),
        # 100,003 * 1.5 / 1e6 = 0.1500045
        ("Input tokens, 15 Nov", "100003", "1.5", "0.1500045"),
        ("Output tokens, 03 Nov to 14 Nov", "3", "8", "0.000024"),
        ("Output tokens, 15 Nov", "5", "8", "0.00004"),
    ]
    # 0.400002 + 0.1500045 + 0.000024 + 0.00004 = 0.5500705
    assert text(document.invoice.subtotal) == "0.5500705"
    assert (text(document.invoice.net), text(document.invoice.rounding)) == ("0.55", "-0.0000705")
    await office.check()


_CHANGING = {
    "exchange_rates": [
        {"currency": "CNY", "rate": "0.1401", "effective_from": "2026-01-01"},
        {"currency": "CNY", "rate": "0.1405", "effective_from": "2026-11-10", "source": "PBOC"},
        {"currency": "USD", "quote": "EUR", "rate": "0.9", "effective_from": "2026-01-01"},
        {"currency": "USD", "quote": "EUR", "rate": "0.923456", "effective_from": "2026-11-30"},
        {"currency": "USD", "quote": "EUR", "rate": "0.95", "effective_from": "2026-12-01"},
        {"currency": "USD", "quote": "JPY", "rate": "151.37", "effective_from": "2026-01-01"},
    ]
}


async def test_prices_in_another_currency_whose_rate_changes(office_of) -> None:
    office = office_of(book({"input": "2", "output": "3", "currency": "CNY"}, **_CHANGING))
    await office.profile()
    await office.use("2026-11-09 23:59", input_tokens=1_000_001)
    await office.use("2026-11-10 00:00", input_tokens=1_000_001, output_tokens=7)
    document = await office.issue("2026-11")
    assert rows(document) == [
        # 2 CNY * 0.1401 = 0.2802 USD; * 1,000,001 / 1e6 = 0.2802002802
        ("Input tokens, from CNY at 0.1401, 09 Nov", "1000001", "0.2802", "0.2802002802"),
        # 2 CNY * 0.1405 = 0.281 USD; * 1,000,001 / 1e6 = 0.281000281
        ("Input tokens, from CNY at 0.1405, 10 Nov", "1000001", "0.281", "0.281000281"),
        # 3 CNY * 0.1405 = 0.4215 USD; * 7 / 1e6 = 0.0000029505
        ("Output tokens, from CNY at 0.1405, 10 Nov", "7", "0.4215", "0.0000029505"),
    ]
    # 0.2802002802 + 0.281000281 + 0.0000029505 = 0.5612035117
    assert text(document.invoice.subtotal) == "0.5612035117"
    await office.check()


async def test_a_tenant_that_changes_to_another_currency(office_of) -> None:
    """The ledger stays in US dollars; what is payable is converted once, at the month's end."""
    office = office_of(book({"input": "2", "output": "8"}, **_CHANGING))
    await office.profile()
    await office.use("2026-10-05 12:00", input_tokens=12_345_678)
    # 12,345,678 * 2 / 1e6 = 24.691356 -> 24.69
    october = await office.issue("2026-10")
    assert totals(october)["net"] == "24.69"
    await office.profile(currency="EUR", tax_label="USt", tax_percent=Decimal("19"))
    await office.use("2026-11-05 12:00", input_tokens=12_345_678, output_tokens=1)
    november = await office.issue("2026-11")
    # 24.691356 + 0.000008 = 24.691364 USD. 30 November's rate holds, not that of the day
    # of issue: 24.691364 * 0.923456 = 22.801388233984 EUR -> 22.80
    # 22.80 - 22.801388233984 = -0.001388233984; 19 % of 22.80 = 4.332 -> 4.33
    assert totals(november) == {
        "subtotal": "24.691364",
        "exchange_rate": "0.923456",
        "net": "22.8",
        "rounding": "-0.001388233984",
        "tax": "4.33",
        "total": "27.13",
    }
    # The October invoice is still owed in US dollars, November's in euros.
    assert await office.balances() == {
        # 24.691356 + 24.691364
        "revenue USD": "-49.38272",
        "receivable USD": "24.69",
        "rounding USD": "0.001356",
        "exchange USD": "24.691364",
        "exchange EUR": "-22.801388233984",
        "rounding EUR": "0.001388233984",
        "tax EUR": "-4.33",
        "receivable EUR": "27.13",
    }
    await office.check()


async def test_yen_have_no_minor_unit(office_of) -> None:
    office = office_of(book({"input": "2", "output": "8"}, **_CHANGING))
    await office.profile(currency="JPY", tax_label="JCT", tax_percent=Decimal("10"))
    # 1,652,242 * 2 / 1e6 = 3.304484 USD * 151.37 = 500.19974308 JPY -> 500
    await office.use("2026-11-05 12:00", input_tokens=1_652_242)
    document = await office.issue("2026-11")
    assert totals(document) == {
        "subtotal": "3.304484",
        "exchange_rate": "151.37",
        "net": "500",
        "rounding": "-0.19974308",
        "tax": "50",
        "total": "550",
    }
    await office.check()


async def test_a_credit_note(office_of) -> None:
    office = office_of(book({"input": "2", "output": "8"}, **_CHANGING))
    await office.profile(currency="EUR", tax_label="USt", tax_percent=Decimal("19"))
    await office.use("2026-11-05 12:00", input_tokens=12_345_678, output_tokens=1)
    invoice = (await office.issue("2026-11")).invoice

    async def give(**facts) -> InvoiceDocument:
        async with office.database.transaction() as session:
            return await credit(
                session,
                office.clock,
                office.terms,
                "acme",
                invoice.id,
                reason="outage",
                author="usr_1",
                **facts,
            )

    # 10.00 EUR net: 10 / 0.923456 = 10.82888627070483054958... -> ...550 USD, which are
    # 10.0000000000000000003808 EUR: nothing to round at 18 places. 19 % of 10.00 = 1.90
    first = await give(amount=Decimal("10.00"))
    assert first.invoice.number == "CN-2026-000001"
    assert totals(first) == {
        "subtotal": "-10.82888627070483055",
        "exchange_rate": "0.923456",
        "net": "-10",
        "rounding": "0",
        "tax": "-1.9",
        "total": "-11.9",
    }
    # The rest, to the last digit: 24.691364 - 10.82888627070483055 = 13.86247772929516945
    # USD; * 0.923456 = 12.8013882339839999996... EUR -> 12.801388233984 (18 places);
    # 22.80 - 10.00 net, 4.33 - 1.90 tax.
    rest = await give()
    assert totals(rest) == {
        "subtotal": "-13.86247772929516945",
        "exchange_rate": "0.923456",
        "net": "-12.8",
        "rounding": "0.001388233984",
        "tax": "-2.43",
        "total": "-15.23",
    }
    assert await office.balances() == {}
    await office.check()
