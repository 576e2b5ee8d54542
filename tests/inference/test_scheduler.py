"""Batches are filled, limits are kept, and blocks always come back."""

import pytest
from engine_helpers import greedy
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.block_manager import BlockManager
from inference.engine.scheduler import Scheduler, SchedulerLimits
from inference.engine.sequence import Sequence, Status
from inference.errors import QueueFull


def make(blocks: int = 32, **limits: int) -> Scheduler:
    return Scheduler(BlockManager(blocks, 4), SchedulerLimits(**limits))


def compute(scheduler: Scheduler) -> list[Sequence]:
    """One step as the engine would do it, every sampled token being 7."""
    chunks = scheduler.schedule()
    for chunk in chunks:
        assert len(chunk.sequence.block_table) * 4 >= chunk.end
        samples = chunk.samples
        chunk.sequence.num_computed = chunk.end
        if samples:
            chunk.sequence.append(7)
    scheduler.retire()
    return [chunk.sequence for chunk in chunks]


def test_the_queue_is_limited() -> None:
    scheduler = make(max_queue=2)
    for _ in range(2):
        scheduler.add(greedy([1], 1, 0))
    with pytest.raises(QueueFull, match="2 requests wait"):
        scheduler.add(greedy([1], 1, 0))


def test_prompts_are_computed_in_chunks_beside_decoding() -> None:
    scheduler = make(max_prefill_tokens=8, max_mixed_tokens=3)
    scheduler.add(greedy([1] * 2, 9, 0))
    compute(scheduler)
    scheduler.add(greedy([1] * 8, 2, 0))
    sizes = [[c.num_tokens for c in scheduler.schedule()]]
    compute(scheduler)
    sizes.append([c.num_tokens for c in scheduler.schedule()])
    assert sizes == [[1, 3], [1, 3]]


def test_new_requests_join_a_running_batch() -> None:
    scheduler = make()
    first, second = greedy([1, 2], 6, 0), greedy([3, 4], 2, 0)
    scheduler.add(first)
    compute(scheduler)
    scheduler.add(second)
    assert set(compute(scheduler)) == {first, second}
    compute(scheduler)
    assert second.status is Status.FINISHED
    assert first.status is Status.RUNNING


def test_blocks_are_never_shared_or_lost() -> None:
    manager = BlockManager(6, 4)
    first, second = greedy([1], 1, 0), greedy([1], 1, 0)
    assert manager.grow(first, 9)
    assert manager.grow(second, 12)
    assert not set(first.block_table) & set(second.block_table)
    assert not manager.grow(first, 13)
    assert len(first.block_table) == 3
    manager.release(first)
    manager.release(second)
    assert manager.num_free == 6


@given(
    prompts=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 12)), min_size=1, max_size=12),
    blocks=st.integers(8, 20),
    max_batch=st.integers(1, 6),
)
def test_everything_finishes_and_all_blocks_return(
    prompts: list[tuple[int, int]], blocks: int, max_batch: int
) -> None:
    scheduler = make(blocks, max_batch=max_batch, max_prefill_tokens=7, max_mixed_tokens=3)
    sequences = [greedy([1] * length, answer, 0) for length, answer in prompts]
    for sequence in sequences:
        scheduler.add(sequence)
    for _ in range(3000):
        if not scheduler.has_work:
            break
        assert compute(scheduler)
        assert len(scheduler.running) <= max_batch
    assert all(s.status is Status.FINISHED for s in sequences)
    assert all(len(s.output_ids) == s.params.max_tokens for s in sequences)
    assert scheduler.blocks.num_free == blocks
