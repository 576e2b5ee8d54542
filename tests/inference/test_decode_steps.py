"""Decode steps at fixed shapes, not captured: the same answers as plain steps, and bytes too.

A row's last bits depend on how many rows a product of matrices has, so bytes are compared with
plain steps that are filled up to the same size.
"""

import random
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import AskingError, Unasked
from engine_helpers import greedy, run_all, small_engine
from tiny_models import make_tiny
from tiny_v4 import make_tiny_v4
from torch.nn.functional import pad

from inference.devices.decode_memory import input_bytes
from inference.engine.decode_shapes import Shape, decode_shapes
from inference.engine.engine import Engine
from inference.engine.graphs import DecodeSteps
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import Chunk, SchedulerLimits
from inference.engine.sequence import Sequence
from inference.engine.static_step import StaticStep
from inference.kernels.interface import Batch

ROWS, BLOCKS = 8, 12  # more rows than sequences run at once, so that there always is padding
LIMITS = SchedulerLimits(max_batch=6, max_prefill_tokens=24, max_mixed_tokens=9)


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("v4")
    make_tiny_v4(directory)
    return directory


@pytest.fixture(scope="module", params=["v4", "qwen3_moe", "deepseek_v3"])
def directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "v4":
        return request.getfixturevalue("v4")
    return make_tiny(request.param, tmp_path_factory.mktemp("tiny"))[0]


def engine_of(directory: Path, graphs: str, **options: Any) -> Engine:
    return small_engine(
        directory,
        **{"block_size": 8, "kv_blocks": BLOCKS, "limits": LIMITS, "kernels": "reference"}
        | {"graphs": graphs, "snapshots": 4}
        | options,
    )


def of_one_shape(engine: Engine) -> DecodeSteps:
    runner = engine._runner
    runner._decode_shapes = (Shape(ROWS, BLOCKS),)
    runner.prepare_decoding()
    assert runner.decode_steps is not None
    return runner.decode_steps


def fill_plain_steps_up(engine: Engine) -> None:
    """Plain decode steps with as many rows and blocks of a row as those of fixed shapes have."""
    runner = engine._runner
    steps = of_one_shape(engine)
    runner.decode_steps = None
    run, make_batch = runner.run, runner._batch

    def filled(chunks: SequenceOf[Chunk]) -> Any:
        if steps._reason(chunks):
            return run(chunks)
        runner._batch = widened
        sampling, logits = run([*chunks, *padding(runner, ROWS - len(chunks))])
        runner._batch = make_batch
        return sampling[: len(chunks)], logits[: len(chunks)]

    def widened(chunks: SequenceOf[Chunk], ahead: int = 0) -> Batch:
        batch = make_batch(chunks, ahead)
        most = BLOCKS * runner.block_size
        batch.decode_blocks = pad(batch.decode_blocks, (0, BLOCKS - batch.decode_blocks.shape[1]))
        batch.decode_mask = pad(batch.decode_mask, (0, most - batch.decode_mask.shape[-1]))
        batch.decode_most = most
        return batch

    runner.run = filled


def padding(runner: ModelRunner, count: int) -> list[Chunk]:
    chunks = []
    for _ in range(count):
        sequence = greedy([0], 1, runner.model.config.min_experts_per_tok)
        sequence.block_table = [runner._place.scratch_block]
        sequence.state = runner._place.scratch_state
        chunks.append(Chunk(sequence, 0, 1))
    return chunks


def load(engine: Engine, seed: int, count: int = 10) -> tuple[list[Sequence], list[torch.Tensor]]:
    """Joins, leaves, cancels, preemption, budgets; logits of every step."""
    draw, seen, going = random.Random(seed), [], []
    run, usual = engine._runner.run, engine.config.num_experts_per_tok

    def noting(chunks: SequenceOf[Chunk]) -> Any:
        sampling, logits = run(chunks)
        seen.append(logits.clone())
        return sampling, logits

    engine._runner.run = noting
    for _ in range(count):
        prompt = [draw.randrange(97) for _ in range(draw.randrange(1, 26))]
        going.append(greedy(prompt, draw.randrange(8, 26), usual - draw.randrange(2)))
        engine.add(going[-1])
        for _ in range(draw.randrange(3)):
            engine.step()
        if draw.random() < 0.2:
            engine.cancel(draw.choice(going))
    while engine.has_work:
        engine.step()
    engine.blocks.check()
    return going, seen


def test_every_byte_is_that_of_a_plain_step(directory: Path) -> None:
    plain, static = (engine_of(directory, "static") for _ in range(2))
    fill_plain_steps_up(plain)
    steps = of_one_shape(static)
    (expected, theirs), (found, ours) = load(plain, 6), load(static, 6)
    assert [one.output_ids for one in found] == [one.output_ids for one in expected]
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))
    assert sum(one.preemptions for one in found) > 0
    assert {one.finish_reason for one in found} == {"length", "cancelled"}
    assert steps.replayed > 20
    assert set(steps.others) == {"a prompt is in the step"}


