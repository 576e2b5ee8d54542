"""Decoding alone, from every stream's first token on: ours and transformers'."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from inference.engine.engine import Engine
from inference.engine.sequence import Sequence as Stream
from inference.sampling_params import SamplingParams


@dataclass(frozen=True, slots=True)
class Run:
    """One run's tokens by stream, and how many came in a second, and in one of the processor's."""

    tokens: list[list[int]]
    speed: float
    of_cpu: float


def begun(
    engine: Engine, prompts: Sequence[list[int]], tokens: int, temperature: float = 0
) -> list[Stream]:
    """Streams of ``tokens``, greedy or drawn by a seed, that all have their first one."""
    params = SamplingParams(max_tokens=tokens, temperature=temperature, seed=1, ignore_eos=True)
    usual = engine.config.num_experts_per_tok
    streams = [Stream(ids, params, usual, frozenset()) for ids in prompts]
    for stream in streams:
        engine.add(stream)
    while not all(one.output_ids for one in streams):
        engine.step()
    return streams


def decode(engine: Engine, prompts: Sequence[list[int]], tokens: int) -> Run:
    streams = begun(engine, prompts, tokens)
    drawn, started, worked = 0, time.perf_counter(), time.process_time()
    while engine.has_work:
        drawn += len(engine.step())
    spent, worked = time.perf_counter() - started, time.process_time() - worked
    return Run([one.output_ids for one in streams], drawn / spent, drawn / worked)


def decode_with_transformers(model: Any, prompts: Sequence[list[int]], tokens: int) -> Run:
    """Args: prompts: of one length."""
    ids = torch.tensor(prompts, device=model.device)
    with torch.inference_mode():
        out = model(ids, use_cache=True)
        drawn = [out.logits[:, -1:].argmax(-1)]
        _wait(model.device)
        started, worked = time.perf_counter(), time.process_time()
        for _ in range(tokens - 1):
            out = model(drawn[-1], past_key_values=out.past_key_values, use_cache=True)
            drawn.append(out.logits[:, -1:].argmax(-1))
        _wait(model.device)
        spent, worked = time.perf_counter() - started, time.process_time() - worked
    count = len(prompts) * (tokens - 1)
    return Run(torch.cat(drawn, 1).tolist(), count / spent, count / worked)


def interleaved(
    systems: Mapping[str, Callable[[int, int], float]],
    counts: Sequence[int],
    rounds: int,
    tokens: int,
    *,
    warm_up: int,
) -> dict[str, dict[int, float]]:
    """Median tokens a second by system and number of streams.

    Args:
        systems: (streams, tokens) to tokens a second.
        warm_up: tokens of the round before the first.
    """
    found: dict[str, dict[int, list[float]]] = {name: {n: [] for n in counts} for name in systems}
    for at in range(rounds + 1):
        for streams in counts:
            for name, run in systems.items():
                found[name][streams].append(run(streams, tokens if at else warm_up))
    return {name: {n: median(v[1:]) for n, v in by.items()} for name, by in found.items()}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
