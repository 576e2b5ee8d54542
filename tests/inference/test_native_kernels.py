"""The CPU's C kernels against plain torch: formats, backends, whole steps, threads."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import greedy, logits_of, run_all, small_engine
from tiny_models import make_tiny

from inference.errors import DeviceUnavailable
from inference.kernels.cpu import NativeKernels, native_backends
from inference.kernels.cpu.native_kernels import Format
from inference.kernels.interface import ExpertWeights
from inference.kernels.reference import ReferenceExperts
from inference.kernels.registry import choose_kernels
from inference.server.answers import active_share

IDS = [3, 141, 59, 26, 53, 58, 97, 93, 23, 84, 62, 64, 33, 83, 27, 95, 2, 88, 41, 97, 16, 93]
FORMATS: tuple[Format, ...] = ("float32", "bfloat16", "int8", "int4")

Tiny = tuple[Path, Any]


@pytest.fixture(scope="module", params=["llama", "mixtral", "qwen3_moe"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """(directory, transformers model) of a decoder whose steps C runs whole."""
    return make_tiny(request.param, tmp_path_factory.mktemp(request.param))


def _groups(values: torch.Tensor) -> torch.Tensor:
    """[rows, groups of 32, 32]; what is missing repeats the last value, so extremes stay."""
    missing = -values.shape[1] % 32
    return torch.cat([values, values[:, -1:].expand(-1, missing)], 1).unflatten(1, (-1, 32))


def _worst_error(hidden: torch.Tensor, kept: torch.Tensor, kind: Format) -> torch.Tensor:
    """[rows, out] that an error may reach when rows are rounded by half a step, and sums a bit."""
    size = hidden.abs() @ kept.abs().T
    if kind in ("float32", "bfloat16"):
        return size * 1e-6 + 1e-6
    off = (_groups(hidden).abs().amax(-1) / 254).repeat_interleave(32, 1)[:, : hidden.shape[1]]
    return off @ kept.abs().T + size * 1e-5 + 1e-6


def _sixteen_levels(weight: torch.Tensor) -> torch.Tensor:
    """The nearest of sixteen values between the least and the largest of each group, and 0."""
    parts = _groups(weight)
    least = parts.amin(-1, keepdim=True).clamp(max=0)
    step = (parts.amax(-1, keepdim=True).clamp(min=0) - least).clamp(min=1e-30) / 15
    levels = ((parts - least) / step).round() * step + least
    return levels.flatten(1)[:, : weight.shape[1]]


def test_the_extension_was_built() -> None:
    assert native_backends()[-1] == "plain"


@pytest.mark.parametrize("backend", native_backends())
@pytest.mark.parametrize("kind", FORMATS)
def test_linears_equal_torch_within_the_error_of_their_format(backend: str, kind: Format) -> None:
    draw = random.Random(f"{backend} {kind}")
    kernels = NativeKernels(backend, kind, 1)
    for _ in range(40):
        rows, inputs, out = draw.randint(1, 21), draw.randint(1, 200), draw.randint(1, 90)
        generator = torch.Generator().manual_seed(draw.getrandbits(32))
        weight = torch.randn(out, inputs, generator=generator) * draw.choice([0.01, 1.0, 30.0])
        hidden = torch.randn(rows, inputs, generator=generator)
        run = kernels.linear(weight)
        kept = run(torch.eye(inputs)).T  # a single 1 is rounded to itself
        _check_kept(weight, kept, kind)
        found = run(hidden)
        assert found.shape == (rows, out)
        error = (found - hidden @ kept.T).abs()
        assert (error <= _worst_error(hidden, kept, kind)).all()


def _check_kept(weight: torch.Tensor, kept: torch.Tensor, kind: Format) -> None:
    """Weights are what they were, or rounded as their format promises."""
    error = (weight - kept).abs()
    if kind == "float32":
        assert torch.equal(kept, weight)
    elif kind == "bfloat16":
        assert torch.equal(kept, weight.bfloat16().float())
    elif kind == "int8":
        step = (_groups(weight).abs().amax(-1) / 127).repeat_interleave(32, 1)
        assert (error <= step[:, : weight.shape[1]] * (0.5 + 2**-6) + 1e-9).all()
    else:  # better than levels from the least to the largest, but for steps that are bytes
        plain = (weight - _sixteen_levels(weight)).square().mean()
        bytes_off = (weight.abs().amax() * 2**-7).square()
        assert error.square().mean() <= plain + bytes_off


@pytest.mark.parametrize("kind", FORMATS)
def test_zeros_and_bfloat16_rows_are_multiplied_too(kind: Format) -> None:
    kernels = NativeKernels(native_backends()[0], kind, 2)
    weight = torch.zeros(40, 64)
    weight[3] = 0.5
    hidden = torch.cat([torch.zeros(1, 64), torch.ones(2, 64)]).bfloat16()
    found = kernels.linear(weight)(hidden)
    assert found.dtype == torch.bfloat16
    expected = torch.zeros(3, 40)
    expected[1:, 3] = 32
    assert torch.allclose(found.float(), expected, rtol=0.01)


@pytest.mark.parametrize("kind", FORMATS)
def test_rows_do_not_depend_on_those_beside_them(kind: Format) -> None:
    kernels = NativeKernels(native_backends()[0], kind, 2)
    run = kernels.linear(torch.randn(70, 130, generator=torch.Generator().manual_seed(1)))
    hidden = torch.randn(19, 130, generator=torch.Generator().manual_seed(2))
    whole = run(hidden)
    for start, end in [(0, 1), (3, 5), (4, 8), (2, 10), (0, 15), (7, 19)]:
        assert torch.equal(run(hidden[start:end].contiguous()), whole[start:end])


def test_experts_by_themselves_equal_the_reference() -> None:
    generator = torch.Generator().manual_seed(3)
    parts = [
        [torch.randn(*shape, generator=generator) * 0.2 for _ in range(5)]
        for shape in ((24, 48), (24, 48), (48, 24))
    ]
    weights = ExpertWeights(*parts, limit=0.7)
    hidden = torch.randn(7, 48, generator=generator)
    gates = torch.rand(7, 5, generator=generator) * (torch.rand(7, 5, generator=generator) > 0.6)
    ours = NativeKernels(native_backends()[0], "float32", 1).experts(weights, 0.4)
    for some in (gates, None):
        expected = ReferenceExperts(weights)(hidden, some)
        assert torch.allclose(ours(hidden, some), expected, atol=1e-5)


def _engine(tiny: Tiny, backend: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    monkeypatch.setattr("inference.kernels.registry.native_backends", lambda: [backend])
    return small_engine(tiny[0], kernels="native", **options)


@pytest.mark.parametrize("backend", native_backends())
def test_steps_equal_those_of_transformers(
    tiny: Tiny, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _engine(tiny, backend, monkeypatch)
    experts = engine.config.num_experts_per_tok
    with torch.inference_mode():
        theirs = tiny[1](torch.tensor([IDS])).logits[0]
    for chunks in ([1] * len(IDS), [22], [3, 1, 18]):
        ours = logits_of(engine, IDS, chunks, experts)
        ends = torch.tensor(chunks).cumsum(0) - 1
        assert (ours - theirs[ends]).abs().max() <= 2e-5


@pytest.mark.parametrize("weights", ["float32", "int8", "int4"])
def test_answers_depend_on_nothing_but_the_sequence(tiny: Tiny, weights: str) -> None:
    """The same bytes by any cut of the prompt, batch and number of threads."""
    engines = [
        small_engine(tiny[0], kernels="native", weights=weights, threads=threads, block_size=size)
        for threads, size in ((1, 4), (3, 16), (2, 40))
    ]
    experts = engines[0].config.num_experts_per_tok
    whole = logits_of(engines[0], IDS, [22], experts)[-1]
    for engine in engines:
        for chunks in ([11, 11], [1, 20, 1]):
            assert torch.allclose(logits_of(engine, IDS, chunks, experts)[-1], whole, atol=2e-5)
    prompts = [IDS[: n + 1] for n in range(9)]
    alone = [run_all(engines[0], greedy(p, 12, experts))[0] for p in prompts]
    for engine in engines:
        assert run_all(engine, *[greedy(p, 12, experts) for p in prompts]) == alone


def test_rows_of_a_native_step_keep_their_own_budgets(tiny: Tiny) -> None:
    engine, plain = (small_engine(tiny[0], kernels=kernels) for kernels in ("native", "reference"))
    budgets = range(min(1, engine.config.num_experts), engine.config.num_experts + 1)
    apart = [run_all(plain, greedy(IDS[:6], 10, k))[0] for k in budgets]
    assert run_all(engine, *[greedy(IDS[:6], 10, k) for k in budgets]) == apart


def test_a_split_model_keeps_its_budgets(demo_model: Path) -> None:
    """Experts that are always active beside routed ones, as `sovgate model convert` makes them."""
    prompts = [([100 + n, 200, 300 + n, 400], k) for n in range(2) for k in (5, 7, 8)]
    answers = []
    for kernels in ("native", "reference"):
        engine = small_engine(demo_model, kernels=kernels, block_size=16)
        answers.append(run_all(engine, *[greedy(p, 6, k) for p, k in prompts]))
    assert answers[0] == answers[1]


def test_narrow_weights_are_refused_where_no_c_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.kernels.registry.native_backends", list)
    with pytest.raises(DeviceUnavailable, match="install a C compiler"):
        choose_kernels(torch.device("cpu"), torch.float32, weights="int8")
    chosen = choose_kernels(torch.device("cpu"), torch.float32)
    assert not isinstance(chosen, NativeKernels)


@pytest.mark.parametrize(
    ("packs", "here", "native"),
    [(False, ["avx2", "plain"], True), (True, ["avx2", "plain"], False), (False, ["plain"], False)],
)
def test_bfloat16_runs_in_c_where_torch_would_widen_it(
    packs: bool, here: list[str], native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [name for name in here if name in native_backends()]
    monkeypatch.setattr("inference.kernels.registry.native_backends", lambda: runs)
    monkeypatch.setattr("inference.kernels.registry.can_pack", lambda dtype: packs)
    chosen = choose_kernels(torch.device("cpu"), torch.bfloat16)
    assert isinstance(chosen, NativeKernels) == (native and runs != ["plain"])
    assert any("does not multiply" in sentence for sentence in chosen.choices) == (
        isinstance(chosen, NativeKernels)
    )
    asked = choose_kernels(torch.device("cpu"), torch.bfloat16, "reference")
    assert not isinstance(asked, NativeKernels)


def test_a_native_step_is_charged_exactly_and_by_budget(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Parts of steps in C add up to them, and within a batch more experts cost more."""
    directory, _ = make_tiny("qwen3_moe", tmp_path_factory.mktemp("charged"))
    engine = small_engine(directory, kernels="native", weights="int8", prefix_cache=False)
    most = engine.config.num_experts
    sequences = [greedy(IDS[:9], 12, budget) for budget in range(1, most + 1)]
    run_all(engine, *sequences)
    assert sum(s.work_ns for s in sequences) == engine.stats.busy_ns > 0
    spent = [s.work_ns for s in sequences]
    assert spent == sorted(spent)
    assert spent[-1] > spent[0]
    shares = [active_share(s.active_experts, most) for s in sequences]
    assert shares == [round(budget / most, 6) for budget in range(1, most + 1)]
