"""Lengths, priorities, cancels and preemptions at once, on any checkpoint."""

import random
from pathlib import Path

from engine_helpers import greedy, run_all, small_engine

from inference.engine.engine import Engine
from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import BATCH, INTERACTIVE, Sequence, Status


def prompts(draw: random.Random) -> list[list[int]]:
    """Some begin as others do, as conversations and system prompts."""
    starts = [[draw.randrange(97) for _ in range(50)] for _ in range(2)]
    return [
        draw.choice(starts)[: draw.randrange(1, 51)]
        + [draw.randrange(97) for _ in range(draw.randrange(1, 20))]
        for _ in range(16)
    ]


def soak(directory: Path, seed: int, guesses: int) -> Engine:
    """Runs a random load; no answer may differ from that of its request alone."""
    draw = random.Random(seed)
    alone = small_engine(directory, block_size=8, kv_blocks=64, prefix_cache=False)
    most = alone.config.num_experts_per_tok
    engine = small_engine(
        directory,
        block_size=8,
        kv_blocks=17,
        snapshots=16,
        guesses=guesses,
        limits=SchedulerLimits(max_batch=4, max_prefill_tokens=24, max_mixed_tokens=9),
    )
    going: list[Sequence] = []
    for prompt in prompts(draw):
        sequence = greedy(prompt, draw.randrange(1, 41), max(0, most - draw.randrange(2)))
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
    return engine
