"""Deadlines that one timer watches: who is ended, as what, and who is not."""

import asyncio

import pytest

from gateway.upstreams.resilience.deadlines import LOOK_S, DeadlineWatch

FOR_EVER_S = 600.0


class Hands:
    """A clock that is set by hand; the event loop's own goes on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def looks(number: int = 3) -> None:
    await asyncio.sleep(number * LOOK_S)


async def test_what_runs_beyond_its_deadline_is_ended_and_nothing_else() -> None:
    clock = Hands()
    watch = DeadlineWatch(clock)

    async def wait(by: float) -> str:
        try:
            with watch.until(by):
                await asyncio.sleep(FOR_EVER_S)
        except TimeoutError:
            return "ended"
        return "whole"

    early, late = asyncio.create_task(wait(110.0)), asyncio.create_task(wait(120.0))
    await looks()
    assert not early.done()
    clock.now = 110.0
    assert await early == "ended"
    await looks()
    assert not late.done()
    clock.now = 130.0
    assert await late == "ended"
    # It begins anew after a rest.
    await looks()
    assert await asyncio.create_task(wait(130.0)) == "ended"


async def test_a_task_goes_on_after_its_deadline_is_over() -> None:
    clock = Hands()
    watch = DeadlineWatch(clock)
    with watch.until(110.0):
        await looks()
    clock.now = 500.0
    await looks()
    with pytest.raises(TimeoutError), watch.until(clock.now):
        await asyncio.sleep(FOR_EVER_S)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await looks()


async def test_a_deadline_set_anew_counts() -> None:
    clock = Hands()
    watch = DeadlineWatch(clock)
    seen: list[float] = []

    async def wait() -> None:
        with watch.until(110.0) as limit:
            limit.by = 150.0
            for clock.now in (149.0, 151.0):
                seen.append(clock.now)
                await looks()

    with pytest.raises(TimeoutError):
        await wait()
    assert seen == [149.0, 151.0]


async def test_who_is_cancelled_besides_ends_as_cancelled() -> None:
    clock = Hands()
    watch = DeadlineWatch(clock)

    async def wait() -> None:
        with watch.until(110.0):
            try:
                await asyncio.sleep(FOR_EVER_S)
            finally:
                clock.now = 111.0
                await looks()  # the deadline passes while it ends

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_another_error_is_not_covered() -> None:
    clock = Hands()
    watch = DeadlineWatch(clock)

    async def fail() -> None:
        with watch.until(clock.now):
            try:
                await asyncio.sleep(FOR_EVER_S)
            except asyncio.CancelledError:
                raise ValueError("mine") from None

    with pytest.raises(ValueError, match="mine"):
        await fail()
