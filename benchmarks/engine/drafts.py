"""What guessing by DeepSeek-V4's draft module gains, with weights that were trained for it.

    python -m benchmarks.engine.drafts [--directory DIR] [--steps 300] [--guesses 0,1,2,3]
        [--streams 1,4] [--rounds 3] [--tokens 96] [--weights auto] [--temperature 0]

Trains the tiny model of `benchmarks.engine.trained_v4` (some minutes) unless DIR has one; prompts
are of a page that it never saw. So small a model soon repeats itself where it is greedy, which is
easy to guess; drawn answers (``--temperature 1``) do not. Rounds are interleaved, figures are
medians of decoding alone, tokens of a CPU second and of a second. ``a step``: tokens of each
stream; ``right``: share of the guesses; ``same``: whether the answers were those without guesses.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from benchmarks.engine.decoding import begun
from benchmarks.engine.trained_v4 import held_out, train
from inference.engine.engine import Engine
from inference.engine.loading import EngineOptions, load_engine

_PROMPT = 96


@dataclass(frozen=True, slots=True)
class Measured:
    of_cpu: float
    of_wall: float
    per_step: float
    right: float
    answers: list[list[int]]


def measure(engine: Engine, streams: int, tokens: int, temperature: float) -> Measured:
    sequences = begun(engine, held_out(streams, _PROMPT), tokens, temperature)
    stats, had = engine.stats, sum(len(one.output_ids) for one in sequences)
    steps, guessed, right = stats.steps, stats.guessed_tokens, stats.accepted_tokens
    cpu, wall = time.process_time(), time.perf_counter()
    while engine.has_work:
        engine.step()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    drawn = sum(len(one.output_ids) for one in sequences) - had
    asked = stats.guessed_tokens - guessed
    return Measured(
        drawn / cpu,
        drawn / wall,
        drawn / streams / (stats.steps - steps),
        (stats.accepted_tokens - right) / asked if asked else 0.0,
        [one.output_ids for one in sequences],
    )


def compare(
    engines: dict[int, Engine], streams: int, rounds: int, tokens: int, temperature: float
) -> dict[int, dict[str, float]]:
    measured: dict[int, list[Measured]] = {number: [] for number in engines}
    for at in range(rounds + 1):
        for number, engine in engines.items():
            one = measure(engine, streams, tokens, temperature)
            if at:  # the first round warms up
                measured[number].append(one)
    plain = next(iter(measured.values()))[0].answers
    return {
        number: {
            "tokens_per_cpu_second": median(one.of_cpu for one in own),
            "tokens_per_second": median(one.of_wall for one in own),
            "tokens_per_step": own[0].per_step,
            "right": own[0].right,
            "same": all(one.answers == plain for one in own),
        }
        for number, own in measured.items()
    }


def trained(directory: Path, steps: int) -> Path:
    if not (directory / "model.safetensors").exists():
        torch.set_num_threads(1)
        directory.mkdir(parents=True, exist_ok=True)
        began = time.process_time()
        trunk, module = train(directory, steps)
        print(
            f"trained {steps} steps in {time.process_time() - began:.0f} CPU seconds: "
            f"{trunk:.2f} nats a byte one ahead, {module:.2f} two ahead",
            file=sys.stderr,
        )
    return directory


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.drafts")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--guesses", default="0,1,2,3")
    parser.add_argument("--streams", default="1,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--temperature", type=float, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    numbers = [int(number) for number in options.guesses.split(",")]
    with tempfile.TemporaryDirectory() as name:
        directory = trained(options.directory or Path(name), options.steps)
        engines = {
            number: load_engine(
                directory,
                EngineOptions(
                    weights=options.weights, guesses=number, threads=1, prefix_cache=False
                ),
            )[0]
            for number in numbers
        }
        for streams in (int(count) for count in options.streams.split(",")):
            found = compare(engines, streams, options.rounds, options.tokens, options.temperature)
            if options.json:
                print(json.dumps({"streams": streams, "by_guesses": found}))
                continue
            plain = found[numbers[0]]
            for number, one in found.items():
                gain = one["tokens_per_cpu_second"] / plain["tokens_per_cpu_second"]
                print(
                    f"{streams:3} streams {number:2} guesses "
                    f"{one['tokens_per_cpu_second']:8.1f} a CPU second ({gain:.2f}x), "
                    f"{one['tokens_per_second']:.1f} a second, "
                    f"{one['tokens_per_step']:.2f} a step, {one['right']:.0%} right, "
                    f"{'same' if one['same'] else 'other'} answers"
                )


if __name__ == "__main__":
    main()
