"""What the tests of money share: a frozen clock, round prices, a way to spend."""

from datetime import UTC, datetime

import pytest

from core.clock import ManualClock

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)
