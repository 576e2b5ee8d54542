"""Tokens a second of our engine, llama.cpp and transformers with SmolLM2-135M, side by side.

    python -m benchmarks.engine [--threads 1] [--rounds 5] [--tokens 64] [--json]

Rounds are interleaved, one system at a time; a figure is the median of its rounds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import gguf

from benchmarks.engine.weights import hugging_face, requantised
from inference.convert.gguf_source import default_source

STREAMS = (1, 16)
PAIRS = (
    # ours, whom it is beside, at least so many times as fast with 1 and with 16 streams
    ("ours int8", "llama.cpp Q8_0", 1.0, 2.0),
    ("ours int4", "llama.cpp Q4_0", 1.0, 2.0),
    ("ours int4", "llama.cpp Q4_1", 1.0, 2.0),
    ("ours int8", "transformers bfloat16", 4.0, 10.0),
    ("ours int8", "transformers float32", 4.0, 10.0),
    ("ours bfloat16", "transformers bfloat16", 4.0, 10.0),
)


@dataclass(slots=True)
class System:
    name: str
    process: subprocess.Popen[str]
    found: dict[int, list[float]] = field(default_factory=lambda: {n: [] for n in STREAMS})

    def ask(self, streams: int, tokens: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"streams": streams, "tokens": tokens}) + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        self.found[streams].append(answer["decode" if streams == 1 else "total"])
        speed = self.found[streams][-1]
        print(f"{self.name:24}{streams:4} streams {speed:8.1f}", file=sys.stderr, flush=True)

    def answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(line)


def start(name: str, weights: Path, threads: int) -> System:
    system, form = name.split(" ")
    command = [sys.executable, "-m", "benchmarks.engine.systems", system, str(weights)]
    process = subprocess.Popen(
        [*command, str(threads), form],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    started = System(name, process)
    started.answer()
    return started


def weights_of(folder: Path) -> dict[str, Path]:
    dense = hugging_face(folder / "dense")
    formats = gguf.GGMLQuantizationType
    return {
        "ours int8": dense,
        "ours int4": dense,
        "ours bfloat16": dense,
        "llama.cpp Q8_0": requantised(folder / "q8_0.gguf", formats.Q8_0),
        "llama.cpp Q4_0": requantised(folder / "q4_0.gguf", formats.Q4_0),
        "llama.cpp Q4_1": default_source(),
        "transformers bfloat16": dense,
        "transformers float32": dense,
    }


def measure(threads: int, rounds: int, tokens: int) -> dict[str, dict[int, float]]:
    with tempfile.TemporaryDirectory() as folder:
        files = weights_of(Path(folder))
        systems = [start(name, path, threads) for name, path in files.items()]
        try:
            for _ in range(rounds):
                for streams in STREAMS:
                    for system in systems:
                        system.ask(streams, tokens)
        finally:
            for system in systems:
                system.process.kill()
                system.process.wait()
    return {s.name: {n: median(s.found[n]) for n in STREAMS} for s in systems}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.threads, options.rounds, options.tokens)
    if options.json:
        print(json.dumps(found))
        return
    print(f"tokens a second, {options.threads} threads, median of {options.rounds} rounds")
    for name, speeds in found.items():
        print(f"{name:24}" + "".join(f"{n:4} streams {v:8.1f}" for n, v in speeds.items()))
    for name, other, one, many in PAIRS:
        ratios = [found[name][n] / found[other][n] for n in STREAMS]
        print(f"{name} / {other}: {ratios[0]:.2f} (asked {one}), {ratios[1]:.2f} (asked {many})")


if __name__ == "__main__":
    main()
