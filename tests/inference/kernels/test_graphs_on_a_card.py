"""Decode steps captured as CUDA graphs: the same tokens as steps that are launched one by one."""

from pathlib import Path

import pytest
import torch
from engine_helpers import run_all, small_engine
from tiny_models import make_tiny
from tiny_v4 import make_tiny_v4

from inference.engine.engine import Engine
from inference.engine.kernel_drawing import KernelDraw
from inference.engine.loading import EngineOptions, Graphs, make_plan
from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import Sequence
from inference.sampling_params import SamplingParams

LIMITS = SchedulerLimits(max_batch=5, max_prefill_tokens=24, max_mixed_tokens=9)


def engine_of(directory: Path, graphs: Graphs) -> Engine:
    # Few blocks: sequences give theirs up to others and are computed again.
    return small_engine(
        directory, device="cuda", block_size=8, kv_blocks=10, limits=LIMITS, graphs=graphs
    )


def sequences(experts: int) -> list[Sequence]:
    return [
        Sequence(
            [3 + at] * (2 + 3 * at),
            SamplingParams(
                max_tokens=14 + at, temperature=0.8 * (at % 2), top_p=0.9, seed=at, ignore_eos=True
            ),
            experts - at % 2,
            frozenset(),
        )
        for at in range(7)
    ]


@pytest.mark.gpu
@pytest.mark.timeout(600)  # kernels are compiled
@pytest.mark.parametrize("kind", ["deepseek_v4", "deepseek_v3", "qwen3_moe"])
def test_graphs_change_no_token(tmp_path: Path, kind: str) -> None:
    make_tiny_v4(tmp_path) if kind == "deepseek_v4" else make_tiny(kind, tmp_path)
    plain, captured = engine_of(tmp_path, "off"), engine_of(tmp_path, "auto")
    steps = captured._runner.decode_steps
    assert steps is not None
    assert len(steps._graphs) == 4  # of 1, 2, 4 and 5 sequences
    assert isinstance(captured._drawn_by, KernelDraw)
    mine, theirs = (sequences(plain.config.num_experts_per_tok) for _ in range(2))
    assert run_all(captured, *mine) == run_all(plain, *theirs)
    assert sum(one.preemptions for one in mine) > 0
    assert steps.replayed > 20


@pytest.mark.gpu
@pytest.mark.timeout(600)
def test_graphs_take_no_more_memory_than_was_reserved(tmp_path: Path) -> None:
    make_tiny_v4(tmp_path)
    options = EngineOptions(device="cuda", block_size=8, kv_blocks=10, limits=LIMITS)
    reserved = make_plan(tmp_path, options).need.graphs
    runner = engine_of(tmp_path, "auto")._runner  # libraries have allotted what they need
    runner.decode_steps = None
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    before = torch.cuda.mem_get_info()[0]
    runner.prepare_decoding()
    assert before - torch.cuda.mem_get_info()[0] <= reserved
