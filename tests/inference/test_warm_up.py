"""A warm-up changes no answer: what it leaves in the cache is written anew."""

from pathlib import Path

from engine_helpers import greedy, run_all, small_engine
from tiny_v4 import TINY, make_tiny_v4

from inference.engine.scheduler import SchedulerLimits
from inference.engine.warm_up import warm_up

EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
LIMITS = SchedulerLimits(max_batch=3, max_prefill_tokens=20, max_mixed_tokens=20)


def test_a_warm_up_changes_no_answer(tmp_path: Path) -> None:
    make_tiny_v4(tmp_path)  # with a running state beside the blocks
    cold, warm = (
        small_engine(tmp_path, block_size=8, kv_blocks=16, limits=LIMITS, kernels="reference")
        for _ in range(2)
    )
    # Batches of 1, 2 and 3 tokens, prompts of 2, 4, 8, 16 and 20: at the beginning, and at the end
    # of 32, 64 and 128 positions, where some entries are chosen; at the beginning once more, with
    # fewer experts.
    assert warm_up(warm._runner, LIMITS, EXPERTS) == 8 * 5
    prompts = ([5] * 3, [7, 9, 60], list(range(25)))
    answers = [
        run_all(engine, *(greedy(prompt, 6, EXPERTS) for prompt in prompts))
        for engine in (cold, warm)
    ]
    assert answers[0] == answers[1]
