"""A trail in a database of each kind."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.database import Database
from support.trail import Trail


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 10, 1, 9, tzinfo=UTC))


@pytest.fixture
def trail(database: Database, clock: ManualClock, tmp_path: Path) -> Trail:
    return Trail.open(database, clock, tmp_path / "keys")
