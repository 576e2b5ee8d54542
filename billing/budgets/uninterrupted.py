"""Lets a database transaction finish when the task that waits for it is cancelled.

A client that hangs up cancels its request at any await. A transaction cut off
there is of unknown outcome, and on SQLite its connection can keep the write lock.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``; a cancellation is delivered when it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # seen; the cancellation is what the caller gets
        raise
