"""Placing experts anew while a model serves: what moves, between whom, and when it is worth it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.parallel import Placement, balance, even
from inference.parallel.layout import Layout
from inference.parallel.memory import shares
from inference.parallel.moving import waves
from inference.parallel.placement import keep_in_place
from inference.parallel.rebalancing import Rebalancer

LOADS = st.lists(st.integers(0, 10_000), min_size=12, max_size=12)
RANKS = st.integers(2, 6)
REDUNDANT = st.integers(0, 9)
LAYER = "layers.3.ffn"


@given(LOADS, LOADS, RANKS, REDUNDANT)
@settings(max_examples=40, deadline=None)
def test_every_process_gets_what_it_lacks_from_one_that_has_it(
    before: list[int], now: list[int], ranks: int, redundant: int
) -> None:
    old, new = balance(before, ranks, redundant), balance(now, ranks, redundant)
    turns = waves(old, new)
    for turn in turns:
        givers, takers = Counter(t.source for t in turn), Counter(t.target for t in turn)
        assert max(givers.values()) == max(takers.values()) == 1
        assert all(t.expert in old.slots[t.source] for t in turn)
    got = [(t.target, t.expert) for turn in turns for t in turn]
    for rank, held in enumerate(new.slots):
        lacking = set(held) - set(old.slots[rank])
        assert sorted(e for target, e in got if target == rank) == sorted(lacking)


@given(LOADS, LOADS, RANKS, REDUNDANT)
@settings(max_examples=40, deadline=None)
def test_the_order_of_processes_saves_travels(
    before: list[int], now: list[int], ranks: int, redundant: int
) -> None:
    old, new = balance(before, ranks, redundant), balance(now, ranks, redundant)
    kept = keep_in_place(new, old)
    assert sorted(kept.slots) == sorted(new.slots)
    assert keep_in_place(old, old) == old
    assert max(kept.loads(now)) == max(new.loads(now))


def test_processes_that_changed_places_move_nothing() -> None:
    old = Placement(((0, 1), (2, 3), (4, 5)))
    assert keep_in_place(Placement(((4, 5), (0, 1), (2, 3))), old) == old
    assert waves(old, old) == []


def test_a_look_sees_what_was_asked_for_since_the_last_one() -> None:
    rebalancer = Rebalancer(every=3, redundant=0)
    assert [rebalancer.due() for _ in range(6)] == [False, False, True, False, False, True]
    placed = {LAYER: even(8, 2)}
    first = [90, 90, 90, 90, 1, 1, 1, 1]
    (move,) = rebalancer.look({LAYER: first}, placed)
    assert move.layer == LAYER
    assert max(move.placement.loads(first)) == 182
    assert rebalancer.imbalance == pytest.approx(360 / 182)
    # In the next window the others are busy; only that counts.
    then = [90, 90, 90, 90, 51, 51, 51, 51]
    assert rebalancer.look({LAYER: then}, {LAYER: move.placement}) == []
    assert rebalancer.imbalance == pytest.approx(1.0)


def test_what_gains_little_stays() -> None:
    rebalancer = Rebalancer(every=1, redundant=0)
    loads = [51, 50, 50, 50, 50, 50, 50, 49]
    assert rebalancer.look({LAYER: loads}, {LAYER: even(8, 2)}) == []
    assert rebalancer.look({LAYER: loads}, {LAYER: even(8, 2)}) == [], "nothing was asked for"


def test_where_nothing_is_to_move_it_is_seen_all_the_same() -> None:
    rebalancer = Rebalancer(every=0, redundant=0)
    assert sum(rebalancer.due() for _ in range(2000)) == 2
    assert rebalancer.look({LAYER: [9, 9, 1, 1]}, {LAYER: even(4, 2)}) == []
    assert rebalancer.imbalance == pytest.approx(1.8)


@given(st.integers(1, 24), RANKS, REDUNDANT)
@settings(deadline=None)
def test_the_need_of_memory_counts_copies(more: int, ranks: int, redundant: int) -> None:
    count = ranks + more
    names = [f"layers.0.ffn.experts.{expert}.w1.weight" for expert in range(count)]
    held = balance([1.0] * count, ranks, redundant).slots
    share = shares(names, Layout(expert=ranks), redundant)
    assert share(names[0]) * count == pytest.approx(max(map(len, held)))
    assert shares(names, Layout(), redundant)(names[0]) == 1
