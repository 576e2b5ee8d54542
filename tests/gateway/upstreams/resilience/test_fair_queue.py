"""Whose turn it is."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.resilience.queue import FairQueue, Turn


def order(queue: FairQueue) -> str:
    said = []
    while (turn := queue.pop()) is not None:
        said.append(turn.tenant)
    return "".join(said)


def filled(turns: list[Turn], most: int = 1000) -> FairQueue:
    queue = FairQueue(most)
    for turn in turns:
        assert queue.push(turn) is None
    return queue


def test_tenants_take_turns_however_many_wait_of_each() -> None:
    queue = filled([Turn("a") for _ in range(6)] + [Turn("b") for _ in range(3)])
    assert order(queue) == "abababaaa"


def test_weights_are_shares() -> None:
    turns = [Turn("a", weight=3) for _ in range(30)] + [Turn("b") for _ in range(30)]
    first = order(filled(turns))[:40]
    assert Counter(first) == {"a": 30, "b": 10}


def test_first_come_first_served_within_a_tenant() -> None:
    turns = [Turn("a") for _ in range(5)]
    queue = filled(turns)
    assert [queue.pop() for _ in range(5)] == turns


def test_interactive_before_batch() -> None:
    batch = [Turn("a", priority="batch"), Turn("b", priority="batch")]
    queue = filled([*batch, Turn("c")])
    assert order(queue) == "cab"


@pytest.mark.parametrize("slots", [1, 2, 3, 4])
def test_who_comes_back_at_once_gets_no_more_than_its_share(slots: int) -> None:
    """Two tenants, one with much in the queue, one that always has just one waiting."""
    queue = FairQueue(1000)
    for _ in range(500):
        queue.push(Turn("many"))
    queue.push(Turn("one"))
    served: Counter[str] = Counter()
    for _ in range(400 // slots):
        given_out = [queue.pop() for _ in range(slots)]
        for turn in given_out:
            assert turn is not None
            served[turn.tenant] += 1
            queue.push(Turn(turn.tenant))
    if slots <= 2:
        assert served["one"] == served["many"] == 200
    else:  # with one waiting at a time it cannot have half of three slots
        assert served["one"] == 400 // slots


def test_one_that_leaves_is_passed_over() -> None:
    turns = [Turn("a"), Turn("a"), Turn("b")]
    queue = filled(turns)
    assert queue.remove(turns[0])
    assert not queue.remove(turns[0])
    assert len(queue) == 2
    assert [queue.pop(), queue.pop(), queue.pop()] == [turns[1], turns[2], None]


def test_a_full_queue_sends_away_the_last_of_the_longest() -> None:
    turns = [Turn("a") for _ in range(4)]
    queue = filled(turns, most=4)
    mine = Turn("a")
    assert queue.push(mine) is mine
    assert queue.push(Turn("b")) is turns[3]
    assert queue.push(Turn("b")) is turns[2]
    refused = Turn("b")
    assert queue.push(refused) is refused  # two of each: nobody goes for another
    assert len(queue) == 4


def test_a_full_queue_sends_away_batch_first() -> None:
    batch = Turn("a", priority="batch")
    queue = filled([batch, Turn("b")], most=2)
    assert queue.push(Turn("b")) is batch
    late = Turn("c", priority="batch")
    assert queue.push(late) is late


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "pop", "leave"]),
            st.sampled_from("abc"),
            st.sampled_from(["interactive", "batch"]),
            st.integers(1, 3),
        ),
        max_size=60,
    )
)
def test_nobody_is_lost_or_served_twice(steps: list[tuple[str, str, str, int]]) -> None:
    queue, waiting = FairQueue(8), []
    for step, tenant, priority, weight in steps:
        if step == "push":
            turn = Turn(tenant, weight, priority)  # type: ignore[arg-type]
            leaving = queue.push(turn)
            waiting.append(turn)
            if leaving is not None:
                waiting.remove(leaving)
        elif step == "pop":
            popped = queue.pop()
            assert (popped is None) == (not waiting)
            if popped is not None:
                if any(turn.priority == "interactive" for turn in waiting):
                    assert popped.priority == "interactive"
                waiting.remove(popped)
        elif waiting:
            assert queue.remove(waiting.pop(0))
        assert len(queue) == len(waiting) <= 8
