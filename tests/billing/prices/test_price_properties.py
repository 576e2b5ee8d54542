"""What holds for every price: the worst case bounds each cost, sums are exact, ids say all."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing import PriceBook, Usage
from billing.prices import PriceVersion, Rate
from billing.prices.entries import body_of
from billing.usage import CLASSES, TOKEN_CLASSES

_MODEL = "m"
_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
_CALENDAR = {"name": "closed", "dates": ["2026-01-02", "2026-01-06"]}


def _texts(most: int, places: int) -> st.SearchStrategy[str]:
    return st.decimals(0, most, places=places, allow_nan=False).map(lambda value: f"{value:f}")


_FACTORS = _texts(5, 6)
_CHANGES = st.fixed_dictionaries(
    {"factor": _FACTORS},
    optional={name: _texts(200, 6) for name in CLASSES},
)
_HOURS = st.lists(
    st.sampled_from(["00:00-24:00", "09:00-12:00", "14:00-18:00", "22:00-06:00", "23:30-00:15"]),
    min_size=1,
    max_size=3,
)
_WINDOWS = st.lists(
    st.tuples(_HOURS, st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin"]), _CHANGES),
    max_size=3,
).map(
    lambda parts: [
        {"name": f"w{index}", "hours": hours, "timezone": zone, "holidays": "closed", **changes}
        for index, (hours, zone, changes) in enumerate(parts)
    ]
)
_STEPS = st.lists(
    st.tuples(st.integers(1, 5_000), _CHANGES), max_size=3, unique_by=lambda step: step[0]
).map(lambda parts: [{"above": above, **changes} for above, changes in parts])
_PRICES = st.fixed_dictionaries(
    {
        "model": st.just(_MODEL),
        "effective_from": st.just("2026-01-01"),
        "currency": st.sampled_from(["USD", "CNY"]),
        "input": _texts(200, 6),
        "output": _texts(200, 6),
        "per": st.sampled_from([1, 1_000, 1_000_000]),
        "windows": _WINDOWS,
        "steps": _STEPS,
    },
    optional={
        "cached_input": _texts(200, 6),
        "cache_write": _texts(200, 6),
        "reasoning": _texts(200, 6),
        "guard": _texts(200, 6),
        "embedding": _texts(200, 6),
        "worker_second": _texts(1, 6),
        "minimum": _texts(1, 6),
        "batch": _texts(2, 3),
    },
)


@st.composite
def _books(draw: st.DrawFn) -> PriceBook:
    """A list price, perhaps a tenant's own one, a rate with many digits, a mark-up."""
    prices = [draw(_PRICES)]
    if draw(st.booleans()):
        prices.append({**draw(_PRICES), "tenant": "acme"})
    rate = {"currency": "CNY", "rate": draw(_texts(10, 9)), "effective_from": "2026-01-01"}
    rate["rate"] = "0.139" if Decimal(rate["rate"]) == 0 else rate["rate"]
    markup = {"percent": draw(_texts(300, 4)), "effective_from": "2026-01-01"}
    more: Mapping[str, Any] = {
        "exchange_rates": [rate],
        "calendars": [_CALENDAR],
        "markups": [markup] if draw(st.booleans()) else [],
    }
    return PriceBook.from_settings(prices, more=more)


_INSTANTS = st.integers(0, 7 * 24 * 60).map(lambda minutes: _YEAR + timedelta(minutes=minutes))
_TENANTS = st.sampled_from([None, "acme", "globex"])
_COUNTS = st.integers(0, 6_000)
_USAGES = st.builds(
    Usage,
    **{f"{name}_tokens": _COUNTS for name in TOKEN_CLASSES},
    worker_seconds=st.decimals(0, 600, places=6, allow_nan=False),
)


@given(_books(), _USAGES, _INSTANTS, _TENANTS, st.booleans())
def test_no_request_costs_more_than_its_worst_case(
    book: PriceBook, usage: Usage, at: datetime, tenant: str | None, batch: bool
) -> None:
    worst = book.worst_case(
        _MODEL,
        at,
        usage.prompt_tokens,
        usage.completion_tokens,
        tenant=tenant,
        max_worker_seconds=usage.worker_seconds,
        max_guard_tokens=usage.guard_tokens,
        batch=batch,
    )
    assert book.price(_MODEL, at, usage, tenant=tenant, batch=batch).total <= worst
    # A shorter answer to a shorter prompt does not either, whichever step it takes.
    less = Usage(input_tokens=usage.prompt_tokens // 2, output_tokens=usage.completion_tokens // 2)
    assert book.price(_MODEL, at, less, tenant=tenant, batch=batch).total <= worst


def _without_minimum(rate: Rate, usage: Usage) -> Decimal:
    lines = rate.cost(usage).lines
    return sum((line.amount for line in lines if line.name != "minimum_charge"), Decimal(0))


@given(_books(), st.lists(_USAGES, min_size=1, max_size=8), _INSTANTS, _TENANTS)
def test_the_sum_of_costs_is_the_cost_of_the_sum_of_a_rate(
    book: PriceBook, usages: list[Usage], at: datetime, tenant: str | None
) -> None:
    rate = book.rate(_MODEL, at, tenant=tenant)
    counts: dict[str, Any] = {
        f"{name}_tokens": sum(int(usage.quantity(name)) for usage in usages)
        for name in TOKEN_CLASSES
    }
    seconds = sum((usage.worker_seconds for usage in usages), Decimal(0))
    total = Usage(**counts, worker_seconds=seconds)
    # Whole numbers of 10^-18: nothing was rounded on the way.
    parts = [int(_without_minimum(rate, usage).scaleb(18)) for usage in usages]
    assert sum(parts) == _without_minimum(rate, total).scaleb(18)


@given(_books(), st.lists(st.tuples(_INSTANTS, _TENANTS, _COUNTS, st.booleans()), max_size=20))
def test_rates_with_one_id_have_one_price(
    book: PriceBook, requests: list[tuple[datetime, str | None, int, bool]]
) -> None:
    """``price_units`` keeps the first prices that came under an id."""
    known: dict[str, Rate] = {}
    for at, tenant, prompt, batch in requests:
        rate = book.rate(_MODEL, at, tenant=tenant, prompt_tokens=prompt, batch=batch)
        assert len(rate.id) <= 40
        first = known.setdefault(rate.id, rate)
        assert (first.prices, first.list_prices) == (rate.prices, rate.list_prices)


@given(_PRICES)
def test_a_version_survives_its_body(body: dict[str, Any]) -> None:
    version = PriceVersion.from_settings(body)
    again = PriceVersion.from_settings(body_of(version))
    assert (again, again.id) == (version, version.id)
