"""Room at an upstream: taken, waited for, given back."""

import asyncio

import pytest

from gateway.errors import UpstreamQueueFull, UpstreamQueueTimeout
from gateway.upstreams.resilience.queue import Turn
from gateway.upstreams.resilience.slots import Slots


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_waits_gets_the_room_that_is_given_back() -> None:
    slots = Slots("u", 1, 10, 60.0)
    await slots.take(Turn("a"))
    second = asyncio.create_task(slots.take(Turn("b")))
    await settle()
    assert not second.done()
    assert slots.all_waiting == slots.waiting("interactive") == 1
    slots.give_back("interactive")
    await second
    assert slots.running == 1
    slots.give_back("interactive")
    assert slots.running == slots.all_waiting == 0


async def test_who_hangs_up_leaves_at_once() -> None:
    slots = Slots("u", 1, 10, 60.0)
    await slots.take(Turn("a"))
    gone, stays = (asyncio.create_task(slots.take(Turn(name))) for name in "bc")
    await settle()
    gone.cancel()
    await settle()
    assert slots.all_waiting == 1
    slots.give_back("interactive")
    await stays
    assert slots.running == 1


async def test_room_that_comes_as_somebody_hangs_up_is_not_lost() -> None:
    slots = Slots("u", 1, 10, 60.0)
    await slots.take(Turn("a"))
    gone, stays = (asyncio.create_task(slots.take(Turn(name))) for name in "bc")
    await settle()
    slots.give_back("interactive")
    gone.cancel()  # its turn has come already
    await stays
    assert gone.cancelled()
    assert slots.running == 1
    slots.give_back("interactive")
    assert slots.running == 0


async def test_a_turn_that_does_not_come() -> None:
    slots = Slots("u", 1, 10, 0.01)
    await slots.take(Turn("a"))
    with pytest.raises(UpstreamQueueTimeout) as caught:
        await slots.take(Turn("b"))
    assert caught.value.context["retry_after_s"] == 1
    assert (slots.running, slots.all_waiting) == (1, 0)


async def test_a_full_queue() -> None:
    slots = Slots("u", 1, 1, 60.0)
    await slots.take(Turn("a"))
    waiting = asyncio.create_task(slots.take(Turn("a", priority="batch")))
    await settle()
    with pytest.raises(UpstreamQueueFull):
        await slots.take(Turn("b", priority="batch"))
    urgent = asyncio.create_task(slots.take(Turn("b")))
    await settle()
    with pytest.raises(UpstreamQueueFull):
        await waiting
    slots.give_back("interactive")
    await urgent


async def test_rooms_and_waits_are_counted_by_class() -> None:
    slots = Slots("u", 2, 10, 60.0)
    await slots.take(Turn("a"))
    await slots.take(Turn("a", priority="batch"))
    assert slots.waits == {"interactive": 0, "batch": 0}
    second = asyncio.create_task(slots.take(Turn("b", priority="batch")))
    gone = asyncio.create_task(slots.take(Turn("b", priority="batch")))
    await settle()
    gone.cancel()
    slots.give_back("interactive")
    await second
    assert slots.taken == {"interactive": 0, "batch": 2}
    assert slots.waits == {"interactive": 0, "batch": 2}
    assert slots.waited_s["batch"] > slots.waited_s["interactive"] == 0
