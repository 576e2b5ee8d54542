"""Shortcuts that several engine tests share."""

from pathlib import Path
from typing import Any

import torch

from inference.engine.embedding import Budget, Embedding
from inference.engine.engine import Engine
from inference.engine.loading import EngineOptions, load_engine
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import Chunk, SchedulerLimits
from inference.engine.sequence import Sequence
from inference.sampling_params import SamplingParams


def small_engine(directory: Path, **options: Any) -> Engine:
    limits = options.pop("limits", SchedulerLimits())
    options = {"kv_blocks": 64, "block_size": 4, "dtype": "float32", **options}
    return load_engine(directory, EngineOptions(limits=limits, **options))[0]


def greedy(prompt: list[int], max_tokens: int, experts: int, **options: Any) -> Sequence:
    params = SamplingParams(max_tokens=max_tokens, temperature=0.0, ignore_eos=True, **options)
    return Sequence(list(prompt), params, experts, frozenset())


def run_all(engine: Engine, *sequences: Sequence) -> list[list[int]]:
    for sequence in sequences:
        engine.add(sequence)
    while engine.has_work:
        engine.step()
    return [sequence.output_ids for sequence in sequences]


def vectors(engine: Engine, texts: list[list[int]]) -> list[Embedding]:
    """Of texts that are computed together, with every expert that the model routes to."""
    batch = engine.embedding(texts, Budget(engine.config.num_experts_per_tok))
    while not batch.done:
        engine.embed(batch)
    return batch.vectors()


def logits_of(engine: Engine, ids: list[int], chunks: list[int], experts: int) -> torch.Tensor:
    """Logits at the end of each chunk, computed through the paged cache: [chunks, vocab]."""
    runner: ModelRunner = engine._runner
    sequence = greedy(ids[:1], 1, experts)
    engine.blocks.begin(sequence)
    assert engine.blocks.grow(sequence, len(ids))
    rows, start = [], 0
    for length in chunks:
        sequence.prompt_ids = ids[: start + length]
        _, logits = runner.run([Chunk(sequence, start, start + length)])
        rows.append(logits[0].clone())
        start += length
    engine.blocks.release(sequence)
    return torch.stack(rows)
