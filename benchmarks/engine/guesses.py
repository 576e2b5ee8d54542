"""What guessing tokens gains: tokens a second with and without, and how many guesses were right.

    python -m benchmarks.engine.guesses DIR [--guesses 0,2,4,8] [--rounds 3] [--weights auto]

With a tokenizer the tasks are a text to be said again, one to be summed up, and a free one; a
checkpoint without (tiny random ones) answers three prompts of random ids. DeepSeek-V4 checkpoints
with a draft module guess by it, others by prompt lookup. One stream, greedy; rounds are
interleaved, figures are medians. ``same`` says whether the answer was that without guesses.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.engine.turns import document
from inference.encoding.formats import Chat, load_format
from inference.engine.engine import Engine
from inference.engine.loading import EngineOptions, load_engine
from inference.engine.sequence import Sequence
from inference.kernels.registry import WEIGHTS
from inference.sampling_params import SamplingParams
from inference.tokenizer import Tokenizer

_STORY = (
    "The harbour master kept a book of every ship that came in. On quiet evenings he read the old "
    "entries aloud to his daughter, who learned the names of the ships before she learned to "
    "read. When she took over the office she kept the book, and added the weather."
)
TASKS = {
    "said again": f"Repeat this text word for word:\n\n{document(170, 1)}",
    "summed up": f"Summarise this text in two sentences:\n\n{_STORY}",
    "free": "Explain how a bicycle stays upright.",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """``per_step``: tokens drawn in a decode step; ``right``: share of the guesses."""

    speed: float
    per_step: float
    right: float
    answer: list[int]


def prompts(directory: Path, engine: Engine) -> dict[str, list[int]]:
    if not (directory / "tokenizer.json").exists():
        draw, most = random.Random(1), engine.config.vocab_size
        return {f"random {n}": [draw.randrange(most) for _ in range(64)] for n in range(3)}
    chats = load_format(directory, Tokenizer.load(directory), engine.config.kind)
    assert chats is not None
    asked = {name: [{"role": "user", "content": text}] for name, text in TASKS.items()}
    return {name: chats.prompt(Chat(messages)).ids for name, messages in asked.items()}


def measure(engine: Engine, ids: list[int], tokens: int) -> Measured:
    params = SamplingParams(max_tokens=tokens, temperature=0, ignore_eos=True)
    sequence = Sequence(ids, params, engine.config.num_experts_per_tok, frozenset())
    engine.add(sequence)
    while not sequence.output_ids:
        engine.step()
    stats, begun = engine.stats, time.perf_counter()
    steps, guessed, right = stats.steps, stats.guessed_tokens, stats.accepted_tokens
    while engine.has_work:
        engine.step()
    drawn = len(sequence.output_ids) - 1
    asked = stats.guessed_tokens - guessed
    return Measured(
        drawn / (time.perf_counter() - begun),
        drawn / (stats.steps - steps),
        (stats.accepted_tokens - right) / asked if asked else 0.0,
        sequence.output_ids,
    )


def compare(
    directory: Path, numbers: SequenceOf[int], rounds: int, weights: str, tokens: int
) -> dict[str, dict[int, dict[str, float]]]:
    if weights not in WEIGHTS:
        raise ValueError(f"{weights} is none of {', '.join(WEIGHTS)}")
    engines = {
        number: load_engine(
            directory, EngineOptions(weights=weights, guesses=number, prefix_cache=False)
        )[0]
        for number in numbers
    }
    found: dict[str, dict[int, dict[str, float]]] = {}
    for name, ids in prompts(directory, engines[numbers[0]]).items():
        measured: dict[int, list[Measured]] = {number: [] for number in numbers}
        for _ in range(rounds):
            for number, engine in engines.items():
                measured[number].append(measure(engine, ids, tokens))
        plain = measured[numbers[0]][0].answer
        found[name] = {
            number: {
                "tokens_per_second": median(one.speed for one in own),
                "tokens_per_step": own[0].per_step,
                "right": own[0].right,
                "same": all(one.answer == plain for one in own),
            }
            for number, own in measured.items()
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.guesses")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--guesses", default="0,2,4,8")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    numbers = [int(number) for number in options.guesses.split(",")]
    found = compare(options.directory, numbers, options.rounds, options.weights, options.tokens)
    if options.json:
        print(json.dumps(found))
        return
    for name, by_number in found.items():
        plain = by_number[numbers[0]]["tokens_per_second"]
        for number, one in by_number.items():
            print(
                f"{name:12} {number:2} guesses {one['tokens_per_second']:8.1f} tokens/s "
                f"({one['tokens_per_second'] / plain:.2f}x), {one['tokens_per_step']:.2f} a step, "
                f"{one['right']:.0%} right, {'same answer' if one['same'] else 'another answer'}"
            )


if __name__ == "__main__":
    main()
