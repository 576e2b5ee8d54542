"""``sovgate`` with a wall clock that can be set while it runs.

    SOVGATE_TEST_CLOCK=FILE python -m support.clocked_gateway serve ...

The file holds the seconds by which the clock is off, or an instant with its offset from UTC, at
which it stands still; what never goes back on a real machine (the monotonic clock) goes on.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.clock import SystemClock
from gateway.cli.main import app


def main() -> None:
    file = Path(os.environ["SOVGATE_TEST_CLOCK"])

    def now(_: SystemClock) -> datetime:
        told = file.read_text()
        if ":" in told:
            return datetime.fromisoformat(told)
        return datetime.now(UTC) + timedelta(seconds=float(told))

    SystemClock.now = now  # type: ignore[method-assign]
    app()


if __name__ == "__main__":
    main()
