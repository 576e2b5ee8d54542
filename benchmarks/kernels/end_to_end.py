"""Decoding a whole DeepSeek-V4: our engine with graphs and without, and transformers, eager.

One model of random weights for all. First the same tokens in float32, where rounding seldom turns
a choice; then tokens a second in bfloat16, from the first token on, median of interleaved rounds.
Runs on a CPU too, where decode steps have fixed shapes that nobody captures: so the tests run it.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.engine.decoding import Run, decode, decode_with_transformers, interleaved
from benchmarks.engine.tiny_v4 import RATES, TINY, make_tiny_v4
from inference.engine.loading import EngineOptions, Graphs, load_engine, make_plan
from inference.kernels.registry import Preference

BAR = 1.5  # of transformers' speed: see docs/kernels.md
SIZES: dict[str, dict[str, Any]] = {
    "tiny": TINY,
    "small": {  # heads, windows and indexer as published, a third of a billion parameters
        **TINY,
        "vocab_size": 16384,
        "hidden_size": 1024,
        "moe_intermediate_size": 512,
        "num_attention_heads": 16,
        "head_dim": 512,
        "qk_rope_head_dim": 64,
        "q_lora_rank": 512,
        "num_experts_per_tok": 6,
        "n_routed_experts": 32,
        "max_position_embeddings": 4096,
        "sliding_window": 128,
        "o_lora_rank": 512,
        "index_n_heads": 64,
        "index_head_dim": 128,
        "index_topk": 128,
        "swiglu_limit": 10.0,
    },
}
_RATES = {"tiny": RATES, "small": {"csa": 4, "hca": 128}}
_TRANSFORMERS = "transformers, eager"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What is run. ``graphs``: as the engine's option; a CPU has ``static``."""

    device: str = "cuda"
    size: str = "small"
    kernels: Preference = "auto"
    graphs: Graphs = "auto"
    streams: tuple[int, ...] = (1, 16)
    tokens: int = 64
    rounds: int = 3


System = Callable[[int, int], Run]
"""(streams, tokens of each) -> what came."""


@dataclass(slots=True)
class Outcome:
    """``differs``: systems whose tokens are not transformers', and from where on."""

    parameters: int
    notes: list[str] = field(default_factory=list)
    differs: dict[str, str] = field(default_factory=dict)
    speeds: dict[str, dict[int, float]] = field(default_factory=dict)

    def ratio(self, streams: int) -> float:
        """Of our fastest to transformers."""
        ours = max(by[streams] for name, by in self.speeds.items() if name != _TRANSFORMERS)
        return ours / self.speeds[_TRANSFORMERS][streams]

    @property
    def missed(self) -> bool:
        """Whether the bar was missed with any number of streams."""
        return any(self.ratio(n) < BAR for n in self.speeds.get(_TRANSFORMERS, ()))


def _print(text: str) -> None:
    print(text, flush=True)


def check(settings: Settings, say: Callable[[str], None] = _print) -> Outcome:
    """Parity, then speed; what is found is said as it comes."""
    with _model(settings.size) as (directory, model):
        outcome = Outcome(sum(parameter.numel() for parameter in model.parameters()))
        say(f"end to end: DeepSeek-V4, {outcome.parameters / 1e6:.1f} M random parameters")
        systems = _systems(settings, directory, model, torch.float32, outcome)
        for streams in settings.streams:
            _compare(systems, streams, min(settings.tokens, 32), outcome)
        told = "; ".join(f"{name}: {how}" for name, how in outcome.differs.items())
        say(f"  tokens in float32: {told or 'those of transformers'}")
        del systems  # and their memory
        systems = _systems(settings, directory, model, torch.bfloat16, outcome)
        outcome.speeds = _speeds(systems, settings)
        for line in [*outcome.notes, *table(outcome)]:
            say(f"  {line}")
    return outcome


def table(outcome: Outcome) -> list[str]:
    """Lines: a row for each system, and whether the bar was reached."""
    counts = list(outcome.speeds[_TRANSFORMERS])
    heads = "".join(f"{f'{count} stream' + 's' * (count > 1):>20}" for count in counts)
    lines = [f"{'tokens a second, bfloat16':26}{heads}"]
    for name, by in outcome.speeds.items():
        ratios = (by[count] / outcome.speeds[_TRANSFORMERS][count] for count in counts)
        cells = (
            f"{by[count]:11.1f} ({ratio:.2f}x)".rjust(20)
            for count, ratio in zip(counts, ratios, strict=True)
        )
        lines.append(f"{name:26}" + "".join(cells))
    verdict = "MISSED" if outcome.missed else "reached"
    return [*lines, f"bar of {BAR}x transformers: {verdict}"]


@contextmanager
def _model(size: str) -> Iterator[tuple[Path, Any]]:
    """A checkpoint's directory and transformers' model, float32 on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder), make_tiny_v4(Path(folder), sizes=SIZES[size], rates=_RATES[size])


def _systems(
    settings: Settings, directory: Path, model: Any, dtype: torch.dtype, outcome: Outcome
) -> dict[str, System]:
    kept: dict[str, System] = {}
    kept["ours, graphs"] = _ours(settings, directory, dtype, settings.graphs, outcome.notes)
    kept["ours, no graphs"] = _ours(settings, directory, dtype, "off", outcome.notes)
    there = model.to(settings.device, dtype)
    kept[_TRANSFORMERS] = lambda streams, tokens: decode_with_transformers(
        there, prompts(streams), tokens
    )
    return kept


def _ours(
    settings: Settings, directory: Path, dtype: torch.dtype, graphs: Graphs, notes: list[str]
) -> System:
    options = EngineOptions(
        device=settings.device,
        dtype=str(dtype).removeprefix("torch."),
        kernels=settings.kernels,
        prefix_cache=False,
        graphs=graphs,
    )
    engine, choices = load_engine(directory, options)
    if graphs != "off" and dtype == torch.bfloat16:
        reserved = make_plan(directory, options).need.graphs / _MIB
        notes += [text for text in choices if text.startswith("Decode steps")]
        notes.append(f"The fit check reserves {reserved:.0f} MiB for them.")

    return lambda streams, tokens: decode(engine, prompts(streams), tokens)


def prompts(streams: int) -> list[list[int]]:
    return [[2 + (7 * stream + at) % 90 for at in range(32)] for stream in range(streams)]


def _compare(systems: dict[str, System], streams: int, tokens: int, outcome: Outcome) -> None:
    expected = systems[_TRANSFORMERS](streams, tokens).tokens
    for name, run in systems.items():
        found = run(streams, tokens).tokens
        equal = [_equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True)]
        if min(equal) < tokens:
            outcome.differs[f"{name}, {streams} streams"] = (
                f"{sum(count == tokens for count in equal)} of {streams} answers equal, the first "
                f"other token at {min(equal)}"
            )


def _equal(mine: list[int], theirs: list[int]) -> int:
    """How many tokens are the same from the beginning."""
    pairs = enumerate(zip(mine, theirs, strict=True))
    return next((at for at, (one, other) in pairs if one != other), len(mine))


def _speeds(systems: dict[str, System], settings: Settings) -> dict[str, dict[int, float]]:
    def speed(run: System) -> Callable[[int, int], float]:
        return lambda streams, tokens: run(streams, tokens).speed

    told = {name: speed(run) for name, run in systems.items()}
    return interleaved(told, settings.streams, settings.rounds, settings.tokens, warm_up=4)
