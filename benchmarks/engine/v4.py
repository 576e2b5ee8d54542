"""Tokens a second of DeepSeek-V4: our steps in C, our steps in torch, llama.cpp and transformers.

    python -m benchmarks.engine.v4 [--size tiny|small] [--threads 1] [--rounds 3] [--tokens 32]
        [--weights float32,bfloat16,int8,int4] [--clock wall|cpu]

Tokens of a second, or of one of the processor's: that of a crowded machine tells more, but not of
llama.cpp, which is a process of its own. ``--weights`` are those of our steps in C.

Random weights, float32 to begin with, the same for all, in sizes that llama.cpp has code for;
prompts of 32 tokens, answers of ``--tokens``. Rounds are interleaved; a figure is the median of
decoding alone, from the first token on (of llama.cpp the sum of what its slots tell).
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.engine.decoding import Run, decode, decode_with_transformers, interleaved
from benchmarks.engine.gguf_v4 import write_gguf
from benchmarks.engine.processes import System, start
from benchmarks.engine.systems import prompt
from benchmarks.engine.tiny_v4 import TINY, make_tiny_v4
from inference.engine.loading import EngineOptions, load_engine
from inference.kernels.registry import WEIGHTS, Preference, Weights

STREAMS = (1, 16)
# llama.cpp has one size of a turned part, of an indexer's head and of a compressed window each.
_PEER: dict[str, Any] = {
    **TINY,
    "vocab_size": 320,
    "head_dim": 128,
    "qk_rope_head_dim": 64,
    "index_head_dim": 64,
}
RATES = {"csa": 4, "hca": 128}
SIZES: dict[str, dict[str, Any]] = {
    "tiny": _PEER,
    "small": {
        **_PEER,
        "vocab_size": 4096,
        "hidden_size": 512,
        "moe_intermediate_size": 256,
        "num_attention_heads": 16,
        "q_lora_rank": 256,
        "n_routed_experts": 64,
        "num_experts_per_tok": 6,
        "sliding_window": 128,
        "o_lora_rank": 128,
        "index_topk": 64,
    },
}
Clock = Literal["wall", "cpu"]
Speed = Callable[[int, int], float]
"""(streams, tokens) -> tokens a second."""


def prompts(streams: int, vocabulary: int) -> list[list[int]]:
    return [prompt(stream, vocabulary) for stream in range(streams)]


def _by(clock: Clock, run: Run) -> float:
    return run.of_cpu if clock == "cpu" else run.speed


def ours(
    directory: Path, threads: int, clock: Clock, kernels: Preference, weights: Weights = "auto"
) -> Speed:
    options = EngineOptions(kernels=kernels, weights=weights, threads=threads, prefix_cache=False)
    engine, _ = load_engine(directory, options)
    vocabulary = engine.config.vocab_size
    return lambda n, tokens: _by(clock, decode(engine, prompts(n, vocabulary), tokens))


def llama_cpp(system: System) -> Speed:
    return lambda streams, tokens: system.ask(streams, tokens)["decode"]


def hugging_face(model: Any, clock: Clock) -> Speed:
    def run(streams: int, tokens: int) -> float:
        asked = prompts(streams, model.config.vocab_size)
        return _by(clock, decode_with_transformers(model, asked, tokens))

    return run


def measure(
    size: str, threads: int, rounds: int, tokens: int, forms: Sequence[Weights], clock: Clock
) -> dict[str, dict[int, float]]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        model = make_tiny_v4(folder, sizes=SIZES[size], rates=RATES)
        systems: dict[str, Speed] = {
            f"ours, C, {form}": ours(folder, threads, clock, "native", form) for form in forms
        }
        systems["ours, torch"] = ours(folder, threads, clock, "packed")
        if clock == "wall":
            vocabulary = str(model.config.vocab_size)
            gguf = write_gguf(folder, folder / "v4.gguf")
            peer = start("llama.cpp F32", gguf, threads, vocabulary)
            stack.callback(peer.stop)
            systems["llama.cpp"] = llama_cpp(peer)
        systems["transformers"] = hugging_face(model, clock)
        narrow = deepcopy(model).to(torch.bfloat16)
        systems["transformers, bf16"] = hugging_face(narrow, clock)
        torch.set_num_threads(threads)
        return interleaved(systems, STREAMS, rounds, tokens, warm_up=2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.v4")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--weights", default="float32")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    named: list[str] = options.weights.split(",")
    forms: list[Weights] = [form for form in WEIGHTS if named.count(form)]
    found = measure(
        options.size, options.threads, options.rounds, options.tokens, forms, options.clock
    )
    for name, speeds in found.items():
        told = (
            f"{n:4} streams {v:8.1f} ({v / found['transformers'][n]:.1f}x)"
            for n, v in speeds.items()
        )
        print(f"{name:20}" + "".join(told))


if __name__ == "__main__":
    main()
