"""Milliseconds of a decode step of DeepSeek-V4: in one process, and in two that share it.

    python -m benchmarks.engine.parallel [--size tiny|small] [--threads 1] [--tokens 20]

Random weights, float32; each way has its model, one after the other, and the median of its steps is
told. Two processes need two idle processors for their times to mean anything by themselves.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.engine.decoding import begun
from benchmarks.engine.tiny_v4 import make_tiny_v4
from benchmarks.engine.v4 import RATES, SIZES, STREAMS, prompts
from inference.engine.loading import EngineOptions, load_engine
from inference.kernels.registry import Preference
from inference.parallel import Layout

WAYS: dict[str, tuple[Layout, Preference]] = {
    "one process, steps in C": (Layout(), "auto"),
    "one process, torch": (Layout(), "packed"),
    "experts shared, steps in C": (Layout(expert=2), "auto"),
    "experts shared, torch": (Layout(expert=2), "packed"),
    "heads shared, steps in C": (Layout(tensor=2), "auto"),
}


def steps_of(directory: Path, options: EngineOptions, tokens: int) -> dict[int, float]:
    """Milliseconds by number of streams."""
    engine, _ = load_engine(directory, options)
    found: dict[int, float] = {}
    try:
        for streams in STREAMS:
            begun(engine, prompts(streams, engine.config.vocab_size), tokens)
            times: list[float] = []
            while engine.has_work:
                started = time.perf_counter()
                engine.step()
                times.append(time.perf_counter() - started)
            found[streams] = median(times) * 1e3
    finally:
        engine.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.parallel")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        make_tiny_v4(Path(name), sizes=SIZES[given.size], rates=RATES)
        for way, (layout, kernels) in WAYS.items():
            options = EngineOptions(
                kernels=kernels, threads=given.threads, prefix_cache=False, layout=layout
            )
            found = steps_of(Path(name), options, given.tokens)
            print(f"{way:28}" + "".join(f"{n:4} streams {ms:8.1f} ms" for n, ms in found.items()))


if __name__ == "__main__":
    main()
