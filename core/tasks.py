"""Ending background tasks."""

import asyncio
from contextlib import suppress
from typing import Any


async def cancel(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task and wait until it is over; what it raised before is raised here."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
