"""Tokens a second of DeepSeek-V4: our steps in C, our steps in torch, llama.cpp and transformers.

    python -m benchmarks.engine.v4 [--size tiny|small] [--threads 1] [--rounds 3] [--tokens 32]

Random weights, float32, the same for all, in sizes that llama.cpp has code for; prompts of 32
tokens, answers of ``--tokens``. Rounds are interleaved; a figure is the median of decoding alone,
from the first token on (of llama.cpp the sum of what its slots tell).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.engine.gguf_v4 import write_gguf
from benchmarks.engine.processes import System, start
from benchmarks.engine.systems import prompt
from benchmarks.engine.tiny_v4 import TINY, make_tiny_v4
from inference.engine.loading import EngineOptions, load_engine
from inference.engine.sequence import Sequence
from inference.kernels.registry import Preference
from inference.sampling_params import SamplingParams

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
Run = Callable[[int, int], float]
"""(streams, tokens) -> tokens a second."""


def prompts(streams: int, vocabulary: int) -> list[list[int]]:
    return [prompt(stream, vocabulary) for stream in range(streams)]


def ours(directory: Path, threads: int, kernels: Preference) -> Run:
    options = EngineOptions(kernels=kernels, threads=threads, prefix_cache=False)
    engine, _ = load_engine(directory, options)

    def run(streams: int, tokens: int) -> float:
        params = SamplingParams(max_tokens=tokens, temperature=0, ignore_eos=True)
        several = [
            Sequence(ids, params, engine.config.num_experts_per_tok, frozenset())
            for ids in prompts(streams, engine.config.vocab_size)
        ]
        for sequence in several:
            engine.add(sequence)
        while not all(one.output_ids for one in several):
            engine.step()
        drawn, started = 0, time.perf_counter()
        while engine.has_work:
            drawn += len(engine.step())
        return drawn / (time.perf_counter() - started)

    return run


def llama_cpp(system: System) -> Run:
    return lambda streams, tokens: system.ask(streams, tokens)["decode"]


def hugging_face(model: Any) -> Run:
    def run(streams: int, tokens: int) -> float:
        ids = torch.tensor(prompts(streams, model.config.vocab_size))
        with torch.inference_mode():
            out = model(ids, use_cache=True)
            started = time.perf_counter()
            for _ in range(tokens - 1):
                following = out.logits[:, -1:].argmax(-1)
                out = model(following, past_key_values=out.past_key_values, use_cache=True)
            return streams * (tokens - 1) / (time.perf_counter() - started)

    return run


def measure(size: str, threads: int, rounds: int, tokens: int) -> dict[str, dict[int, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_tiny_v4(folder, sizes=SIZES[size], rates=RATES)
        vocabulary = str(model.config.vocab_size)
        peer = start("llama.cpp F32", write_gguf(folder, folder / "v4.gguf"), threads, vocabulary)
        try:
            systems: dict[str, Run] = {
                "ours, C": ours(folder, threads, "native"),
                "ours, torch": ours(folder, threads, "packed"),
                "llama.cpp": llama_cpp(peer),
                "transformers": hugging_face(model),
            }
            torch.set_num_threads(threads)
            return interleaved(systems, rounds, tokens)
        finally:
            peer.stop()


def interleaved(systems: dict[str, Run], rounds: int, tokens: int) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, list[float]]] = {}
    for at in range(rounds + 1):  # the first one warms up
        for streams in STREAMS:
            for name, run in systems.items():
                speed = run(streams, tokens if at else 2)
                found.setdefault(name, {}).setdefault(streams, []).append(speed)
    return {name: {n: median(v[1:]) for n, v in by.items()} for name, by in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.v4")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    options = parser.parse_args()
    found = measure(options.size, options.threads, options.rounds, options.tokens)
    for name, speeds in found.items():
        told = (
            f"{n:4} streams {v:8.1f} ({v / found['transformers'][n]:.1f}x)"
            for n, v in speeds.items()
        )
        print(f"{name:14}" + "".join(told))


if __name__ == "__main__":
    main()
