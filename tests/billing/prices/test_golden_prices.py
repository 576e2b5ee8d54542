"""Costs worked out on paper, each beside its working: exact to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import PriceBook, Usage
from billing.errors import NoExchangeRate, UnpricedModel

JANUARY = "2026-01-01"
# DeepSeek's list of October 2026: peak is twice the rest, Monday to Friday 09:00-12:00 and
# 14:00-18:00 in Shanghai (01:00-04:00 and 06:00-10:00 UTC), except Chinese public holidays.
PEAK = {
    "name": "peak",
    "hours": ["09:00-12:00", "14:00-18:00"],
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "timezone": "Asia/Shanghai",
    "holidays": "china",
    "factor": "2",
}
DEEPSEEK_PRO = {
    "model": "deepseek-v4-pro",
    "served": "DeepSeek-V4-Pro-0813",
    "effective_from": JANUARY,
    "input": "0.66",
    "cached_input": "0.022",
    "output": "1.98",
    "windows": [PEAK],
}
CALENDARS = [{"name": "china", "country": "CN"}]
PLAIN = {"model": "m", "effective_from": JANUARY, "input": "0.15", "output": "0.60"}


def book(*prices: dict[str, Any], currency: str = "USD", **more: Any) -> PriceBook:
    return PriceBook.from_settings(prices, currency=currency, more={"calendars": CALENDARS, **more})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 10,000 uncached, 90,000 cached, 1,200 output and 800 reasoning tokens:
#   off-peak 10,000 * 0.66 + 90,000 * 0.022 + 2,000 * 1.98 = 6,600 + 1,980 + 3,960 = 12,540
#   peak     10,000 * 1.32 + 90,000 * 0.044 + 2,000 * 3.96 = 25,080           (per million)
AGENT = Usage(
    input_tokens=10_000, cached_input_tokens=90_000, output_tokens=1_200, reasoning_tokens=800
)
OFF, ON = Decimal("0.01254"), Decimal("0.02508")


@pytest.mark.parametrize(
    ("at", "cost"),
    [
        # Wednesday 30 September 2026, the last working day before National Day.
        ("2026-09-30T00:59:59.999999", OFF),  # 08:59 in Shanghai
        ("2026-09-30T01:00", ON),  # 09:00
        ("2026-09-30T03:59:59.999999", ON),
        ("2026-09-30T04:00", OFF),  # 12:00
        ("2026-09-30T05:59", OFF),
        ("2026-09-30T06:00", ON),  # 14:00
        ("2026-09-30T09:59:59", ON),
        ("2026-09-30T10:00", OFF),  # 18:00
        # Thursday 1 to Wednesday 7 October: the holiday and the days off around it.
        *[(f"2026-10-0{day}T02:00", OFF) for day in range(1, 8)],
        # 1 October has begun in Shanghai when it is still 30 September in UTC.
        ("2026-09-30T23:30", OFF),  # Thursday, 07:30
        ("2026-10-08T02:00", ON),  # Thursday: work again
        ("2026-10-09T07:00", ON),
        # Saturday 10 October is worked in exchange, but is no Monday to Friday.
        ("2026-10-10T02:00", OFF),
        ("2026-10-11T02:00", OFF),
        ("2026-10-12T02:00", ON),
        # New Year: Thursday 31 December, Friday 1 January, Monday 4 January.
        ("2026-12-31T02:00", ON),
        ("2026-12-31T20:00", OFF),  # 04:00 of 1 January in Shanghai
        ("2027-01-01T02:00", OFF),
        ("2027-01-04T02:00", ON),
    ],
)
def test_peak_and_off_peak_over_the_national_day_and_new_year(at: str, cost: Decimal) -> None:
    breakdown = book(DEEPSEEK_PRO).price("deepseek-v4-pro", utc(at), AGENT)
    assert breakdown.total == cost
    assert breakdown.facts is not None
    assert breakdown.facts.window == ("peak" if cost == ON else None)


def test_the_parts_of_a_peak_request() -> None:
    lines = book(DEEPSEEK_PRO).price("deepseek-v4-pro", utc("2026-10-12T02:00"), AGENT).lines
    assert [(line.name, line.quantity, line.price, line.amount) for line in lines] == [
        ("input", 10_000, Decimal("1.32"), Decimal("0.0132")),
        ("cached_input", 90_000, Decimal("0.044"), Decimal("0.00396")),
        ("output", 1_200, Decimal("3.96"), Decimal("0.004752")),
        ("reasoning", 800, Decimal("3.96"), Decimal("0.003168")),  # follows output
    ]


def test_what_a_calendar_adds_and_takes_away() -> None:
    calendar = {
        "name": "china",
        "country": "CN",
        "dates": ["2026-11-23"],
        "working_days": ["2026-10-01"],
    }
    prices = book(DEEPSEEK_PRO, calendars=[calendar])
    for day, cost in {"2026-11-23": OFF, "2026-10-01": ON, "2026-10-02": OFF}.items():
        assert prices.price("deepseek-v4-pro", utc(f"{day}T02:00"), AGENT).total == cost


NIGHT = {"name": "night", "hours": ["22:00-06:00"], "timezone": "Europe/Berlin", "factor": "0.5"}


@pytest.mark.parametrize(
    ("at", "input_price"),
    [
        # Winter: Berlin is one hour ahead of UTC.
        ("2026-11-20T20:59", "0.15"),
        ("2026-11-20T21:00", "0.075"),  # Friday, 22:00
        ("2026-11-21T04:59", "0.075"),  # Saturday, 05:59: began on Friday
        ("2026-11-21T05:00", "0.15"),  # Saturday, 06:00
        ("2026-11-21T21:30", "0.15"),  # Saturday, 22:30: no night of the list
        ("2026-11-22T21:30", "0.15"),  # Sunday
        ("2026-11-23T03:00", "0.15"),  # Monday, 04:00: would have begun on Sunday
        ("2026-11-23T21:30", "0.075"),  # Monday, 22:30
        # Summer: two hours ahead.
        ("2026-07-03T19:59", "0.15"),
        ("2026-07-03T20:00", "0.075"),  # Friday, 22:00
        ("2026-07-04T03:59", "0.075"),
        ("2026-07-04T04:00", "0.15"),
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_it_began(at: str, input_price: str) -> None:
    night = NIGHT | {"days": ["mon", "tue", "wed", "thu", "fri"]}
    rate = book(PLAIN | {"windows": [night]}).rate("m", utc(at))
    assert rate.prices["input"] == Decimal(input_price)


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        # 29 March 2026: 02:00 becomes 03:00, so 02:00-04:00 is one hour long.
        ("2026-03-28T22:00", 1),
        # 25 October 2026: 03:00 becomes 02:00 again: 02:00-03:00 comes twice.
        ("2026-10-24T22:00", 3),
        ("2026-10-26T22:00", 2),
    ],
)
def test_hours_are_those_of_the_wall_clock_when_it_is_changed(start: str, hours: int) -> None:
    window = NIGHT | {"hours": ["02:00-04:00"]}
    prices, first = book(PLAIN | {"windows": [window]}), utc(start)
    minutes = [first + timedelta(minutes=minute) for minute in range(12 * 60)]
    cheap = [at for at in minutes if prices.rate("m", at).facts.window == "night"]
    assert len(cheap) == hours * 60


# GPT-5.5: 5 / 0.50 / 30, beyond 272,000 prompt tokens 10 / 1 / 45, batch at half.
GPT = {
    "model": "gpt-5.5",
    "effective_from": JANUARY,
    "input": "5",
    "cached_input": "0.5",
    "output": "30",
    "batch": "0.5",
    "steps": [{"above": 272_000, "input": "10", "cached_input": "1", "output": "45"}],
}


@pytest.mark.parametrize(
    ("prompt", "cached", "batch", "total"),
    [
        # exactly at the step: 271,000 * 5 + 1,000 * 0.5 + 100 * 30 = 1,355,000 + 500 + 3,000
        (271_000, 1_000, False, "1.3585"),
        # one above, all of it dearer: 271,001 * 10 + 1,000 * 1 + 100 * 45
        (271_001, 1_000, False, "2.71551"),
        # half of both
        (271_000, 1_000, True, "0.67925"),
        (271_001, 1_000, True, "1.357755"),
        # the cached part counts for the length
        (1_000, 271_001, False, "0.285501"),  # 10,000 + 271,001 + 4,500
    ],
)
def test_long_context_and_batch(prompt: int, cached: int, batch: bool, total: str) -> None:
    usage = Usage(input_tokens=prompt, cached_input_tokens=cached, output_tokens=100)
    at = utc("2026-11-21")
    breakdown = book(GPT).price("gpt-5.5", at, usage, batch=batch)
    assert breakdown.total == Decimal(total)
    assert breakdown.facts is not None
    assert breakdown.facts.batch is batch
    assert breakdown.facts.above == (272_000 if usage.prompt_tokens > 272_000 else None)


def test_a_model_without_batch_price_costs_the_same_in_a_batch() -> None:
    prices, at = book(PLAIN), utc("2026-11-21")
    assert prices.rate("m", at, batch=True).id == prices.rate("m", at).id


@pytest.mark.parametrize(
    ("window", "step", "expected"),
    [
        # factors multiply: 0.15 * 2 * 3, 0.60 * 2 * 3
        ({"factor": "2"}, {"factor": "3"}, ("0.9", "3.6")),
        # the step's own input at the window's factor; output by both factors
        ({"factor": "2"}, {"factor": "3", "input": "1"}, ("2", "3.6")),
        # the window's own input at the step's factor
        ({"factor": "2", "input": "0.4"}, {"factor": "3"}, ("1.2", "3.6")),
        # both have their own: the step's
        ({"factor": "2", "input": "0.4"}, {"factor": "3", "input": "1"}, ("1", "3.6")),
        ({}, {"output": "5"}, ("0.15", "5")),
    ],
)
def test_how_a_window_and_a_step_go_together(
    window: dict[str, str], step: dict[str, str], expected: tuple[str, str]
) -> None:
    always = {"name": "always", "hours": ["00:00-24:00"], **window}
    prices = book(PLAIN | {"windows": [always], "steps": [{"above": 100, **step}]})
    rate = prices.rate("m", utc("2026-11-21"), prompt_tokens=101)
    assert (rate.prices["input"], rate.prices["output"]) == tuple(map(Decimal, expected))
    # Nothing was said of these: they cost as what they follow.
    assert rate.prices["cached_input"] == rate.prices["embedding"] == rate.prices["input"]
    assert rate.prices["reasoning"] == rate.prices["output"]


def test_a_minimum_charge_fills_up() -> None:
    prices, at = book(PLAIN | {"minimum": "0.001"}), utc("2026-11-21")
    # 1,000 * 0.15 + 100 * 0.60 = 210 per million; 0.001 - 0.00021 = 0.00079 is missing
    small = prices.price("m", at, Usage(input_tokens=1_000, output_tokens=100))
    assert [(line.name, line.amount) for line in small.lines] == [
        ("input", Decimal("0.00015")),
        ("output", Decimal("0.00006")),
        ("minimum_charge", Decimal("0.00079")),
    ]
    assert small.total == Decimal("0.001")
    # 10,000 * 0.15 = 1,500 per million: above it
    large = prices.price("m", at, Usage(input_tokens=10_000))
    assert (large.total, len(large.lines)) == (Decimal("0.0015"), 1)
    assert prices.worst_case("m", at, 1, 1) == Decimal("0.001")


YUAN = {
    "model": "deepseek-flash",
    "currency": "CNY",
    "effective_from": JANUARY,
    "input": "1",
    "cached_input": "0.02",
    "output": "4",
}
RATES = [
    {"currency": "CNY", "rate": "0.1391", "effective_from": "2026-11-01"},
    {"currency": "CNY", "rate": "0.1402", "effective_from": "2026-11-16"},
]


def test_a_currency_change_in_mid_month() -> None:
    prices = book(YUAN, exchange_rates=RATES)
    usage = Usage(input_tokens=3_000, cached_input_tokens=10_000, output_tokens=500)
    # 3,000 * 1 + 10,000 * 0.02 + 500 * 4 = 5,200 CNY per million = 0.0052 CNY
    first = prices.price("deepseek-flash", utc("2026-11-15T23:59:59.999999"), usage)
    second = prices.price("deepseek-flash", utc("2026-11-16"), usage)
    assert first.total == Decimal("0.00072332")  # * 0.1391
    assert second.total == Decimal("0.00072904")  # * 0.1402
    assert first.currency == "USD"
    assert first.price_version != second.price_version
    assert first.facts is not None
    assert (first.facts.source_currency, first.facts.exchange_rate) == ("CNY", Decimal("0.1391"))
    with pytest.raises(NoExchangeRate, match="CNY to USD"):
        prices.price("deepseek-flash", utc("2026-10-31"), usage)


def test_a_ledger_in_yuan_needs_no_rate() -> None:
    usage = Usage(output_tokens=1_000_000)
    breakdown = book(YUAN, currency="CNY").price("deepseek-flash", utc("2026-11-15"), usage)
    assert (breakdown.total, breakdown.currency) == (Decimal(4), "CNY")


def test_where_a_converted_price_is_rounded() -> None:
    # 1 CNY per million at 0.1234567890123 is 0.0000001234567890123 USD a token: 19 places. The
    # nearest with 18 is 0.000000123456789012, and that is the price, not each cost.
    rate = RATES[0] | {"rate": "0.1234567890123"}
    prices = book(YUAN, exchange_rates=[rate])
    at = utc("2026-11-21")
    assert prices.rate("deepseek-flash", at).prices["input"] == Decimal("0.123456789012")
    total = prices.price("deepseek-flash", at, Usage(input_tokens=1_000_001)).total
    assert total == Decimal("0.123456912468789012")


def test_a_mark_up_is_the_closest_one() -> None:
    markups: list[dict[str, Any]] = [
        {"percent": "10"},
        {"percent": "20", "model": "m"},
        {"percent": "30", "tenant": "acme"},
        {"percent": "40", "tenant": "acme", "model": "m"},
        {"percent": "0", "tenant": "acme", "model": "m", "effective_from": "2026-12-01"},
    ]
    markups = [{"effective_from": JANUARY, **markup} for markup in markups]
    prices = book(PLAIN, PLAIN | {"model": "n"}, markups=markups)
    at = utc("2026-11-21")
    found = {
        (tenant, model): prices.rate(model, at, tenant=tenant).prices["input"]
        for tenant in ("acme", "globex", None)
        for model in ("m", "n")
    }
    # 0.15 and 40, 30, 20, 10 percent of it: 0.06, 0.045, 0.03, 0.015
    assert found == {
        ("acme", "m"): Decimal("0.21"),
        ("acme", "n"): Decimal("0.195"),
        ("globex", "m"): Decimal("0.18"),
        ("globex", "n"): Decimal("0.165"),
        (None, "m"): Decimal("0.18"),
        (None, "n"): Decimal("0.165"),
    }
    marked = prices.price("m", at, Usage(input_tokens=1_000), tenant="acme").lines[0]
    assert (marked.price, marked.list_price) == (Decimal("0.21"), Decimal("0.15"))
    december = prices.rate("m", utc("2026-12-01"), tenant="acme")
    assert december.prices["input"] == Decimal("0.15")


def test_a_tenants_own_price_stands_beside_the_list_price() -> None:
    own = PLAIN | {"tenant": "acme", "input": "0.1", "per": 1_000}  # per thousand
    markup = {"percent": "50", "effective_from": JANUARY}
    prices = book(PLAIN | {"windows": [NIGHT]}, own, markups=[markup])
    day, night = utc("2026-11-20T12:00"), utc("2026-11-20T23:00")
    rates = [prices.rate("m", at, tenant="acme") for at in (day, night)]
    # No mark-up on it. The list price beside it is 0.15 a million, so 0.00015 a thousand, and
    # half of that at night.
    assert [rate.prices["input"] for rate in rates] == [Decimal("0.1")] * 2
    assert [rate.list_prices["input"] for rate in rates] == [
        Decimal("0.00015"),
        Decimal("0.000075"),
    ]
    # A rate's id is all that its prices are.
    assert rates[0].id != rates[1].id
    assert prices.rate("m", day, tenant="globex").prices["input"] == Decimal("0.225")


def test_when_the_list_price_changes_so_does_the_rate_beside_it() -> None:
    own = PLAIN | {"tenant": "acme", "input": "0.1"}
    later = PLAIN | {"effective_from": "2026-11-15", "input": "0.3"}
    prices = book(PLAIN, own, later)
    before, after = (prices.rate("m", utc(f"2026-11-{day}"), tenant="acme") for day in (14, 15))
    assert before.prices == after.prices
    assert (before.list_prices["input"], after.list_prices["input"]) == (
        Decimal("0.15"),
        Decimal("0.3"),
    )
    assert before.id != after.id


def test_without_a_rate_for_the_list_price_the_own_price_stands_alone() -> None:
    own = PLAIN | {"tenant": "acme", "input": "0.1"}
    listed = PLAIN | {"currency": "CNY"}
    later = RATES[0] | {"effective_from": "2026-12-01"}
    prices = book(listed, own, exchange_rates=[later])
    rate = prices.rate("m", utc("2026-11-21"), tenant="acme")
    assert rate.prices["input"] == rate.list_prices["input"] == Decimal("0.1")


def test_what_an_alias_is_served_by_changes_on_a_date() -> None:
    flash = DEEPSEEK_PRO | {"model": "deepseek-flash", "served": "V4.1-Flash-1017", "input": "0.15"}
    aliases = [
        {"name": "sov-fast", "model": "deepseek-flash", "effective_from": JANUARY},
        {"name": "sov-fast", "model": "deepseek-v4-pro", "effective_from": "2026-11-15"},
        {"name": "old-name", "model": "sov-fast", "effective_from": JANUARY},
        {"name": "promo", "model": "deepseek-flash", "effective_from": JANUARY}
        | {"effective_to": "2026-02-01"},
    ]
    prices = book(DEEPSEEK_PRO, flash, aliases=aliases)
    usage = Usage(input_tokens=1_000_000)
    for name in ("sov-fast", "old-name"):
        before = prices.price(name, utc("2026-11-14T12:00"), usage)
        after = prices.price(name, utc("2026-11-15T12:00"), usage)
        assert (before.total, after.total) == (Decimal("0.15"), Decimal("0.66"))
        assert before.facts is not None
        assert after.facts is not None
        assert (before.facts.model, before.facts.served) == ("deepseek-flash", "V4.1-Flash-1017")
        assert (after.facts.model, after.facts.served) == (
            "deepseek-v4-pro",
            "DeepSeek-V4-Pro-0813",
        )
    with pytest.raises(UnpricedModel):
        prices.price("promo", utc("2026-02-01"), usage)


def test_an_alias_in_a_circle_ends() -> None:
    aliases = [
        {"name": "a", "model": "b", "effective_from": JANUARY},
        {"name": "b", "model": "a", "effective_from": JANUARY},
    ]
    with pytest.raises(UnpricedModel):
        book(PLAIN, aliases=aliases).rate("a", utc("2026-11-21"))


def test_guards_embeddings_and_seconds() -> None:
    price = PLAIN | {"guard": "0.02", "embedding": "0.13", "worker_second": "0.0004"}
    prices, at = book(price), utc("2026-11-21")
    usage = Usage(
        guard_tokens=2_500,
        embedding_tokens=40_000,
        worker_seconds=Decimal("1.5"),
    )
    # 2,500 * 0.02 + 40,000 * 0.13 = 50 + 5,200 per million; 1.5 s * 0.0004
    assert prices.price("m", at, usage).total == Decimal("0.00525") + Decimal("0.0006")
    # What is not priced: an embedding costs as input, a guard and a second nothing.
    assert book(PLAIN).price("m", at, usage).total == Decimal("0.006")


def test_a_window_leaves_time_alone_but_for_its_own_price() -> None:
    price = PLAIN | {"worker_second": "0.0004"}
    second = Usage(worker_seconds=Decimal(1))
    at = utc("2026-11-20T23:00")
    for window, total in ((NIGHT, "0.0004"), (NIGHT | {"worker_second": "0.0001"}, "0.0001")):
        assert book(price | {"windows": [window]}).price("m", at, second).total == Decimal(total)
