"""DeepSeek-V4 against transformers' own, and against itself however the work is cut."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import greedy, logits_of, run_all, small_engine
from tiny_v4 import KINDS, RATES, TINY, TOPK, WINDOW, make_tiny_v4

from inference.engine.engine import Engine
from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import Sequence
from inference.model_config_deepseek_v4 import DeepseekV4Config

TOLERANCE = 2e-5
EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
CSA, HCA = RATES["csa"], RATES["hca"]
# Around every window's edge, past the sliding window, and past what the indexer chooses from.
LENGTHS = [1, 3, 4, 5, HCA - 1, HCA, HCA + 1, 2 * HCA + 3, WINDOW + 1, 4 * TOPK * CSA + 7, 150]
_DRAW = random.Random(5)
IDS = [_DRAW.randrange(TINY["vocab_size"]) for _ in range(200)]

Tiny = tuple[Path, Any]


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    directory = tmp_path_factory.mktemp("v4")
    return directory, make_tiny_v4(directory)


@pytest.fixture(params=["native", "packed"])
def kernels(request: pytest.FixtureRequest) -> str:
    """Whole steps in C, and torch operator by operator."""
    return request.param


def engine_for(v4: Tiny, kernels: str, **options: Any) -> Engine:
    engine = small_engine(
        v4[0], **{"block_size": 8, "kv_blocks": 64, "kernels": kernels, **options}
    )
    model: Any = engine._runner.model
    assert (model.fused is not None) == (kernels == "native")
    return engine


def oracle_logits(v4: Tiny, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return v4[1](torch.tensor([ids])).logits[0]


def test_every_kind_of_layer_and_both_routers_are_there(v4: Tiny) -> None:
    config = engine_for(v4, "packed").config
    assert isinstance(config, DeepseekV4Config)
    assert set(KINDS) == {"sliding", "csa", "hca"}
    assert config.layers == tuple(KINDS)
    assert 0 < len(config.hash_layers) < config.num_layers
    assert config.yarn is not None
    assert max(LENGTHS) > WINDOW
    assert max(LENGTHS) // CSA > 4 * TOPK


@pytest.mark.parametrize("kernels", ["native", "packed", "reference"])
@pytest.mark.parametrize("length", LENGTHS)
def test_logits_equal_those_of_transformers(v4: Tiny, length: int, kernels: str) -> None:
    engine = engine_for(v4, kernels)
    ours = logits_of(engine, IDS, [length], EXPERTS)[0]
    theirs = oracle_logits(v4, IDS[:length])[-1]
    assert (ours - theirs).abs().max() <= TOLERANCE
    assert ours.argmax() == theirs.argmax()


@pytest.mark.parametrize("seed", range(4))
def test_logits_do_not_depend_on_how_the_prompt_is_cut(v4: Tiny, kernels: str, seed: int) -> None:
    draw = random.Random(seed)
    chunks: list[int] = []
    while sum(chunks) < 150:
        chunks.append(draw.choice([1, 1, 2, 3, 5, 8, 9, 16, 24, 40]))
    ours = logits_of(engine_for(v4, kernels), IDS, chunks, EXPERTS)
    ends = torch.tensor(chunks).cumsum(0) - 1
    assert (ours - oracle_logits(v4, IDS)[ends]).abs().max() <= TOLERANCE


def test_token_by_token_equals_the_whole(v4: Tiny, kernels: str) -> None:
    ours = logits_of(engine_for(v4, kernels), IDS, [1] * 150, EXPERTS)
    assert (ours - oracle_logits(v4, IDS[:150])).abs().max() <= TOLERANCE


def expected(v4: Tiny, prompt: list[int], count: int) -> list[int]:
    with torch.inference_mode():
        whole = v4[1].generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            eos_token_id=None,
        )
    return whole[0, len(prompt) :].tolist()


PROMPTS = [IDS[:5], IDS[3:14], IDS[9:60], IDS[100:101], IDS[20:120]]


@pytest.fixture(scope="module")
def answers(v4: Tiny) -> list[list[int]]:
    return [expected(v4, prompt, 30) for prompt in PROMPTS]


def sequences(**options: Any) -> list[Sequence]:
    return [greedy(prompt, 30, EXPERTS, **options) for prompt in PROMPTS]


def test_greedy_answers_equal_those_of_transformers(
    v4: Tiny, answers: list[list[int]], kernels: str
) -> None:
    engine = engine_for(v4, kernels)
    assert [run_all(engine, one)[0] for one in sequences()] == answers
    assert run_all(engine, *sequences()) == answers  # in one batch, on cached prefixes
    engine.blocks.check()


def test_answers_survive_preemption(v4: Tiny, answers: list[list[int]], kernels: str) -> None:
    limits = SchedulerLimits(max_prefill_tokens=6, max_mixed_tokens=3)
    for options in ({"prefix_cache": False}, {"prefix_cache": True, "snapshots": 3}):
        engine = engine_for(v4, kernels, kv_blocks=19, limits=limits, **options)
        several = sequences()
        assert run_all(engine, *several) == answers
        assert sum(one.preemptions for one in several) > 0
        engine.blocks.check()


def test_a_prefix_is_computed_once(v4: Tiny, kernels: str) -> None:
    engine = engine_for(v4, kernels)
    first = greedy(IDS[:100], 10, EXPERTS)
    run_all(engine, first)
    computed = engine.stats.computed_tokens
    second = greedy([*IDS[:100], *first.output_ids, 7, 8, 9], 10, EXPERTS)
    assert run_all(engine, second)[0] == expected(v4, second.prompt_ids, 10)
    assert second.num_cached == 104  # whole blocks of 8 of the 110 tokens before
    assert engine.stats.computed_tokens - computed == len(second.prompt_ids) - 104 + 9


def test_prefixes_are_not_shared_beyond_salt_budget_and_snapshots(v4: Tiny) -> None:
    engine = engine_for(v4, "native", snapshots=2)
    run_all(engine, greedy(IDS[:40], 1, EXPERTS))
    salted, poorer = greedy(IDS[:40], 1, EXPERTS), greedy(IDS[:40], 1, EXPERTS - 1)
    salted.salt = b"another tenant"
    run_all(engine, salted, poorer)
    assert (salted.num_cached, poorer.num_cached) == (0, 0)
    again = greedy(IDS[:40], 1, EXPERTS)
    run_all(engine, again)
    assert again.num_cached == 0  # two later snapshots have taken the place of its own


class Oracle:
    """Guesses what will be drawn, wrong at every third place."""

    def __init__(self, answers: list[list[int]]) -> None:
        self._answers = answers

    def __call__(self, sequence: Sequence) -> list[int]:
        answer = self._answers[PROMPTS.index(sequence.prompt_ids)]
        done = len(sequence.output_ids)
        return [
            token if at % 3 else (token + 1) % TINY["vocab_size"]
            for at, token in enumerate(answer[done : done + 5], done)
        ][: 30 - done - 1]


def test_answers_are_the_same_with_right_and_wrong_guesses(
    v4: Tiny, answers: list[list[int]], kernels: str
) -> None:
    engine = engine_for(v4, kernels)
    engine.scheduler._guess = Oracle(answers)
    assert run_all(engine, *sequences()) == answers
    assert 0 < engine.stats.accepted_tokens < engine.stats.guessed_tokens
    assert engine.stats.steps < 30
    engine.blocks.check()


def test_seeded_draws_are_the_same_with_guesses(v4: Tiny, kernels: str) -> None:
    def drawn(**options: Any) -> list[list[int]]:
        several = sequences()
        for one in several:
            one.params = greedy([1], 30, EXPERTS, seed=11).params.__class__(
                max_tokens=30, temperature=1.2, seed=11, ignore_eos=True, repetition_penalty=1.1
            )
            one.__post_init__()
        return run_all(engine_for(v4, kernels, **options), *several)

    assert drawn() == drawn(guesses=5) == drawn(prefix_cache=False)


def test_budgets_differ_within_a_batch(v4: Tiny, kernels: str) -> None:
    engine = engine_for(v4, kernels)
    budgets = [2, 3, 5, TINY["n_routed_experts"] + 1]
    alone = [run_all(engine, greedy(IDS[:20], 12, k))[0] for k in budgets]
    assert run_all(engine, *[greedy(IDS[:20], 12, k) for k in budgets]) == alone
    assert len({tuple(one) for one in alone}) > 1
