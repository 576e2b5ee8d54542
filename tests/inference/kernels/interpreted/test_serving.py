"""What serving on an accelerator runs: decode steps that ask nothing, and tokens by the kernel."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the engine's own helper modules

from asking import Unasked
from engine_helpers import greedy, run_all, small_engine
from tiny_models import make_tiny
from tiny_v4 import TINY, make_tiny_v4
from torch.utils._python_dispatch import _disable_current_modes

from inference.engine.drawing import draw
from inference.engine.graphs import why_not
from inference.engine.kernel_drawing import KernelDraw
from inference.engine.sampler import sample
from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import Sequence
from inference.engine.static_step import StaticStep
from inference.engine.warm_up import warm_up
from inference.kernels.cuda.kernel_set import CudaKernels
from inference.kernels.interface import Linear
from inference.models.deepseek_v4.cache import KvDtype
from inference.sampling_params import SamplingParams

# Few iterations and layers, each is slow in Python; a choice that a short prompt passes.
SIZES = {**TINY, "hc_sinkhorn_iters": 2, "sliding_window": 4, "index_topk": 1}
EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("v4")
    make_tiny_v4(directory, sizes=SIZES)
    return directory


@pytest.fixture
def launches_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter copies a launch's arguments; a device's launch does nothing of the kind."""
    from triton.runtime.interpreter import GridExecutor

    launch = GridExecutor.__call__

    def aside(self: Any, *arguments: Any, **options: Any) -> Any:
        with _disable_current_modes(), CPU:
            return launch(self, *arguments, **options)

    monkeypatch.setattr(GridExecutor, "__call__", aside)


@pytest.fixture
def modes(launches_aside: None, monkeypatch: pytest.MonkeyPatch) -> list[Unasked]:
    """One for each static step that ran, within which nothing was asked."""
    modes: list[Unasked] = []
    compute: Callable[[StaticStep], torch.Tensor] = StaticStep.compute

    def unasked(step: StaticStep) -> torch.Tensor:
        modes.append(Unasked())
        # What is made without saying where lies elsewhere, and mixes with nothing.
        with modes[-1], torch.device("meta"):
            return compute(step)

    monkeypatch.setattr(StaticStep, "compute", unasked)
    return modes


def noting(seen: list[int], linear: Linear, hidden: torch.Tensor) -> torch.Tensor:
    seen.append(len(hidden))
    return linear(hidden)


@pytest.mark.parametrize("kv_dtype", ["auto", "fp8-mxfp4"])
def test_a_decode_step_asks_the_device_nothing(
    v4: Path, modes: list[Unasked], kv_dtype: KvDtype
) -> None:
    limits = SchedulerLimits(max_batch=2)
    engine = small_engine(
        v4, block_size=8, kernels="triton", graphs="static", kv_dtype=kv_dtype, limits=limits
    )
    assert why_not(CudaKernels("bf16", "sm_90"), engine.config, guesses=0) == ""
    # Several processes put a sum in the place of attention's last linear.
    model: Any = engine._runner.model
    layers, summed = model.layers, list[int]()
    for layer in layers:
        inner = layer.attention.output
        layer.attention.output = partial(noting, summed, inner)
    # A prompt of one token is such a step too.
    steps, budgets = (2, (2, EXPERTS)) if kv_dtype == "auto" else (1, (EXPERTS,))
    sequences = [greedy([5], steps, budget) for budget in budgets]
    found = run_all(engine, *sequences)
    assert len(modes) == steps
    assert len(summed) == steps * len(layers)
    assert all(mode.seen > 100 for mode in modes)
    if kv_dtype == "auto":
        sequences = [greedy([5], steps, one.num_experts) for one in sequences]
        assert found == run_all(
            small_engine(v4, block_size=8, kernels="reference", limits=limits), *sequences
        )


