"""Lengths, priorities, cancels and preemptions at once: no block is lost, no answer changes."""

import random
from pathlib import Path

import pytest
from engine_helpers import greedy, run_all, small_engine
from tiny_v4 import TINY, make_tiny_v4

from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import BATCH, INTERACTIVE, Sequence, Status

EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]


def _prompts(draw: random.Random) -> list[list[int]]:
    """Some begin as others do, as conversations and system prompts."""
    starts = [[draw.randrange(97) for _ in range(50)] for _ in range(2)]
    return [
        draw.choice(starts)[: draw.randrange(1, 51)]
        + [draw.randrange(97) for _ in range(draw.randrange(1, 20))]
        for _ in range(16)
    ]


@pytest.mark.parametrize(("seed", "guesses"), [(1, 0), (2, 4)])
def test_a_soak_changes_no_answer_and_loses_no_block(
    tmp_path: Path, seed: int, guesses: int
) -> None:
    draw = random.Random(seed)
    make_tiny_v4(tmp_path)
    alone = small_engine(tmp_path, block_size=8, kv_blocks=64, prefix_cache=False)
    engine = small_engine(
        tmp_path,
        block_size=8,
        kv_blocks=17,
        snapshots=16,
        guesses=guesses,
        limits=SchedulerLimits(max_batch=4, max_prefill_tokens=24, max_mixed_tokens=9),
    )
    going: list[Sequence] = []
    for prompt in _prompts(draw):
        sequence = greedy(prompt, draw.randrange(1, 41), EXPERTS - draw.randrange(2))
        sequence.priority = draw.choice([INTERACTIVE, BATCH])
        sequence.salt = draw.choice([b"", b"one"])
        engine.add(sequence)
        going.append(sequence)
        for _ in range(draw.randrange(4)):
            engine.step()
        if draw.random() < 0.2:
            engine.cancel(draw.choice(going))
    while engine.has_work:
        engine.step()
    engine.blocks.check()
    assert sum(one.preemptions for one in going) > 0
    assert sum(one.num_cached for one in going) > 0
    cancelled = [one for one in going if one.finish_reason == "cancelled"]
    assert cancelled
    for one in going:
        assert one.status is Status.FINISHED
        again = greedy(one.prompt_ids, one.params.max_tokens, one.num_experts)
        expected = run_all(alone, again)[0]
        assert one.output_ids == expected[: len(one.output_ids)]
        assert one in cancelled or len(one.output_ids) == len(expected)


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
