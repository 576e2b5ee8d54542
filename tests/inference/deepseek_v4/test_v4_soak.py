"""Lengths, priorities, cancels and preemptions at once: no block is lost, no answer changes."""

from pathlib import Path

import pytest
from engine_helpers import greedy, small_engine
from soaking import soak
from tiny_v4 import TINY, make_tiny_v4

from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import BATCH, Status

EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]


@pytest.mark.parametrize(("seed", "guesses"), [(1, 0), (2, 4)])
def test_a_soak_changes_no_answer_and_loses_no_block(
    tmp_path: Path, seed: int, guesses: int
) -> None:
    make_tiny_v4(tmp_path)
    soak(tmp_path, seed, guesses)


def test_interactive_requests_go_before_those_of_batches(tmp_path: Path) -> None:
    make_tiny_v4(tmp_path)
    engine = small_engine(tmp_path, block_size=8, limits=SchedulerLimits(max_batch=2))
    batch = [greedy([5, 6, 7 + n], 30, EXPERTS) for n in range(4)]
    for sequence in batch:
        sequence.priority = BATCH
        engine.add(sequence)
    for _ in range(5):
        engine.step()
    urgent = [greedy([9, 8, n], 5, EXPERTS) for n in range(2)]
    for sequence in urgent:
        engine.add(sequence)
    for _ in range(6):
        engine.step()
    assert all(one.status is Status.FINISHED for one in urgent)
    assert not any(one.status is Status.FINISHED for one in batch)
    assert [one.preemptions for one in batch] == [1, 1, 0, 0]
    while engine.has_work:
        engine.step()
    assert all(len(one.output_ids) == 30 for one in batch)
    engine.blocks.check()