@pytest.mark.parametrize("kind", ["qwen3_moe", "deepseek_v3"])
def test_other_models_ask_nothing_either(kind: str, tmp_path: Path, modes: list[Unasked]) -> None:
    directory, limits = make_tiny(kind, tmp_path)[0], SchedulerLimits(max_batch=2)
    engine = small_engine(directory, kernels="triton", graphs="static", limits=limits)
    assert why_not(CudaKernels("bf16", "sm_90"), engine.config, guesses=0) == ""
    usual = engine.config.num_experts_per_tok
    budgets = (usual, engine.config.min_experts_per_tok)
    found = run_all(engine, *(greedy([5], 2, budget) for budget in budgets))
    assert len(modes) == 2
    assert all(mode.seen > 100 for mode in modes)
    plain = small_engine(directory, kernels="reference", limits=limits)
    assert found == run_all(plain, *(greedy([5], 2, budget) for budget in budgets))


def test_nothing_is_compiled_once_a_worker_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Triton compiles a function for: its constants, and its arguments' types."""
    from triton.runtime.interpreter import GridExecutor

    launch, seen = GridExecutor.__call__, set[Any]()

    def noting(self: Any, *arguments: Any, **options: Any) -> Any:
        given = dict(zip(self.arg_names, arguments, strict=False)) | options
        for name, value in given.items():
            typed = value.dtype if isinstance(value, torch.Tensor) else type(value)
            seen.add((self.fn, name, value if name in self.constexprs else typed))
        return launch(self, *arguments, **options)

    monkeypatch.setattr(GridExecutor, "__call__", noting)
    limits = SchedulerLimits(max_batch=2, max_prefill_tokens=1, max_mixed_tokens=2)
    directory = make_tiny("qwen3_moe", tmp_path)[0]
    engine = small_engine(directory, kernels="triton", kv_blocks=2, block_size=2, limits=limits)
    usual = engine.config.num_experts_per_tok
    warm_up(engine._runner, limits, usual, engine._drawn_by)
    known = set(seen)
    for budgets in ((usual, usual - 1), (1,)):
        run_all(engine, *(greedy([5], 1, budget) for budget in budgets))
    assert seen == known
    assert len({function for function, _, _ in seen}) > 5


KINDS = [
    {"temperature": 0.0},
    {"temperature": 1.3, "seed": 1},
    {"temperature": 0.7, "top_p": 0.8, "seed": 2**64 + 5},
    {"top_k": 5, "seed": 2**63 + 1},
    {"temperature": 2.0, "min_p": 0.02, "seed": 4},
    {"top_p": 0.95, "top_k": 30, "min_p": 0.01, "seed": -5},
    {"seed": 6, "frequency_penalty": 0.7, "logit_bias": ((3, 2.0), (4, -100.0))},
    {"top_p": 0.9, "seed": 9, "loop_guard": 1},
]


def test_tokens_by_the_kernel_are_those_of_plain_torch(v4: Path) -> None:
    kernel = KernelDraw(CudaKernels("bf16", "sm_90"), CPU)
    answers = []
    for drawn_by in (draw, kernel):
        engine = small_engine(
            v4, block_size=8, kernels="reference", limits=SchedulerLimits(max_batch=6)
        )
        engine._drawn_by = drawn_by
        params = [SamplingParams(max_tokens=3, ignore_eos=True, **kind) for kind in KINDS]
        sequences = [
            Sequence([5, 6 + at], one, EXPERTS, frozenset()) for at, one in enumerate(params)
        ]
        answers.append(run_all(engine, *sequences))
    assert answers[0] == answers[1]
    assert len({tuple(answer) for answer in answers[0]}) == len(KINDS)


def test_an_engine_with_these_kernels_draws_with_them(v4: Path) -> None:
    engine = small_engine(v4, block_size=8, kernels="triton")
    assert isinstance(engine._drawn_by, KernelDraw)
    logits = torch.randn(3, 97, generator=torch.Generator().manual_seed(1))
    sequences = [Sequence([1], SamplingParams(seed=at), 0, frozenset()) for at in range(3)]
    again = [Sequence([1], SamplingParams(seed=at), 0, frozenset()) for at in range(3)]
    for _ in range(4):
        found = sample(logits.clone(), sequences, engine._drawn_by)
        assert found == sample(logits.clone(), again)
