"""Enough experts for a share of the router's weight: as transformers, in any batch, counted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import greedy, run_all, small_engine
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import make_tiny
from tiny_v4 import make_tiny_v4

from inference.engine.engine import Engine
from inference.engine.sequence import Sequence
from inference.models.routing import enough

IDS = [3, 14, 59, 26, 53, 58, 90, 93, 23, 84, 62, 64, 33, 83, 27, 95, 2, 88, 41, 91, 16, 93]
KINDS = ["mixtral", "qwen3_moe", "deepseek_v3", "deepseek_v4"]
SHARED = {"deepseek_v3": 2, "deepseek_v4": 1}

Model = tuple[str, Path, Any]


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "deepseek_v4":
        return request.param, directory, make_tiny_v4(directory)
    return request.param, *make_tiny(request.param, directory)


def asking(engine: Engine, mass: float, prompt: list[int] = IDS, count: int = 12) -> Sequence:
    sequence = greedy(prompt, count, engine.config.num_experts_per_tok)
    sequence.expert_mass = mass
    return sequence


class Oracle:
    """transformers' model, told by hooks to weigh only the experts that are needed."""

    def __init__(self, model: Any, mass: float, shared: int) -> None:
        self._model, self._mass, self._shared = model, mass, shared
        self.ran = self.rows = 0

    def next_token(self, ids: list[int]) -> int:
        """The likeliest; ``ran`` and ``rows`` are those of this call."""
        self.ran = self.rows = 0
        experts = [m for m in self._model.modules() if type(m).__name__.endswith("Experts")]
        hooks = [module.register_forward_pre_hook(self._reduce) for module in experts]
        with torch.inference_mode():
            logits = self._model(torch.tensor([ids])).logits[0, -1]
        for hook in hooks:
            hook.remove()
        return int(logits.argmax())

    def _reduce(self, _: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden, chosen, weights = args
        left = torch.zeros_like(weights)
        for row, given_weights in enumerate(weights.tolist()):
            total, held = sum(given_weights), 0.0
            for at in sorted(range(len(given_weights)), key=lambda n: -given_weights[n]):
                if held >= self._mass * total:
                    break
                held += given_weights[at]
                left[row, at] = given_weights[at]
                self.ran += 1
            left[row] *= total / held
        self.rows += len(weights)
        self.ran += self._shared * len(weights)
        return hidden, chosen, left


@pytest.mark.parametrize("mass", [0.4, 0.7])
def test_answers_and_counts_are_those_of_transformers(model: Model, mass: float) -> None:
    kind, directory, theirs = model
    engine = small_engine(directory, block_size=8)
    sequence = asking(engine, mass)
    (answer,) = run_all(engine, sequence)
    oracle = Oracle(theirs, mass, SHARED.get(kind, 0))
    for at, token in enumerate(answer):
        assert oracle.next_token(IDS + answer[:at]) == token
    # The last oracle's run saw every position that the engine computed.
    assert sequence.positions == len(IDS) + len(answer) - 1
    assert sequence.active_experts == pytest.approx(oracle.ran / oracle.rows, abs=1e-9)
    assert 1 <= sequence.active_experts < engine.config.num_experts_per_tok


def test_each_row_of_a_batch_has_its_own(model: Model) -> None:
    engine = small_engine(model[1], block_size=8, prefix_cache=False)
    most = engine.config.num_experts_per_tok
    wanted = [
        (most, 1.0),
        (most, 0.3),
        (most - 1, 1.0),
        (most, 0.6),
        (engine.config.num_experts, 0.9),
    ]

    def made(budget: tuple[int, float]) -> Sequence:
        sequence = asking(engine, budget[1], IDS[:9], 10)
        sequence.num_experts = budget[0]
        return sequence

    alone = [made(budget) for budget in wanted]
    answers = [run_all(engine, one)[0] for one in alone]
    together = [made(budget) for budget in wanted]
    assert run_all(engine, *together) == answers
    assert [s.active_experts for s in together] == [s.active_experts for s in alone]
    assert together[0].active_experts == most
    assert together[1].active_experts < together[3].active_experts < most


def test_a_prompt_is_not_found_again_under_another_mass(model: Model) -> None:
    engine = small_engine(model[1], block_size=8)
    first, other, again = (asking(engine, mass) for mass in (0.5, 0.6, 0.5))
    for sequence in (first, other, again):
        run_all(engine, sequence)
    assert [first.num_cached, other.num_cached] == [0, 0]
    assert again.num_cached >= 8
    assert again.output_ids == first.output_ids
    engine.blocks.check()


def test_who_runs_fewer_experts_is_charged_less(model: Model) -> None:
    engine = small_engine(model[1], block_size=8, prefix_cache=False)
    few, all_of_them = asking(engine, 0.2), asking(engine, 1.0)
    run_all(engine, few, all_of_them)
    assert few.work_ns < all_of_them.work_ns
    assert few.work_ns + all_of_them.work_ns == engine.stats.busy_ns


@pytest.mark.parametrize("kind", ["mixtral", "qwen3_moe"])
def test_beside_steps_in_c_such_rows_run_by_themselves(kind: str, tmp_path: Path) -> None:
    make_tiny(kind, tmp_path)
    torch_engine = small_engine(tmp_path, block_size=8)
    native = small_engine(tmp_path, block_size=8, kernels="native", prefix_cache=False)
    expected = run_all(torch_engine, *[asking(torch_engine, 0.5, IDS[:n]) for n in (5, 13)])
    plain = run_all(native, *[asking(native, 1.0, IDS[:n]) for n in (6, 11)])
    mixed = [
        asking(native, mass, IDS[:n]) for mass, n in [(1.0, 6), (0.5, 5), (1.0, 11), (0.5, 13)]
    ]
    answers = run_all(native, *mixed)
    assert answers[::2] == plain
    assert answers[1::2] == expected
    assert mixed[1].active_experts < native.config.num_experts_per_tok
    native.blocks.check()


@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.integers(0, 60), min_size=6, max_size=6),
            st.sampled_from([0.05, 0.5, 0.9, 1.0]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_no_smaller_set_holds_the_share(rows: list[tuple[list[int], float]]) -> None:
    weights = torch.tensor([weights for weights, _ in rows], dtype=torch.float32)
    share = torch.tensor([mass for _, mass in rows])
    kept = enough(weights, share)
    for row, chosen, mass in zip(weights, kept, share, strict=True):
        target = mass * row.sum()
        size = int(chosen.sum())
        assert size >= 1
        if mass < 1:
            assert row[chosen].sum() >= target
            assert size == 1 or row.topk(size - 1).values.sum() < target
        else:
            assert set(row.nonzero().flatten().tolist()) <= set(chosen.nonzero().flatten().tolist())
