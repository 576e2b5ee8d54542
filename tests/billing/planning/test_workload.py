"""Workloads, stated and measured, by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.errors import InvalidPlan
from billing.planning import HourlyUsage, Workload, measured_workload, stated_workload
from billing.planning.workload import requests_a_day

_FIRST = datetime(2026, 11, 1, tzinfo=UTC)  # a Sunday
_LAST = datetime(2026, 12, 1, tzinfo=UTC)


def test_stated(workload: Workload) -> None:
    assert workload.requests == 73_000
    assert workload.cached_tokens == 73_000 * 250
    assert workload.input_tokens == 73_000 * 750
    assert workload.output_tokens == 73_000 * 600  # (200 + 1,000) / 2
    assert workload.tokens == 116_800_000
    assert workload.tokens_per_request == 1600
    # 43,800,000 / 2,628,000 = 16 2/3 a second on average, six times that in the busiest hour.
    assert round(workload.peak_output, 20) == 100
    assert round(workload.peak_input, 20) == 125
    assert round(workload.peak_cached * 3, 20) == 125
    assert round(workload.peak_price_share * 168, 20) == 35


def test_tokens_a_month_become_requests_a_day(workload: Workload) -> None:
    one = stated_workload(
        requests_per_day=Decimal(1), input_tokens=Decimal(1000), output_tokens=Decimal(600)
    )
    assert round(requests_a_day(workload.tokens, one), 20) == 2400


def _hour(hours: int, **counts: int) -> HourlyUsage:
    zero = {"requests": 1, "input_tokens": 0, "cached_tokens": 0, "output_tokens": 0}
    return HourlyUsage(_FIRST + timedelta(hours=hours), **{**zero, **counts})


def test_measured_is_brought_to_730_hours() -> None:
    hours = [
        _hour(0, requests=2, input_tokens=7200, output_tokens=720),
        _hour(26, requests=4, cached_tokens=3600, output_tokens=3600),  # Monday, 02:00
    ]
    work = measured_workload(hours, _FIRST, _LAST, "usage")
    month = Decimal(730) / 720
    assert round(work.requests, 20) == round(6 * month, 20)
    assert round(work.input_tokens, 20) == round(7200 * month, 20)
    assert round(work.cached_tokens, 20) == round(3600 * month, 20)
    assert round(work.output_tokens, 20) == round(4320 * month, 20)
    assert (work.peak_input, work.peak_cached, work.peak_output) == (2, 1, 1)
    # 7,200 of 15,120 tokens were used at peak.
    assert round(work.peak_price_share, 20) == round(Decimal(7200) / 15120, 20)


@pytest.mark.parametrize(
    ("hours", "peak"),
    [(24, 0), (25, 1), (27, 1), (28, 0), (29, 0), (30, 1), (33, 1), (34, 0), (2, 0), (146, 0)],
)
def test_peak_hours_are_those_of_working_days(hours: int, peak: int) -> None:
    """Monday is hours 24 to 47: peak at 01-04 and 06-10. Hour 2 is a Sunday's, 146 a Saturday's."""
    work = measured_workload([_hour(hours, output_tokens=1)], _FIRST, _LAST, "usage")
    assert work.peak_price_share == peak


def test_a_month_without_use_cannot_be_planned() -> None:
    for hours in ([], [_hour(0, input_tokens=5)]):
        with pytest.raises(InvalidPlan, match="No usage") as error:
            measured_workload(hours, _FIRST, _LAST, "usage")
        assert error.value.code == "invalid_plan"


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests_per_day": 0},
        {"output_tokens": 0},
        {"input_tokens": -1},
        {"cached_share": "1.1"},
        {"thinking_share": "-0.1"},
        {"thinking_multiplier": "0.5"},
        {"active_hours": "0.5"},
        {"active_hours": 25},
        {"peak_factor": "0.9"},
        {"peak_price_share": 2},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    facts = {"requests_per_day": 1, "input_tokens": 1, "output_tokens": 1, **wrong}
    with pytest.raises(InvalidPlan):
        stated_workload(**{name: Decimal(value) for name, value in facts.items()})
