"""What the planning tests share: round figures that can be worked out by hand."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.planning import Published, Throughput, Workload, load_published, stated_workload


@pytest.fixture(scope="session")
def published() -> Published:
    return load_published()


@pytest.fixture
def workload() -> Workload:
    """73,000 requests a month of 1,000 input tokens (a quarter cached) and 600 output tokens.

    2,400 a day * 730 / 24 days. Half of the requests think and write five times 200 tokens, the
    others 200. A month has 2,628,000 seconds; the busiest hour is 24 / 12 * 3 = 6 times its mean.
    """
    return stated_workload(
        requests_per_day=Decimal(2400),
        input_tokens=Decimal(1000),
        output_tokens=Decimal(200),
        cached_share=Decimal("0.25"),
        thinking_share=Decimal("0.5"),
        thinking_multiplier=Decimal(5),
        active_hours=Decimal(12),
        peak_factor=Decimal(3),
    )


@pytest.fixture
def point() -> Callable[..., Throughput]:
    """A replica of eight B200 that computes 1,000 and writes 100 tokens a second."""

    def make(**changes: Any) -> Throughput:
        facts: dict[str, Any] = {
            "model": "v4-flash",
            "device": "b200",
            "devices": 8,
            "input_rate": Decimal(1000),
            "output_rate": Decimal(100),
            "source": "yours",
        }
        return Throughput(**{**facts, **changes})

    return make
