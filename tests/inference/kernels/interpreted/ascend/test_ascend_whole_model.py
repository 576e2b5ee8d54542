"""A tiny DeepSeek-V4 in the engine, by the NPU's kernels, beside transformers."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[3]))  # for the engine's own helper modules

from engine_helpers import greedy, logits_of, run_all, small_engine
from tiny_v4 import TINY, make_tiny_v4

from inference.engine.engine import Engine

# One layer of each kind and both routers; each launch is slow in Python.
SIZES = {
    **TINY,
    "num_hidden_layers": 3,
    "hc_sinkhorn_iters": 2,
    "sliding_window": 4,
    "index_topk": 1,
}
EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
IDS = [3, 10, 31, 66, 18, 81, 40, 7, 7, 90]


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    directory = tmp_path_factory.mktemp("v4")
    return directory, make_tiny_v4(directory, sizes=SIZES)


def _engine(directory: Path, kernels: str) -> Engine:
    return small_engine(directory, block_size=8, kernels=kernels)


def test_logits_equal_those_of_transformers(v4: tuple[Path, Any]) -> None:
    ours = logits_of(_engine(v4[0], "ascend"), IDS, [9, 1], EXPERTS)
    with torch.inference_mode():
        theirs = v4[1](torch.tensor([IDS])).logits[0, 8:]
    assert (ours - theirs).abs().max() <= 2e-5


def test_budgets_that_differ_give_the_same_tokens(v4: tuple[Path, Any]) -> None:
    found, expected = (
        run_all(_engine(v4[0], kernels), greedy(IDS[:2], 2, 2), greedy(IDS[:3], 2, EXPERTS))
        for kernels in ("ascend", "reference")
    )
    assert found == expected
