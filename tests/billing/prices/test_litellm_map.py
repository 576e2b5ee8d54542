"""litellm's price map: exact, complete about what it leaves out, never a price by chance."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import PriceBook, Usage
from billing.errors import InvalidPrice
from billing.prices import PriceVersion
from billing.prices.entries import matching
from billing.prices.litellm_map import LitellmMap, Proposal, Skipped

START = datetime(2026, 11, 1, tzinfo=UTC)
CHAT = {"mode": "chat", "input_cost_per_token": 5e-06, "output_cost_per_token": 3e-05}

HALF = {"input_cost_per_token_batches": 2.5e-06, "output_cost_per_token_batches": 1.5e-05}


def propose(
    tmp_path: Path, entries: dict[str, Any], prefix: str = ""
) -> tuple[dict[str, Proposal], list[Skipped]]:
    """What a map says, having gone through a file as litellm writes it."""
    file = tmp_path / "map.json"
    file.write_text(json.dumps(entries))
    found, skipped = LitellmMap.load(file).propose(
        lambda model: True, START, provider_prefix=prefix
    )
    return {proposal.version.model: proposal for proposal in found}, skipped


def version(tmp_path: Path, **fields: Any) -> PriceVersion:
    found, skipped = propose(tmp_path, {"m": CHAT | fields})
    assert skipped == []
    return found["m"].version


def reason(tmp_path: Path, entry: Any) -> str:
    found, [skipped] = propose(tmp_path, {"m": entry})
    assert found == {}
    return skipped.reason


def test_prices_are_exact(tmp_path: Path) -> None:
    # As a float, 3.96e-06 * 1e6 is 3.9600000000000004.
    price = version(
        tmp_path,
        input_cost_per_token=3.96e-06,
        cache_read_input_token_cost=2.8e-08,
        cache_creation_input_token_cost=6.25e-06,
        output_cost_per_reasoning_token=4.5e-05,
    )
    names = ("input", "cached_input", "cache_write", "output", "reasoning")
    assert [price.price(name) for name in names] == [
        Decimal(text) for text in ("3.96", "0.028", "6.25", "30", "45")
    ]
    assert (price.currency, price.per, price.effective_from) == ("USD", 10**6, START)


def test_a_zero_for_a_cache_is_no_price_of_its_own(tmp_path: Path) -> None:
    price = version(
        tmp_path, cache_creation_input_token_cost=0.0, input_cost_per_token_cache_hit=0.0
    )
    assert price.derived >= {"cache_write", "cached_input"}
    assert price.cache_write == Decimal(5)


def test_steps(tmp_path: Path) -> None:
    price = version(
        tmp_path,
        input_cost_per_token_above_272k_tokens=1e-05,
        output_cost_per_token_above_272k_tokens=4.5e-05,
        input_cost_per_token_above_272k_tokens_priority=2e-05,
    )
    [step] = price.steps
    assert step.above == 272_000
    assert step.prices == {"input": Decimal(10), "output": Decimal(45)}


def test_tiers_are_steps(tmp_path: Path) -> None:
    tiers = [
        {"range": [256000.0, 1000000.0], "input_cost_per_token": 2.5e-07}
        | {"output_cost_per_token": 2e-06},
        {"range": [0, 256000.0], "input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07},
    ]
    found, skipped = propose(tmp_path, {"m": {"mode": "chat", "tiered_pricing": tiers}})
    price = found["m"].version
    assert (price.input, price.output, skipped) == (Decimal("0.05"), Decimal("0.4"), [])
    assert [(step.above, step.prices["output"]) for step in price.steps] == [(256_000, Decimal(2))]


def test_off_peak_hours_hold_when_litellm_says_so(tmp_path: Path) -> None:
    off_peak = {
        "input_cost_per_token": 1e-06,
        "windows": [
            {"hours_utc": ["00:00-01:00", "22:00-02:00"], "weekdays": [1, 2]},
            {"hours_utc": "00:00-00:00", "weekdays": [7]},
        ],
    }
    price = version(tmp_path, off_peak_pricing=off_peak)
    book = PriceBook([price])
    week = [datetime(2026, 11, 2, tzinfo=UTC) + timedelta(hours=hour) for hour in range(7 * 24)]
    cheap = [
        f"{at:%a %H}"
        for at in week  # from a Monday on
        if book.price("m", at, Usage(input_tokens=10**6)).total == 1
    ]
    nights = [f"{day} {hour}" for day in ("Mon", "Tue") for hour in ("00", "01", "22", "23")]
    assert cheap == nights + [f"Sun {hour:02d}" for hour in range(24)]


@pytest.mark.parametrize(
    ("fields", "factor"),
    [
        (
            {"input_cost_per_token_batches": 2.5e-06, "output_cost_per_token_batches": 1.5e-05},
            "0.5",
        ),
        # one class only, or another factor: no single factor says it
        ({"input_cost_per_token_batches": 2.5e-06}, None),
        ({"input_cost_per_token_batches": 2.5e-06, "output_cost_per_token_batches": 2e-05}, None),
        (
            HALF
            | {"cache_read_input_token_cost": 5e-07, "cache_read_input_token_cost_batches": 5e-07},
            None,
        ),
    ],
)
def test_batch(fields: dict[str, Any], factor: str | None, tmp_path: Path) -> None:
    found, _ = propose(tmp_path, {"m": CHAT | fields})
    proposal = found["m"]
    assert proposal.version.batch == (None if factor is None else Decimal(factor))
    left_out = {field for field in fields if field.endswith("_batches")} if not factor else set()
    assert set(proposal.left_out) == left_out


def test_an_embedding_needs_no_output(tmp_path: Path) -> None:
    found, _ = propose(tmp_path, {"e": {"mode": "embedding", "input_cost_per_token": 2e-08}})
    price = found["e"].version
    assert (price.embedding, price.output) == (Decimal("0.02"), 0)


def test_what_a_price_cannot_say_is_named(tmp_path: Path) -> None:
    extra = {
        "input_cost_per_token_priority": 1e-05,
        "input_cost_per_audio_token": 1e-05,
        "search_context_cost_per_query": {"search_context_size_low": 0.01},
        "output_cost_per_image": 0.0,
        "max_tokens": 5,
    }
    found, _ = propose(tmp_path, {"m": CHAT | extra})
    assert found["m"].left_out == (
        "input_cost_per_audio_token",
        "input_cost_per_token_priority",
        "search_context_cost_per_query",
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (CHAT | {"mode": "image_generation"}, "mode image_generation"),
        (
            {"mode": "chat", "cost_per_second": 0.1},
            "not priced by the token, but by cost_per_second",
        ),
        (CHAT | {"output_cost_per_token": 0.0}, "no price of output above 0: state it by hand"),
        (
            CHAT | {"input_cost_per_token": 0, "output_cost_per_token": 0},
            "no price of input and output above 0: state it by hand",
        ),
        (
            CHAT | {"input_cost_per_token": 1.5000020000000002e-05},
            "input at 15.000020000000002 a million tokens has more than 12 places",
        ),
        (
            CHAT | {"off_peak_pricing": {"windows": [], "weekday_timezone": "Asia/Shanghai"}},
            "off-peak hours in one time zone on days of another: state them by hand",
        ),
        (CHAT | {"off_peak_pricing": {}}, "off_peak_pricing in a form that is not known"),
        (CHAT | {"tiered_pricing": [{}]}, "tiered_pricing in a form that is not known"),
        ("text", "no entry of a model"),
    ],
)
def test_what_has_no_exact_price_is_skipped_with_the_reason(
    entry: Any, expected: str, tmp_path: Path
) -> None:
    assert reason(tmp_path, entry).startswith(expected)


def test_a_provider_prefix_chooses_and_goes(tmp_path: Path) -> None:
    entries = {"deepseek/pro": CHAT, "pro": CHAT, "azure/pro": CHAT}
    assert list(propose(tmp_path, entries, "deepseek/")[0]) == ["pro"]
    assert set(propose(tmp_path, entries)[0]) == set(entries)


@pytest.mark.parametrize("content", ["[]", "no json", None])
def test_what_is_no_map_is_refused(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidPrice):
        LitellmMap.load(file)


def test_the_installed_map() -> None:
    """Figures of the vendors' pages, as they stand in the map that is pinned."""
    wanted = matching(["gpt-5.5", "claude-opus-4-7", "deepseek-v4-pro", "text-embedding-3-small"])
    found, skipped = LitellmMap.load().propose(wanted, START)
    prices = {each.version.model: (each.version.input, each.version.output) for each in found}
    assert prices == {
        "claude-opus-4-7": (Decimal(5), Decimal(25)),
        "deepseek-v4-pro": (Decimal("1.32"), Decimal("3.96")),
        "gpt-5.5": (Decimal(5), Decimal(30)),
        "text-embedding-3-small": (Decimal("0.02"), Decimal(0)),
    }
    assert skipped == []


def test_every_model_of_the_installed_map_is_priced_or_skipped() -> None:
    source = LitellmMap.load()
    found, skipped = source.propose(lambda model: True, START)
    assert len(found) > 2_000
    assert all(each.reason for each in skipped)
    assert len({each.version.model for each in found} | {each.model for each in skipped}) == len(
        found
    ) + len(skipped)
    PriceBook([each.version for each in found])  # and they make a book
