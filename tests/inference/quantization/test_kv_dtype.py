"""DeepSeek-V4's cache in few bits: the published sizes, and the same answers by any cut."""

from pathlib import Path

import pytest
import torch
from engine_helpers import greedy, logits_of, run_all, small_engine
from published_v4 import published
from tiny_v4 import make_tiny_v4

from inference.engine.engine import Engine
from inference.models.deepseek_v4 import DeepseekV4Cache
from inference.models.deepseek_v4.cache import KvDtype

MILLION, GIB = 1 << 20, 1 << 30


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("v4")
    make_tiny_v4(directory)
    return directory


@pytest.mark.parametrize(
    ("name", "kv_dtype", "gib"),
    [
        ("flash", "fp8", 3.76),
        ("pro", "fp8", 5.38),
        ("flash", "fp8-mxfp4", 3.43),
        ("pro", "fp8-mxfp4", 4.91),
    ],
)
def test_a_million_tokens_take_what_is_published(name: str, kv_dtype: KvDtype, gib: float) -> None:
    meta = torch.device("meta")
    made = DeepseekV4Cache(
        published(name), MILLION // 256, 256, 1, meta, torch.bfloat16, kv_dtype=kv_dtype
    )
    assert round(made.block_bytes / GIB, 2) == gib
    # What fills pages up to a multiple of 576 comes on top, and is little.
    assert made.block_bytes < made.allocated_block_bytes < 1.002 * made.block_bytes


def engine(directory: Path, kv_dtype: KvDtype) -> Engine:
    return small_engine(directory, kernels="reference", kv_dtype=kv_dtype)


@pytest.mark.parametrize(("kv_dtype", "worst"), [("fp8", 0.05), ("fp8-mxfp4", 0.15)])
def test_logits_are_near_and_no_cut_changes_them(
    tiny: Path, kv_dtype: KvDtype, worst: float
) -> None:
    ids = [(7 * at * at + 3 * at) % 97 for at in range(60)]
    exact = logits_of(engine(tiny, "auto"), ids, [60], 3)[0]
    narrow = engine(tiny, kv_dtype)
    whole = logits_of(narrow, ids, [60], 3)[0]
    off = (whole - exact).norm() / exact.norm()
    assert 0 < off < worst
    for cut in ([33, 27], [1] * 60, [8, 40, 12]):
        assert torch.allclose(logits_of(narrow, ids, cut, 3)[-1], whole, atol=2e-5)


def test_prefixes_and_batches(tiny: Path) -> None:
    prompts = [[(5 * at + start) % 97 for at in range(43)] for start in (1, 2, 1)]
    alone = [run_all(engine(tiny, "fp8"), greedy(ids, 12, 3))[0] for ids in prompts]
    together = engine(tiny, "fp8")
    assert run_all(together, *(greedy(ids, 12, 3) for ids in prompts)) == alone
    assert run_all(together, greedy(prompts[0], 12, 3))[0] == alone[0]
    assert together.stats.cached_tokens > 0
