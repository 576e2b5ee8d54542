"""The examples of docs/prices.md are entries, and cost what the page says."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from billing import PriceBook, Usage
from core.money import format_amount

PAGE = (Path(__file__).parents[3] / "docs" / "prices.md").read_text("utf-8")
FIRST, MORE, DEEPSEEK = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def book(*texts: str) -> PriceBook:
    prices: list[dict[str, Any]] = []
    more: dict[str, list[dict[str, Any]]] = {}
    for text in texts:
        content = yaml.safe_load(text)
        prices += content.get("prices", [])
        for name, bodies in content.get("price_book", {}).items():
            more.setdefault(name, []).extend(bodies)
    return PriceBook.from_settings(prices, more=more)


def test_the_first_examples() -> None:
    assert [version.model for version in book(FIRST, MORE).versions] == ["deepseek-v4-pro"]


# A million tokens each of cached input, input and output, in dollars (DeepSeek's page).
@pytest.mark.parametrize(
    ("model", "at", "prices"),
    [
        ("deepseek-flash", "2026-10-19T05:00", ("0.003", "0.15", "0.60")),
        ("deepseek-flash", "2026-10-19T02:00", ("0.006", "0.30", "1.20")),
        ("deepseek-v4-flash", "2026-10-19T02:00", ("0.006", "0.30", "1.20")),
        ("deepseek-v4-pro", "2026-10-19T05:00", ("0.022", "0.66", "1.98")),
        ("deepseek-v4-pro", "2026-10-19T02:00", ("0.044", "1.32", "3.96")),
        ("deepseek-v4-pro", "2027-01-01T02:00", ("0.022", "0.66", "1.98")),  # New Year
    ],
)
def test_the_list_of_deepseek(model: str, at: str, prices: tuple[str, str, str]) -> None:
    rate = book(DEEPSEEK).rate(model, datetime.fromisoformat(at).replace(tzinfo=UTC))
    found = (rate.prices["cached_input"], rate.prices["input"], rate.prices["output"])
    assert found == tuple(map(Decimal, prices))


def test_the_explained_request() -> None:
    usage = Usage(input_tokens=10_000, cached_input_tokens=90_000, output_tokens=2_000)
    at = datetime(2026, 10, 19, 2, tzinfo=UTC)
    cost = book(DEEPSEEK).price("deepseek-v4-pro", at, usage)
    assert f"total: {format_amount(cost.total)} USD" in PAGE
    assert f"rate {cost.price_version}, USD" in PAGE
