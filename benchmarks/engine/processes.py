"""Systems under measurement, each a process that answers what it is asked."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Medians = dict[str, dict[int, float]]
"""By a system's name and number of streams: tokens a second."""


@dataclass(slots=True)
class System:
    name: str
    process: subprocess.Popen[str]
    found: dict[int, list[float]] = field(default_factory=dict[int, list[float]])

    def ask(self, streams: int, tokens: int) -> dict[str, float]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"streams": streams, "tokens": tokens}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def measure(self, streams: int, tokens: int) -> None:
        answer = self.ask(streams, tokens)
        speed = answer["decode" if streams == 1 else "total"]
        self.found.setdefault(streams, []).append(speed)
        print(f"{self.name:24}{streams:4} streams {speed:8.1f}", file=sys.stderr, flush=True)

    def answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def stop(self) -> None:
        """It ends, and what it started, when it is asked no more."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def start(
    name: str, weights: Path, threads: int, *more: str, module: str = "benchmarks.engine.systems"
) -> System:
    """Args: name: a system and its weights' format, such as ``llama.cpp Q8_0``.
    module: `systems` or `servers`; more: what it is told besides.
    """
    system, form = name.split(" ")
    process = subprocess.Popen(
        [sys.executable, "-m", module, system, str(weights), str(threads), form, *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    started = System(name, process)
    started.answer()
    return started


def interleaved(
    files: Mapping[str, Path],
    module: str,
    threads: int,
    rounds: int,
    tokens: int,
    streams: tuple[int, ...],
) -> Medians:
    with ExitStack() as stack:
        systems: list[System] = []
        for name, path in files.items():
            systems.append(start(name, path, threads, module=module))
            stack.callback(systems[-1].stop)
        for _ in range(rounds):
            for count in streams:
                for system in systems:
                    system.measure(count, tokens)
    return {s.name: {n: median(s.found[n]) for n in streams} for s in systems}
