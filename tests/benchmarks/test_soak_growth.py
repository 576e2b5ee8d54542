"""The soak's verdict: a leak is seen, a plateau after a warm-up is none."""

from collections.abc import Callable

import pytest

from benchmarks.soak.growth import LIMIT_PERCENT, all_growth, table
from benchmarks.soak.sampling import Sample


def samples(rss: Callable[[float], float], minutes: int = 60) -> list[Sample]:
    """A look every ten seconds."""
    return [
        Sample(
            minute=number / 6,
            rss=rss(number / 6),
            uss=180.0,
            pss=190.0,
            children_rss=120.0,
            files=40,
            threads=14,
            tasks=10,
            running=1,
            backlog_bytes=0,
            cpu_s=float(number),
            requests=number,
            p50_ms=20.0,
            p99_ms=80.0,
        )
        for number in range(minutes * 6)
    ]


def test_what_grows_by_a_mebibyte_a_minute_fails() -> None:
    memory = all_growth(samples(lambda minute: 220.0 + minute))[0]
    assert memory.percent > LIMIT_PERCENT
    assert memory.per_hour == pytest.approx(60.0)


def test_what_warms_up_and_stays_passes() -> None:
    memory = all_growth(samples(lambda minute: 200.0 + 5.0 * min(minute, 8.0)))[0]
    assert memory.percent == 0.0


def test_a_peak_in_between_is_no_growth() -> None:
    memory = all_growth(samples(lambda minute: 300.0 if 30 < minute < 32 else 220.0))[0]
    assert memory.percent == 0.0
    assert "resident memory" in table([memory])


def test_a_run_without_samples_in_both_windows_says_so() -> None:
    with pytest.raises(ValueError, match="too short"):
        all_growth(samples(lambda minute: 220.0, minutes=1)[:8])
