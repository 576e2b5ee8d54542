"""What a hit of the cache costs: exact, apart on bills, and re-rated at its share."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import PriceBook, Reservation, Settlement, Usage
from billing.prices.hits import hit_cost, hit_share, share_of

_AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
_BOOK = PriceBook.from_settings(
    [
        {
            "model": "m",
            "effective_from": "2026-01-01",
            "input": "0.15",
            "cached_input": "0.003",
            "output": "0.333333333333",
        }
    ]
)
_USAGE = Usage(cached_input_tokens=11, output_tokens=7)


def test_a_share_of_every_line() -> None:
    full = _BOOK.price("m", _AT, _USAGE)
    hit = hit_cost(full, Decimal("0.25"))
    assert [line.list_price for line in hit.lines] == [line.price for line in full.lines]
    assert hit.price_version != full.price_version
    assert hit_share(hit.facts) == Decimal("0.25")
    assert hit_share(full.facts) is None
    assert hit.total < full.total


@given(
    share=st.integers(0, 100).map(lambda percent: Decimal(percent) / 100),
    cached=st.integers(0, 10**9),
    output=st.integers(1, 10**9),
)
def test_a_settlement_takes_it(share: Decimal, cached: int, output: int) -> None:
    """Lines that are exact products and cover the usage, whatever the share."""
    usage = Usage(cached_input_tokens=cached, output_tokens=output)
    breakdown = hit_cost(_BOOK.price("m", _AT, usage), share)
    reservation = Reservation(
        request_id="req_1",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(1),
        at=_AT,
    )
    made = Settlement.settle(reservation, usage=usage, breakdown=breakdown, model="m")
    assert Settlement.from_json(made.to_json()) == made
    assert made.cost <= _BOOK.price("m", _AT, usage).total


def test_nothing_is_a_price_too() -> None:
    hit = hit_cost(_BOOK.price("m", _AT, _USAGE), Decimal(0))
    assert hit.total == 0
    assert [line.name for line in hit.lines] == ["cached_input", "output"]


@pytest.mark.parametrize("window", [None, "peak", "cache hit at x%", "cache hit at 5% more"])
def test_other_windows_are_no_hits(window: str | None) -> None:
    assert share_of(window) is None


def test_a_long_window_keeps_the_share() -> None:
    book = PriceBook.from_settings(
        [
            {
                "model": "m",
                "effective_from": "2026-01-01",
                "input": "1",
                "output": "1",
                "windows": [{"name": "w" * 40, "hours": ["00:00-24:00"], "factor": "2"}],
            }
        ]
    )
    full = book.price("m", _AT, _USAGE)
    assert full.facts is not None
    assert full.facts.window is not None
    hit = hit_cost(full, Decimal("0.05"))
    assert hit.facts is not None
    assert len(str(hit.facts.window)) <= 40
    assert hit_share(hit.facts) == Decimal("0.05")
