"""Tokens a second of DeepSeek-V4: our steps in C, our steps in torch, llama.cpp and transformers.

    python -m benchmarks.engine.v4 [--size tiny|small] [--threads 1] [--rounds 3] [--tokens 32]

Random weights, float32, the same for all, in sizes that llama.cpp has code for; prompts of 32
tokens, answers of ``--tokens``. Rounds are interleaved; a figure is the median of decoding alone,
from the first token on (of llama.cpp the sum of what its slots tell).
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.engine.decoding import decode, decode_with_transformers, interleaved
from benchmarks.engine.gguf_v4 import write_gguf
from benchmarks.engine.processes import System, start
from benchmarks.engine.systems import prompt
from benchmarks.engine.tiny_v4 import TINY, make_tiny_v4
from inference.engine.loading import EngineOptions, load_engine
from inference.kernels.registry import Preference

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
Speed = Callable[[int, int], float]
"""(streams, tokens) -> tokens a second."""


def prompts(streams: int, vocabulary: int) -> list[list[int]]:
    return [prompt(stream, vocabulary) for stream in range(streams)]


def ours(directory: Path, threads: int, kernels: Preference) -> Speed:
    options = EngineOptions(kernels=kernels, threads=threads, prefix_cache=False)
    engine, _ = load_engine(directory, options)
    vocabulary = engine.config.vocab_size
    return lambda streams, tokens: decode(engine, prompts(streams, vocabulary), tokens).speed


def llama_cpp(system: System) -> Speed:
    return lambda streams, tokens: system.ask(streams, tokens)["decode"]


def hugging_face(model: Any) -> Speed:
    def run(streams: int, tokens: int) -> float:
        asked = prompts(streams, model.config.vocab_size)
        return decode_with_transformers(model, asked, tokens).speed

    return run


def measure(size: str, threads: int, rounds: int, tokens: int) -> dict[str, dict[int, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_tiny_v4(folder, sizes=SIZES[size], rates=RATES)
        vocabulary = str(model.config.vocab_size)
        peer = start("llama.cpp F32", write_gguf(folder, folder / "v4.gguf"), threads, vocabulary)
        try:
            systems: dict[str, Speed] = {
                "ours, C": ours(folder, threads, "native"),
                "ours, torch": ours(folder, threads, "packed"),
                "llama.cpp": llama_cpp(peer),
                "transformers": hugging_face(model),
            }
            torch.set_num_threads(threads)
            return interleaved(systems, STREAMS, rounds, tokens, warm_up=2)
        finally:
            peer.stop()


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
