"""A second server is asked where the first does not begin to answer; the first answer wins."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol, TypeVar


class Closable(Protocol):
    async def aclose(self) -> None: ...


Won = TypeVar("Won", bound=Closable)


async def first_to_answer(
    first: Coroutine[Any, Any, Won],
    second: Callable[[], Coroutine[Any, Any, Won] | None],
    after_s: float,
) -> Won:
    """The answer of whichever begins first.

    Args:
        second: called once, ``after_s`` later, if the first has neither answered nor failed;
            ``None`` where there must be no second one.

    Raises: what the first one raises, where neither answers.
    """
    tasks = [asyncio.create_task(first)]
    try:
        done, _ = await asyncio.wait(tasks, timeout=after_s)
        if not done and (other := second()) is not None:
            tasks.append(asyncio.create_task(other))
        return await _first_success(tasks)
    finally:
        await _hang_up(tasks)


async def _first_success(tasks: list[asyncio.Task[Won]]) -> Won:
    pending = set(tasks)
    while pending:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and task.exception() is None:
                tasks.remove(task)  # it is the caller's now
                return task.result()
    return tasks[0].result()


async def _hang_up(tasks: Collection[asyncio.Task[Won]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            await outcome.aclose()
