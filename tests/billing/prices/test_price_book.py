"""The price book: exact costs from fixtures worked out by hand, dates, refusals."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import PriceBook, PriceVersion, Usage
from billing.errors import InvalidPrice, MixedCurrencies, OverlappingPrices, UnpricedModel

_FLASH: dict[str, Any] = {
    "model": "sov-flash",
    "currency": "USD",
    "effective_from": date(2026, 1, 1),
    "input": "0.15",
    "cached_input": "0.003",
    "output": "0.60",
    "per": 1_000_000,
}
_AT = datetime(2026, 11, 21, tzinfo=UTC)


def _flash(**changes: Any) -> PriceVersion:
    return PriceVersion.from_settings({**_FLASH, **changes})


# Each total was worked out on paper.
@pytest.mark.parametrize(
    ("changes", "usage", "total"),
    [
        # 1,000 * 0.15/M + 200 * 0.60/M = 0.00015 + 0.00012
        ({}, Usage(input_tokens=1000, output_tokens=200), "0.00027"),
        # one cached token: 0.003/M
        ({}, Usage(cached_input_tokens=1), "0.000000003"),
        # 12,345 * 0.15 + 67,890 * 0.003 + 6,789 * 0.60 = 1851.75 + 203.67 + 4073.4, per million
        (
            {},
            Usage(input_tokens=12345, cached_input_tokens=67890, output_tokens=6789),
            "0.00612882",
        ),
        # cache write at 6.25, input 5, cached 0.50, output 25 (a Claude Opus price):
        # 100*5 + 2000*0.5 + 300*6.25 + 40*25 = 500 + 1000 + 1875 + 1000, per million
        (
            {"input": "5", "cached_input": "0.50", "cache_write": "6.25", "output": "25"},
            Usage(
                input_tokens=100,
                cached_input_tokens=2000,
                cache_write_tokens=300,
                output_tokens=40,
            ),
            "0.004375",
        ),
        # reasoning costs as output unless it has its own price
        ({}, Usage(output_tokens=1, reasoning_tokens=9), "0.000006"),
        ({"reasoning": "1.2"}, Usage(output_tokens=1, reasoning_tokens=9), "0.0000114"),
        # 0.75 s at 0.0004 a second, beside 10 tokens
        (
            {"worker_second": "0.0004"},
            Usage(input_tokens=10, worker_seconds=Decimal("0.75")),
            "0.0003015",
        ),
        ({}, Usage(), "0"),
    ],
)
def test_golden_costs(changes: dict[str, Any], usage: Usage, total: str) -> None:
    breakdown = _flash(**changes).cost(usage)
    assert breakdown.total == Decimal(total)
    assert {line.name for line in breakdown.lines} == {
        name
        for name in ("input", "cached_input", "cache_write", "output", "reasoning", "worker_second")
        if usage.quantity(name)
    }


_COUNTS = st.integers(0, 10**12)
_USAGES = st.builds(
    Usage,
    input_tokens=_COUNTS,
    cached_input_tokens=_COUNTS,
    cache_write_tokens=_COUNTS,
    output_tokens=_COUNTS,
    reasoning_tokens=_COUNTS,
    worker_seconds=st.decimals(0, 10**6, places=6),
)


@given(
    st.lists(_USAGES, min_size=1, max_size=20),
    st.decimals(0, 1000, places=12),
    st.decimals(0, 1000, places=12),
)
def test_the_sum_of_costs_is_the_cost_of_the_sum(
    usages: list[Usage], price: Decimal, second: Decimal
) -> None:
    version = _flash(input=price, cache_write=price, worker_second=second)
    total = Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        cached_input_tokens=sum(usage.cached_input_tokens for usage in usages),
        cache_write_tokens=sum(usage.cache_write_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
        worker_seconds=sum((usage.worker_seconds for usage in usages), Decimal(0)),
    )
    parts = [version.cost(usage).total for usage in usages]
    assert sum(int(part.scaleb(18)) for part in parts) == version.cost(total).total.scaleb(18)


@given(_USAGES)
def test_no_usage_costs_more_than_its_worst_case(usage: Usage) -> None:
    version = _flash(cache_write="0.2", reasoning="0.7", worker_second="0.01")
    worst = version.plain.worst_case(
        usage.prompt_tokens, usage.completion_tokens, max_worker_seconds=usage.worker_seconds
    )
    assert version.cost(usage).total <= worst


def test_the_worst_case_by_hand() -> None:
    # 1,000 tokens, all in the dearest input class (0.2/M), 500 in the dearest output class (0.6/M)
    assert _flash(cache_write="0.2").plain.worst_case(1000, 500) == Decimal("0.0005")


def test_a_price_change_in_mid_month_splits_by_instant() -> None:
    book = PriceBook.from_settings(
        [_FLASH, {**_FLASH, "effective_from": "2026-11-15", "input": "0.30"}]
    )
    change = datetime(2026, 11, 15, tzinfo=UTC)
    usage = Usage(input_tokens=1_000_000)
    before = book.version_for("sov-flash", change - timedelta(microseconds=1))
    after = book.version_for("sov-flash", change)
    assert (before.cost(usage).total, after.cost(usage).total) == (Decimal("0.15"), Decimal("0.30"))
    assert before.id != after.id


@pytest.mark.parametrize("fraction", [0, 1, 500_000])
def test_a_price_change_is_exact_within_a_second_that_was_asked_for(fraction: int) -> None:
    """Rates are remembered by second; a change within one is no less exact."""
    change = _AT.replace(microsecond=fraction)
    book = PriceBook(
        [_flash(), _flash(effective_from=change, input="30", steps=[{"above": 10, "input": "60"}])]
    )
    moment = timedelta(microseconds=1)
    usage = Usage(input_tokens=1_000_000)
    for at in (change - moment, change, change - moment, change + moment, change):
        assert book.price("sov-flash", at, usage).total == Decimal("0.15" if at < change else "60")
        worst = book.worst_case("sov-flash", at, 5, 0)
        assert worst == Decimal(5 * (15 if at < change else 3000)) / 10**8


def test_per_need_not_be_a_power_of_ten_where_it_divides() -> None:
    assert _flash(per=3).cost(Usage(input_tokens=1)).total == Decimal("0.05")


def test_closing_a_version_leaves_its_id_and_changing_a_price_does_not() -> None:
    assert _flash().id == _flash(effective_to="2026-12-01").id
    assert _flash().id == _flash(input="0.150").id
    assert _flash().id != _flash(input="0.151").id
    assert _flash().id != _flash(model="sov-pro").id


@pytest.mark.parametrize(
    "at", [datetime(2025, 12, 31, 23, 59, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)]
)
def test_outside_its_dates_a_model_is_unpriced(at: datetime) -> None:
    book = PriceBook.from_settings([{**_FLASH, "effective_to": "2026-06-01"}])
    with pytest.raises(UnpricedModel, match="sov-flash has no price"):
        book.version_for("sov-flash", at)


def test_an_unknown_model_is_unpriced_and_not_free() -> None:
    with pytest.raises(UnpricedModel) as caught:
        PriceBook.from_settings([_FLASH]).version_for("other", _AT)
    assert caught.value.code == "unpriced_model"


def test_free_is_a_price() -> None:
    book = PriceBook.from_settings([{**_FLASH, "input": "0", "cached_input": "0", "output": "0"}])
    assert book.version_for("sov-flash", _AT).cost(Usage(input_tokens=5)).total == 0


@pytest.mark.parametrize(
    "second",
    [
        {"effective_from": date(2026, 1, 1)},
        {"effective_from": "2026-03-01", "input": "9"},
        {"effective_from": "2025-06-01", "effective_to": "2026-01-02"},
    ],
)
def test_overlapping_versions_are_refused(second: dict[str, Any]) -> None:
    first = {**_FLASH, "effective_to": "2026-06-01"}
    with pytest.raises(OverlappingPrices, match="sov-flash"):
        PriceBook.from_settings([first, {**_FLASH, **second}])


def test_another_currency_is_refused_rather_than_mixed() -> None:
    with pytest.raises(MixedCurrencies, match="CNY"):
        PriceBook.from_settings([_FLASH, {**_FLASH, "model": "x", "currency": "CNY"}])


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": 0.15}, "input"),
        ({"input": "-1"}, "input"),
        ({"input": "NaN"}, "input"),
        ({"output": None}, "output"),
        ({"input": "0.0000000000001"}, "input"),  # 1e-13 per million is 1e-19 per token
        ({"per": 7}, "input"),
        ({"worker_second": "0.0000000000001"}, "worker_second"),
        ({"per": 0}, None),
        ({"colour": "red"}, "colour"),
        ({"effective_from": "soon"}, "effective_from"),
        ({"effective_to": "2025-01-01"}, "effective_to"),
        ({"currency": "usd"}, "currency"),
    ],
)
def test_what_is_no_price_is_refused(changes: dict[str, Any], param: str | None) -> None:
    with pytest.raises(InvalidPrice) as caught:
        _flash(**changes)
    assert caught.value.param == param
