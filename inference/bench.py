"""What a checkpoint does on this machine: speed by batch size, perplexity by active experts.

Behind ``sovgate model bench``. The perplexity text is Python's own language
reference (``pydoc_data.topics``), of which a conversion sees six other topics.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from pydoc_data import topics
from typing import Any

import torch

from inference.convert.calibration import HELP_TOPICS
from inference.engine.engine import Engine
from inference.engine.loading import EngineOptions, load_engine
from inference.engine.scheduler import Chunk
from inference.engine.sequence import Sequence
from inference.kernels.interface import Batch
from inference.sampling_params import SamplingParams
from inference.tokenizer import Tokenizer

WINDOW = 256  # tokens of context in the perplexity figure


@dataclass(frozen=True, slots=True)
class BenchOptions:
    model: Path
    streams: tuple[int, ...] = (1, 8, 16)
    new_tokens: int = 32
    windows: int = 4  # 0 leaves perplexity out
    engine: EngineOptions = field(default_factory=EngineOptions)


def bench(options: BenchOptions) -> dict[str, Any]:
    """Figures as a JSON object; see docs/engine.md for its fields."""
    started = time.perf_counter()
    engine, choices = load_engine(options.model, options.engine)
    loaded = time.perf_counter() - started
    budgets = _budgets(engine)
    result: dict[str, Any] = {
        "load_seconds": round(loaded, 3),
        "threads": torch.get_num_threads(),
        "kernels": list(choices),
        "decode": [
            _decode_speed(engine, streams, options.new_tokens, budgets[0])
            for streams in options.streams
        ],
    }
    if options.windows:
        ids = _windows(Tokenizer.load(options.model), options.windows)
        result["perplexity"] = {str(k): round(perplexity(engine, ids, k), 3) for k in budgets}
    return result


def _budgets(engine: Engine) -> list[int]:
    most = engine.config.num_experts
    if engine.config.kind != "sovgate_moe":
        return [engine.config.num_experts_per_tok]
    return [k for k in range(most, most - 3, -1) if k >= engine.config.min_experts_per_tok]


def _decode_speed(engine: Engine, streams: int, tokens: int, experts: int) -> dict[str, Any]:
    """Tokens per second over all streams while every one of them decodes."""
    params = SamplingParams(max_tokens=tokens + 1, temperature=0, ignore_eos=True)
    for _ in range(streams):
        engine.add(Sequence(list(range(100, 132)), params, experts, frozenset()))
    while any(s.num_uncomputed > 1 for s in engine.scheduler.running) or engine.scheduler.waiting:
        engine.step()
    started, cpu, count = time.perf_counter(), time.process_time(), 0
    while engine.has_work:
        count += len(engine.step())
    spent, used = time.perf_counter() - started, time.process_time() - cpu
    return {
        "streams": streams,
        "tokens_per_second": round(count / spent, 1),
        "tokens_per_cpu_second": round(count / used, 1),
    }


def _windows(tokenizer: Tokenizer, count: int) -> list[list[int]]:
    names = [name for name in sorted(topics.topics) if name not in HELP_TOPICS]
    text = "\n\n".join(topics.topics[name][:1500] for name in names[::9])
    ids = tokenizer.encode(text)
    return [ids[at * WINDOW : (at + 1) * WINDOW] for at in range(count)]


@torch.inference_mode()
def perplexity(engine: Engine, windows: list[list[int]], experts: int) -> float:
    """exp of the mean loss over the windows, each scored from its own start."""
    runner = engine._runner
    losses: list[float] = []
    for ids in windows:
        sequence = Sequence(list(ids), SamplingParams(), experts, frozenset())
        engine.blocks.grow(sequence, len(ids))
        batch: Batch = runner._batch([Chunk(sequence, 0, len(ids))])
        batch.sample_rows = torch.arange(len(ids) - 1, device=runner.model.device)
        logits = runner.model.forward(batch, runner.cache)
        target = torch.tensor(ids[1:], device=logits.device)
        losses.append(float(torch.nn.functional.cross_entropy(logits, target)))
        engine.blocks.release(sequence)
    return math.exp(sum(losses) / len(losses))
