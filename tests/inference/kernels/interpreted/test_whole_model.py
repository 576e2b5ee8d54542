"""A tiny DeepSeek-V4 in the engine, by either set of kernels, beside transformers and torch."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the engine's own helper modules

from engine_helpers import greedy, logits_of, small_engine
from tiny_v4 import TINY, make_tiny_v4

from inference.engine.engine import Engine
from inference.kernels.cuda.tuning import overriding
from inference.quantization import fp8_block, mxfp4

# One layer of each kind, both routers and a draft; each launch is slow in Python, so few
# iterations, and a window and a choice that a short prompt passes.
SIZES = {
    **TINY,
    "num_hidden_layers": 3,
    "hc_sinkhorn_iters": 2,
    "sliding_window": 4,
    "index_topk": 1,
}
SETS = ("triton", "ascend")
EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
IDS = [3, 10, 31, 66, 18, 81, 40, 7, 7, 90]
# As few programs as do; that more give the same is for each kernel's own tests.
FEW_PROGRAMS = {
    "hyper_connections_pre": {"BLOCK_T": 16, "BLOCK_K": 256},
    "hyper_connections_head": {"SPLITS": 1, "BLOCK_T": 16, "BLOCK_K": 256},
    "router": {"SLICES": 1, "PRECISION": "ieee", "BLOCK_M": 16, "BLOCK_N": 16, "BLOCK_K": 64},
    "sparse_attention": {"SPLITS": 1, "BLOCK_H": 16, "BLOCK_N": 16},
    "sparse_attention_fp8": {"SPLITS": 1, "BLOCK_H": 16, "BLOCK_N": 16},
}


@pytest.fixture(scope="module", autouse=True)
def _few_programs() -> Iterator[None]:
    with ExitStack() as stack:
        for name, entry in FEW_PROGRAMS.items():
            stack.enter_context(overriding(name, entry))
        yield


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    directory = tmp_path_factory.mktemp("v4")
    return directory, make_tiny_v4(directory, drafts=True, sizes=SIZES)


def _engine(directory: Path, kernels: str, **options: Any) -> Engine:
    return small_engine(directory, block_size=8, kernels=kernels, **options)


@pytest.mark.parametrize("kernels", SETS)
def test_logits_equal_those_of_transformers(v4: tuple[Path, Any], kernels: str) -> None:
    ours = logits_of(_engine(v4[0], kernels), IDS, [9, 1], EXPERTS)
    with torch.inference_mode():
        theirs = v4[1](torch.tensor([IDS])).logits[0, 8:]
    assert (ours - theirs).abs().max() <= 2e-5


@pytest.mark.parametrize("kernels", SETS)
def test_narrow_keys_budgets_and_drafts_give_the_same_tokens_and_guesses(
    v4: tuple[Path, Any], kernels: str
) -> None:
    def answers(kernels: str) -> list[list[int]]:
        engine = _engine(v4[0], kernels, kv_dtype="fp8", guesses=2)
        sequences = [greedy(IDS[:2], 2, 2), greedy(IDS[:8], 2, EXPERTS)]
        for sequence in sequences:
            engine.add(sequence)
        seen = []
        while engine.has_work:
            engine.step()
            seen += [list(sequence.draft) for sequence in sequences]
        return [*(sequence.output_ids for sequence in sequences), *seen]

    found = answers(kernels)
    assert found == answers("reference")
    assert any(len(guesses) == 2 for guesses in found)


@pytest.mark.parametrize("kernels", SETS)
def test_weights_and_keys_in_few_bits_give_logits_as_near_as_bfloat16_is(
    v4: tuple[Path, Any], tmp_path: Path, kernels: str
) -> None:
    weights = load_file(v4[0] / "model.safetensors")
    for name, weight in weights.items():  # numbers that MXFP4 and FP8 have
        if ".experts." in name or ".shared_experts." in name:
            weights[name] = mxfp4.unpack(*mxfp4.pack(weight))
        elif name.endswith(".wo_a.weight"):
            weights[name] = fp8_block.unpack(*fp8_block.pack(weight))
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((v4[0] / "config.json").read_text())

    def logits(kernels: str, **options: Any) -> torch.Tensor:
        engine = _engine(tmp_path, kernels, kv_dtype="fp8-mxfp4", **options)
        return logits_of(engine, IDS, [9, 1], EXPERTS)

    exact = logits("reference")
    plain = logits("reference", dtype="bfloat16")
    ours = logits(kernels, dtype="bfloat16", weights="mxfp4")
    assert (ours - exact).norm() <= 1.5 * (plain - exact).norm()
