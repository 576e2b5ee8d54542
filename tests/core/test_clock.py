"""Time is aware, in UTC, and prints in one form."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.clock import ManualClock, SystemClock, isoformat

_KOLKATA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 11, 21, 22, 46, 25, 123, tzinfo=UTC), "2026-11-21T22:46:25.000123Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000000Z"),
        (datetime(2026, 1, 1, 2, tzinfo=_KOLKATA), "2025-12-31T20:30:00.000000Z"),
    ],
)
def test_isoformat(instant: datetime, text: str) -> None:
    assert isoformat(instant) == text


def test_system_clock_is_aware_and_does_not_go_back() -> None:
    clock = SystemClock()
    first, second = clock.monotonic(), clock.monotonic()
    assert clock.now().tzinfo is UTC
    assert second >= first


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 1, 1, 5, 30, tzinfo=_KOLKATA))
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    clock.advance(timedelta(minutes=1, microseconds=5))
    assert clock.now() == datetime(2026, 1, 1, 0, 1, 0, 5, tzinfo=UTC)
    assert clock.monotonic() == pytest.approx(60.000005)