def test_answers_are_those_of_an_engine_without_fixed_shapes(directory: Path) -> None:
    plain, static = (engine_of(directory, graphs) for graphs in ("off", "static"))
    (expected, theirs), (found, ours) = (load(engine, 7, 6) for engine in (plain, static))
    assert [one.output_ids for one in found] == [one.output_ids for one in expected]
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_padding_is_written_to_nobodys_cache(directory: Path) -> None:
    engine = engine_of(directory, "static")
    runner = engine._runner
    for number, (part, _) in enumerate(cached(runner)):
        part.fill_(1 + number)
    before = [part.clone() for part, _ in cached(runner)]
    assert runner.decode_steps is not None
    step = StaticStep(runner.decode_steps.place, Shape(3, 5))
    step.fill(())
    assert bool(step.compute().isfinite().all())
    changed = [
        (part != old).flatten(1).any(1).nonzero().flatten().tolist()
        for (part, _), old in zip(cached(runner), before, strict=True)
    ]
    assert any(changed)
    for places, (part, scratch) in zip(changed, cached(runner), strict=True):
        assert all(place >= len(part) - scratch for place in places)


def cached(runner: ModelRunner) -> list[tuple[torch.Tensor, int]]:
    """What the cache holds, and how many rows at the end of each belong to the scratch."""
    cache = runner.cache
    if not hasattr(cache, "state"):
        return [(part, 1) for layer in cache.layers for part in layer]
    pools = [m.pool for layer in cache.layers for m in (layer.compressor, layer.indexer) if m]
    return [(cache.raw, 1), (cache.state, 1), *((pool.entries, pool.per_block) for pool in pools)]


def test_what_is_no_such_step_runs_as_before_and_says_why(v4: Path) -> None:
    engine = engine_of(v4, "static")
    steps = of_one_shape(engine)
    usual = engine.config.num_experts_per_tok
    for share, experts in ((0.5, usual), (1.0, usual + 1)):
        sequence = greedy([5, 6], 3, experts)
        sequence.expert_mass = share
        run_all(engine, sequence)
    assert steps.others == {
        "a prompt is in the step": 2,
        "a sequence has an expert mass, whose experts are counted": 2,
        "a sequence has more experts than is usual": 2,
    }
    assert steps._reason([Chunk(greedy([5, 6], 3, usual), 1, 3, (7,))]) == "tokens are guessed"
    steps._steps = [StaticStep(steps.place, Shape(1, 1))]
    run_all(engine, *(greedy([5], 3, usual) for _ in range(2)))
    assert steps.others["there is no graph of that size"] > 0
    assert steps.replayed == 0


def test_shapes_cover_every_batch_and_every_length() -> None:
    found = decode_shapes(6, 40_000, 16)
    assert {shape.rows for shape in found} == {1, 2, 4, 6}
    assert {shape.blocks for shape in found} == {128, 512, 2048, 2500}
    assert decode_shapes(1, 100, 16) == (Shape(1, 7),)


def test_their_memory_is_told_before(directory: Path) -> None:
    engine = engine_of(directory, "static")
    steps = engine._runner.decode_steps
    assert steps is not None
    for step in steps._steps:
        batch = step.batch
        held = (step.inputs, step._positions, batch.decode_mask, batch.sample_rows)
        told = input_bytes(engine.config, step.shape, engine.blocks.block_size)
        assert sum(tensor.nbytes for tensor in held) == told


def test_a_dense_decoders_step_asks_the_device_nothing(tmp_path: Path) -> None:
    engine = engine_of(make_tiny("llama", tmp_path)[0], "static")
    step = StaticStep(engine._runner._place, Shape(2, 3))
    sequence = greedy([5], 1, 0)
    sequence.block_table = [2]
    step.fill([Chunk(sequence, 0, 1)])
    with Unasked() as watch, torch.device("meta"):  # where what is made without saying where lies
        step.compute()
    assert watch.seen > 100


@pytest.mark.parametrize(
    "asks",
    [
        lambda numbers: int(numbers.max()),
        lambda numbers: numbers.nonzero(),
        lambda numbers: numbers[numbers > 1],
        lambda numbers: numbers.index_put_((numbers > 1,), numbers.new_zeros(())),
        lambda numbers: numbers.repeat_interleave(numbers),
        lambda numbers: numbers.unique(),
        lambda numbers: bool((numbers == numbers).all()),
        lambda numbers: numbers + torch.tensor([1, 2, 3]),
    ],
)
def test_what_asks_is_refused(asks: Callable[[torch.Tensor], object]) -> None:
    numbers = torch.arange(3)
    with pytest.raises(AskingError), Unasked():
        asks(numbers)
