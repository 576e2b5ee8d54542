"""A model in two and four processes gives the tokens that it gives in one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from engine_helpers import greedy, run_all, small_engine, vectors
from parallel_ranks import leading
from tiny_models import make_tiny
from tiny_v4 import TINY, make_tiny_v4

from inference.engine.block_manager import BlockManager
from inference.engine.engine import Engine
from inference.engine.loading import EngineOptions, make_plan
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import Sequence
from inference.engine.speculation import ModelDraft
from inference.kernels.registry import Weights
from inference.parallel import Layout, LeadingModel, Plan, balance, even
from inference.parallel.placement import read_loads

PROMPTS = [
    [5, 17, 42, 8, 90, 33, 2, 61, 7, 7, 12, 80, 4, 55, 29, 3, 71, 66, 20, 9],
    [11, 3],
    [70, 70, 1, 36, 22],
]
MASS = 0.6  # of the router's weight, for the last one


@dataclass
class Alone:
    """What one process answers."""

    engine: Engine
    sequences: list[Sequence]
    answers: list[list[int]]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    kinds = ("deepseek_v4", "deepseek_v3", "mixtral")
    paths = {kind: tmp_path_factory.mktemp(kind) for kind in kinds}
    make_tiny_v4(paths["deepseek_v4"], drafts=True)
    make_tiny("deepseek_v3", paths["deepseek_v3"])
    make_tiny("mixtral", paths["mixtral"])
    return paths


def plans_of(paths: dict[str, Path], loads: Path) -> list[Plan]:
    """By experts, by heads, both; with copies, with experts that move meanwhile, by a record."""
    v4, v3, mixtral = (
        Plan(paths[kind], Layout(), kernels="reference")
        for kind in ("deepseek_v4", "deepseek_v3", "mixtral")
    )
    packed = replace(mixtral, kernels="packed", rebalance_steps=3)
    return [
        replace(v4, layout=Layout(1, 2), expert_loads=loads),
        replace(v4, layout=Layout(1, 4), expert_loads=loads, redundant_experts=2, kernels="auto"),
        replace(v4, layout=Layout(2, 1), kernels="auto"),
        replace(v4, layout=Layout(2, 2), redundant_experts=3, rebalance_steps=3, kernels="auto"),
        replace(v3, layout=Layout(2, 2), rebalance_steps=3),
        replace(packed, layout=Layout(1, 4)),
        replace(packed, layout=Layout(2, 1)),
        replace(mixtral, layout=Layout(1, 2), kernels="auto", weights="int8", rebalance_steps=3),
    ]


def sequences(experts: int) -> list[Sequence]:
    """Of different lengths, one with fewer experts than the others, one with a share of them."""
    made = [greedy(ids, 12, experts - (at == 1)) for at, ids in enumerate(PROMPTS)]
    made[2].expert_mass = MASS
    return made


def answers_alone(path: Path, weights: Weights) -> Alone:
    kernels = "reference" if weights == "auto" else "auto"
    engine = small_engine(path, kernels=kernels, weights=weights)
    if engine._runner.drafts:  # so that as much is computed
        engine = small_engine(path, kernels=kernels, guesses=2)
    asked = sequences(engine.config.num_experts_per_tok)
    return Alone(engine, asked, run_all(engine, *asked))


def engine_over(model: LeadingModel) -> Engine:
    runner = ModelRunner(model, 64, 8, 20)
    blocks = BlockManager(64, 8, num_states=4, num_snapshots=16)
    guess = ModelDraft(2) if runner.drafts else None
    return Engine(runner, blocks, SchedulerLimits(max_batch=4), guess)


def test_tokens_are_those_of_one_process(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    plans = plans_of(checkpoints, tmp_path / "loads.json")
    kinds: set[tuple[Path, Weights]] = {(plan.directory, plan.weights) for plan in plans}
    alone = {kind: answers_alone(*kind) for kind in kinds}
    with leading(plans) as ranks:
        for plan, model in zip(plans, ranks.models, strict=True):
            one, engine = alone[plan.directory, plan.weights], engine_over(model)
            placed = _placements(model)
            asked = sequences(engine.config.num_experts_per_tok)
            assert run_all(engine, *asked) == one.answers, plan
            assert asked[2].active_experts == one.sequences[2].active_experts
            assert asked[2].active_experts < engine.config.num_experts_per_tok
            _check_loads(model, plan, engine)
            exact = plan.weights == "auto"  # else rows are rounded, after sums in another order
            _check_embedding(one.engine, engine, 1e-5 if exact else 0.01)
            if plan.expert_loads is not None:
                _check_record(plan, placed)
            if plan.rebalance_steps and plan.layout.expert > 1:
                _check_moves(model, engine, placed, one)


def test_the_fit_check_counts_copies_and_what_moves(checkpoints: dict[str, Path]) -> None:
    directory, layers = checkpoints["deepseek_v4"], 7  # the draft module's is one
    expert = 3 * TINY["hidden_size"] * TINY["moe_intermediate_size"] * 4  # bytes

    def need(**options: Any) -> int:
        layout = Layout(expert=2)
        given = EngineOptions(dtype="float32", kv_blocks=8, layout=layout, **options)
        return make_plan(directory, given).need.weights

    # Of six experts each of two processes has three, with two copies four.
    assert need(redundant_experts=2) - need() == 2 * layers * expert
    # Those of one layer as they travel, and prepared beside those that serve.
    assert need(rebalance_steps=1) - need() == 2 * 2 * 3 * expert


def _placements(model: LeadingModel) -> dict[str, tuple[tuple[int, ...], ...]]:
    dispatched = model._part.kernels.dispatched
    return {layer: experts.placement.slots for layer, experts in dispatched.items()}


def _check_embedding(alone: Engine, engine: Engine, error: float) -> None:
    one, other = (vectors(e, PROMPTS[:1])[0].vector for e in (alone, engine))
    assert one == pytest.approx(other, abs=error)


def _check_loads(model: LeadingModel, plan: Plan, engine: Engine) -> None:
    """Each token of each layer was dispatched to as many experts as it activates, once."""
    loads = model.loads()
    if plan.layout.expert == 1:
        assert loads == {}
        return
    tokens, routed = engine.stats.computed_tokens, engine.config.num_experts_per_tok
    assert loads
    if model.drafter is None:
        fewest = len(PROMPTS[0]) * (routed - 2)  # at most two experts of these are shared ones
        assert all(fewest <= sum(found) <= tokens * routed for found in loads.values())


def _check_record(plan: Plan, placed: dict[str, tuple[tuple[int, ...], ...]]) -> None:
    """The first start finds no record and the second what the first one left."""
    assert plan.expert_loads is not None
    record = read_loads(plan.expert_loads)
    for layer, slots in placed.items():
        count = 1 + max(map(max, slots))
        if plan.layout.expert == 2:
            assert slots == even(count, 2).slots
            assert not record
        else:
            assert slots == balance(record[layer], 4, plan.redundant_experts).slots
            assert sum(record[layer]) > 0


def _check_moves(
    model: LeadingModel,
    engine: Engine,
    placed: dict[str, tuple[tuple[int, ...], ...]],
    one: Alone,
) -> None:
    """Experts moved while the sequences ran, and a prefix computed before is still right."""
    assert model.moved_layers > 0
    assert _placements(model) != placed
    assert model.imbalance > 1
    asked = sequences(engine.config.num_experts_per_tok)
    assert run_all(engine, *asked) == one.answers
    assert engine.stats.cached_tokens > 0
