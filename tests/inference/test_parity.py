"""Our engine against transformers on tiny random checkpoints, and against itself."""

from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import greedy, logits_of, run_all, small_engine

from inference.engine.scheduler import SchedulerLimits

IDS = [3, 141, 59, 26, 53, 58, 97, 93, 23, 84, 62, 64, 33, 83, 27, 95, 2, 88, 41, 97, 16, 93]
TOLERANCE = 2e-5

Tiny = tuple[Path, Any]


@pytest.mark.parametrize("kernels", ["auto", "reference"])
def test_logits_equal_those_of_transformers(tiny: Tiny, kernels: str) -> None:
    directory, oracle = tiny
    engine = small_engine(directory, kernels=kernels)
    ours = logits_of(engine, IDS, [1] * len(IDS), engine.config.num_experts_per_tok)
    with torch.inference_mode():
        theirs = oracle(torch.tensor([IDS])).logits[0]
    assert (ours - theirs).abs().max() <= TOLERANCE


def test_greedy_answers_equal_those_of_transformers(tiny: Tiny) -> None:
    directory, oracle = tiny
    engine = small_engine(directory)
    prompts = [IDS[:5], IDS[3:14], IDS[9:10]]
    sequences = [greedy(p, 24, engine.config.num_experts_per_tok) for p in prompts]
    for prompt, answer in zip(prompts, run_all(engine, *sequences), strict=True):
        with torch.inference_mode():
            whole = oracle.generate(
                torch.tensor([prompt]),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                max_new_tokens=24,
                min_new_tokens=24,
                do_sample=False,
                eos_token_id=None,
            )
        assert answer == whole[0, len(prompt) :].tolist()


@pytest.mark.parametrize("chunks", [[22], [11, 11], [1, 20, 1], [4, 4, 4, 4, 4, 2], [3, 1, 18]])
def test_logits_do_not_depend_on_how_the_prompt_is_cut(tiny: Tiny, chunks: list[int]) -> None:
    engine = small_engine(tiny[0])
    experts = engine.config.num_experts_per_tok
    whole = logits_of(engine, IDS, [1] * len(IDS), experts)[-1]
    assert (logits_of(engine, IDS, chunks, experts)[-1] - whole).abs().max() <= TOLERANCE


def test_answers_do_not_depend_on_the_batch(tiny: Tiny) -> None:
    engine = small_engine(tiny[0])
    experts = engine.config.num_experts_per_tok
    prompts = [IDS[: n + 1] for n in range(9)]
    alone = [run_all(engine, greedy(p, 12, experts))[0] for p in prompts]
    together = run_all(engine, *[greedy(p, 12, experts) for p in prompts])
    assert together == alone


def test_answers_survive_preemption(tiny: Tiny) -> None:
    roomy = small_engine(tiny[0])
    experts = roomy.config.num_experts_per_tok
    prompts = [IDS[: 4 + n] for n in range(5)]
    expected = run_all(roomy, *[greedy(p, 20, experts) for p in prompts])
    tight = small_engine(tiny[0], kv_blocks=14, limits=SchedulerLimits(max_prefill_tokens=6))
    sequences = [greedy(p, 20, experts) for p in prompts]
    assert run_all(tight, *sequences) == expected
    assert sum(s.preemptions for s in sequences) > 0
    assert tight.blocks.num_free == 14


def test_rows_with_different_budgets_share_a_batch(tiny: Tiny) -> None:
    engine = small_engine(tiny[0])
    most = engine.config.num_experts
    budgets = [min(engine.config.min_experts_per_tok, most), most]
    alone = [run_all(engine, greedy(IDS[:6], 10, k))[0] for k in budgets]
    assert run_all(engine, *[greedy(IDS[:6], 10, k) for k in budgets]) == alone


@pytest.mark.gpu
def test_logits_on_cuda_equal_those_of_transformers(tiny: Tiny) -> None:
    directory, oracle = tiny
    engine = small_engine(directory, device="cuda")
    ours = logits_of(engine, IDS, [11, 11], engine.config.num_experts_per_tok)[-1].cpu()
    with torch.inference_mode():
        theirs = oracle(torch.tensor([IDS])).logits[0, -1]
    assert (ours - theirs).abs().max() <= 1e-3
