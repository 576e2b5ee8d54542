"""DeepSeek-V4's steps in C: every build and format, odd sizes, neighbours, budgets."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import greedy, logits_of, run_all, small_engine, vectors
from tiny_v4 import TINY, Sizes, make_tiny_v4, published_config

from inference.engine.engine import Engine
from inference.engine.sequence import Sequence
from inference.kernels.cpu import native_backends
from inference.kernels.cpu.native_v4 import runs_in_c
from inference.kernels.registry import choose_kernels
from inference.model_config_deepseek_v4 import parse_deepseek_v4

TOLERANCE = 2e-5
EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
_DRAW = random.Random(8)
IDS = [_DRAW.randrange(TINY["vocab_size"]) for _ in range(1060)]
CUTS = ([90], [1] * 90, [37, 1, 1, 40, 11])

# More heads than stand side by side, widths that are no multiples of registers, many experts.
ODD: Sizes = {
    **TINY,
    "hidden_size": 44,
    "moe_intermediate_size": 20,
    "num_attention_heads": 18,
    "head_dim": 48,
    "qk_rope_head_dim": 12,
    "q_lora_rank": 37,
    "n_routed_experts": 37,
    "num_experts_per_tok": 5,
    "o_groups": 3,
    "o_lora_rank": 11,
    "index_n_heads": 21,
    "index_head_dim": 32,
    "index_topk": 7,
    "max_position_embeddings": 2048,
}

Tiny = tuple[Path, Any]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    directory = tmp_path_factory.mktemp("v4-native")
    return directory, make_tiny_v4(directory)


def native(tiny: Tiny, **options: Any) -> Engine:
    return small_engine(
        tiny[0], **{"block_size": 8, "kv_blocks": 200, "kernels": "native", **options}
    )


def model_of(engine: Engine) -> Any:
    return engine._runner.model


@pytest.mark.parametrize("backend", native_backends())
def test_every_build_gives_the_logits_of_transformers(
    tiny: Tiny, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.kernels.registry.native_backends", lambda: [backend])
    engine = native(tiny)
    with torch.inference_mode():
        theirs = tiny[1](torch.tensor([IDS[:90]])).logits[0]
    for cut in CUTS:
        ends = torch.tensor(cut).cumsum(0) - 1
        error = logits_of(engine, IDS, cut, EXPERTS) - theirs[ends]
        assert error.abs().max() <= TOLERANCE


def test_odd_sizes_give_the_logits_of_transformers_and_long_prompts_those_of_torch(
    tmp_path: Path,
) -> None:
    """The longest has more entries than one thread scores at a time."""
    theirs = make_tiny_v4(tmp_path, sizes=ODD)
    engine, plain = (
        small_engine(tmp_path, block_size=16, kv_blocks=70, kernels=kernels)
        for kernels in ("native", "reference")
    )
    with torch.inference_mode():
        short = theirs(torch.tensor([IDS[:29]])).logits[0, -1]
    assert (logits_of(engine, IDS, [27, 1, 1], 6)[-1] - short).abs().max() <= TOLERANCE
    long = logits_of(plain, IDS, [len(IDS)], 6)[-1]
    assert (logits_of(engine, IDS, [len(IDS) - 2, 1, 1], 6)[-1] - long).abs().max() <= TOLERANCE


@pytest.mark.parametrize(
    ("weights", "dtype"),
    [
        ("float32", "float32"),
        ("int8", "float32"),
        ("int4", "float32"),
        ("bfloat16", "bfloat16"),
        ("int8", "bfloat16"),
    ],
)
def test_answers_are_the_same_bytes_by_any_cut_batch_and_threads(
    tiny: Tiny, weights: str, dtype: str
) -> None:
    engines = [native(tiny, weights=weights, dtype=dtype, threads=n) for n in (1, 2)]
    whole = logits_of(engines[0], IDS, [70], EXPERTS)[-1]
    assert whole.isfinite().all()
    for cut in ([1] * 70, [37, 1, 1, 31]):
        assert torch.equal(logits_of(engines[1], IDS, cut, EXPERTS)[-1], whole)
    prompts = [IDS[n : 4 * n + 1] for n in range(6)]
    alone = [run_all(engines[0], greedy(p, 8, EXPERTS))[0] for p in prompts]
    assert run_all(engines[1], *[greedy(p, 8, EXPERTS) for p in prompts]) == alone


@pytest.fixture(scope="module")
def smooth(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """One that chooses nothing, so that small errors stay small."""
    directory = tmp_path_factory.mktemp("v4-smooth")
    sizes = {**TINY, "n_routed_experts": TINY["num_experts_per_tok"], "index_topk": 64}
    return directory, make_tiny_v4(directory, sizes=sizes)


@pytest.mark.parametrize(
    ("weights", "most"), [("float32", 1e-5), ("bfloat16", 0.03), ("int8", 0.1), ("int4", 0.6)]
)
def test_narrow_weights_err_as_much_as_the_same_linears_in_torch(
    smooth: Tiny, weights: str, most: float
) -> None:
    with torch.inference_mode():
        exact = smooth[1](torch.tensor([IDS[:60]])).logits[0]
    engine, errors = native(smooth, weights=weights), []
    for _ in range(2):
        ours = logits_of(engine, IDS, [1] * 60, EXPERTS)
        errors.append(float((ours - exact).square().mean().sqrt() / exact.std()))
        model_of(engine).fused = None  # the second time in torch
    assert errors[0] < most
    assert errors[0] < 1.5 * errors[1]


def _some(mass: bool) -> list[Sequence]:
    """Rows of all budgets, those of half of them with an expert mass."""
    several = [greedy(IDS[n : n + 30], 15, 2 + n % 6) for n in range(12)]
    for sequence in several[::2] if mass else []:
        sequence.expert_mass = 0.6
    return several


@pytest.mark.parametrize("mass", [False, True])
def test_rows_keep_their_budgets_and_are_counted_as_in_torch(tiny: Tiny, mass: bool) -> None:
    counted, answers = [], []
    for kernels in ("native", "reference"):
        several = _some(mass)
        engine = small_engine(tiny[0], block_size=8, kernels=kernels)
        answers.append(run_all(engine, *several))
        counted.append([one.active_experts for one in several])
    assert answers[0] == answers[1]
    assert counted[0] == counted[1]
    apart = [run_all(native(tiny), one)[0] for one in _some(mass)]
    assert answers[0] == apart


def test_states_of_texts_are_those_of_torch(tiny: Tiny) -> None:
    ours, theirs = (
        vectors(small_engine(tiny[0], block_size=8, kernels=kernels), [IDS[:60]])[0].vector
        for kernels in ("native", "reference")
    )
    assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=TOLERANCE)


def test_a_model_of_other_sizes_runs_in_torch(tmp_path: Path) -> None:
    sizes: Sizes = {**TINY, "index_head_dim": 24}
    theirs = make_tiny_v4(tmp_path, sizes=sizes)
    engine = small_engine(tmp_path, block_size=8, kv_blocks=200, kernels="native")
    assert model_of(engine).fused is None
    ours = logits_of(engine, IDS[:50], [50], EXPERTS)[0]
    with torch.inference_mode():
        expected = theirs(torch.tensor([IDS[:50]])).logits[0, -1]
    assert (ours - expected).abs().max() <= TOLERANCE


def test_published_sizes_run_in_c_and_are_chosen() -> None:
    flash: Sizes = {
        **TINY,
        "hidden_size": 4096,
        "num_attention_heads": 64,
        "head_dim": 512,
        "qk_rope_head_dim": 64,
        "o_groups": 8,
        "index_n_heads": 64,
        "index_head_dim": 128,
        "n_routed_experts": 256,
    }
    config = parse_deepseek_v4(published_config(flash))
    assert runs_in_c(config, torch.bfloat16)
    assert not runs_in_c(config, torch.float16)
    chosen = choose_kernels(torch.device("cpu"), torch.bfloat16, model="deepseek_v4")
    assert "Whole steps" in chosen.choices[0]
