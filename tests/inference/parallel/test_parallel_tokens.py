"""A model in two and four processes gives the tokens that it gives in one."""

from pathlib import Path

import pytest
from engine_helpers import greedy, run_all, small_engine
from parallel_ranks import leading
from tiny_models import make_tiny
from tiny_v4 import make_tiny_v4

from inference.engine.block_manager import BlockManager
from inference.engine.embedding import embed
from inference.engine.engine import Engine
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import SchedulerLimits
from inference.engine.sequence import Sequence
from inference.engine.speculation import ModelDraft
from inference.parallel import Layout, LeadingModel, Plan

LAYOUTS = {Layout(1, 2): 0, Layout(1, 4): 2, Layout(2, 1): 0, Layout(2, 2): 3}  # extra copies
PROMPTS = [
    [5, 17, 42, 8, 90, 33, 2, 61, 7, 7, 12, 80, 4, 55, 29, 3, 71, 66, 20, 9],
    [11, 3],
    [70, 70, 1, 36, 22],
]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    v4 = tmp_path_factory.mktemp("v4")
    make_tiny_v4(v4, drafts=True)
    mixtral, _ = make_tiny("mixtral", tmp_path_factory.mktemp("mixtral"))
    return {"v4": v4, "mixtral": mixtral}


def sequences(experts: int) -> list[Sequence]:
    """Of different lengths, one with fewer experts than the others."""
    return [greedy(ids, 12, experts - (at == 1)) for at, ids in enumerate(PROMPTS)]


def engine_over(model: LeadingModel) -> Engine:
    runner = ModelRunner(model, 64, 8, 20)
    blocks = BlockManager(64, 8, num_states=4, num_snapshots=16)
    guess = ModelDraft(2) if runner.drafts else None
    return Engine(runner, blocks, SchedulerLimits(max_batch=4), guess)


def test_tokens_are_those_of_one_process(checkpoints: dict[str, Path]) -> None:
    alone = {name: small_engine(path, kernels="reference") for name, path in checkpoints.items()}
    experts = {name: engine.config.num_experts_per_tok for name, engine in alone.items()}
    answers = {name: run_all(engine, *sequences(experts[name])) for name, engine in alone.items()}
    plans = [
        (name, Plan(path, layout, kernels="reference", redundant_experts=redundant))
        for name, path in checkpoints.items()
        for layout, redundant in LAYOUTS.items()
    ]
    with leading([plan for _, plan in plans]) as models:
        for (name, plan), model in zip(plans, models, strict=True):
            engine = engine_over(model)
            assert run_all(engine, *sequences(experts[name])) == answers[name], (name, plan.layout)
            _check_loads(model, plan, engine)
            _check_embedding(alone[name], engine, experts[name])
            if plan.layout == Layout(1, 2):
                again = run_all(engine, *sequences(experts[name]))
                assert again == answers[name]
                assert engine.stats.cached_tokens > 0


def _check_embedding(alone: Engine, engine: Engine, experts: int) -> None:
    one, other = (
        embed(e._runner.model, PROMPTS[0], experts, e.blocks.block_size).vector
        for e in (alone, engine)
    )
    assert one == pytest.approx(other, abs=1e-5)


def _check_loads(model: LeadingModel, plan: Plan, engine: Engine) -> None:
    """Each token of each layer was dispatched to as many experts as it activates, once."""
    loads = model.loads()
    if plan.layout.expert == 1:
        assert loads == {}
        return
    assert len(loads) == engine.config.num_layers + (model.drafter is not None)
    tokens, routed = engine.stats.computed_tokens, engine.config.num_experts_per_tok
    if model.drafter is None:
        fewest = sum(len(ids) for ids in PROMPTS[:1] + PROMPTS[2:]) * routed
        assert all(fewest <= sum(found) <= tokens * routed for found in loads.values())
