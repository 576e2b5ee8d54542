"""How long the second turn of a long conversation waits for its first token.

    python -m benchmarks.engine.turns DIR [--history 2000] [--rounds 3] [--weights auto] [--json]

DIR is a checkpoint with a tokenizer and a chat template, as ``sovgate model convert`` makes it.
A round asks about a text of its own, so that only its second turn finds anything cached: once
through the engine, then over HTTP against ``sovgate worker serve``. Figures are medians.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.engine.servers import worker

Turns = tuple[float, float]
"""Seconds to the first token of the first and of the second turn."""

ANSWER_TOKENS = 32


def document(tokens: int, number: int) -> str:
    """Text of about so many tokens of SmolLM2's, another for each number."""
    lines = (
        f"Item {number}-{at}: the pump in hall {at % 7} ran {at * 13 % 61} hours and used "
        f"{at * 29 % 97} litres."
        for at in range(tokens // 28)
    )
    return "\n".join(lines)


def question(number: int, history: int) -> list[dict[str, str]]:
    text = f"{document(history, number)}\nWhich hall ran longest?"
    return [{"role": "user", "content": text}]


def following(answer: str) -> list[dict[str, str]]:
    return [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "And which one used least?"},
    ]


def through_engine(
    directory: Path, history: int, rounds: int, weights: str
) -> tuple[list[Turns], int]:
    """The rounds' turns, and how many tokens their prompts had."""
    from inference.encoding.formats import Chat, load_format
    from inference.engine.loading import EngineOptions, load_engine
    from inference.engine.sequence import Sequence
    from inference.kernels.registry import WEIGHTS
    from inference.sampling_params import SamplingParams
    from inference.tokenizer import Tokenizer

    if weights not in WEIGHTS:
        raise ValueError(f"{weights} is none of {', '.join(WEIGHTS)}")
    engine, _ = load_engine(directory, EngineOptions(weights=weights))
    tokenizer = Tokenizer.load(directory)
    chats = load_format(directory, tokenizer, engine.config.kind)
    assert chats is not None
    params = SamplingParams(max_tokens=ANSWER_TOKENS, temperature=0, ignore_eos=True)

    def turn(messages: list[dict[str, str]]) -> tuple[float, str, int]:
        ids = chats.prompt(Chat(messages)).ids
        sequence = Sequence(ids, params, engine.config.num_experts_per_tok, frozenset())
        started, first = time.perf_counter(), 0.0
        engine.add(sequence)
        while engine.has_work:
            engine.step()
            first = first or (time.perf_counter() if sequence.output_ids else 0.0)
        return first - started, tokenizer.decode(sequence.output_ids, skip_special=True), len(ids)

    turn(question(-1, 64))
    turns, lengths = [], []
    for number in range(rounds):
        messages = question(number, history)
        first, answer, length = turn(messages)
        second, _, _ = turn(messages + following(answer))
        turns.append((first, second))
        print(f"engine {first:.2f} s, {second:.3f} s", file=sys.stderr, flush=True)
        lengths.append(length)
    return turns, round(median(lengths))


def over_http(directory: Path, history: int, rounds: int, weights: str) -> list[Turns]:
    with (
        worker(directory, "--weights", weights) as url,
        httpx.Client(base_url=url, timeout=300) as client,
    ):

        def turn(messages: list[dict[str, str]]) -> tuple[float, str]:
            body: dict[str, Any] = {"model": "model", "messages": messages, "temperature": 0}
            body |= {"max_tokens": ANSWER_TOKENS, "ignore_eos": True, "stream": True}
            started, first, texts = time.perf_counter(), 0.0, []
            with client.stream("POST", "/v1/chat/completions", json=body) as response:
                response.raise_for_status()
                for line in response.iter_lines():
                    if not line.startswith("data: {"):
                        continue
                    delta = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
                    if delta.get("content"):
                        first = first or time.perf_counter()
                        texts.append(delta["content"])
            return first - started, "".join(texts)

        turn(question(-1, 64))
        turns = []
        for number in range(rounds):
            messages = question(number, history)
            first, answer = turn(messages)
            turns.append((first, turn(messages + following(answer))[0]))
            print(f"http {turns[-1][0]:.2f} s, {turns[-1][1]:.3f} s", file=sys.stderr, flush=True)
        return turns


def summary(turns: list[Turns]) -> dict[str, float]:
    return {
        "first_s": median(first for first, _ in turns),
        "second_s": median(second for _, second in turns),
        "share": median(second / first for first, second in turns),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.turns")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--history", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    given = options.directory, options.history, options.rounds, options.weights
    turns, tokens = through_engine(*given)
    found = {"engine": summary(turns), "http": summary(over_http(*given))}
    if options.json:
        print(json.dumps({"tokens": tokens, **found}))
        return
    print(f"first turn of {tokens} tokens, median of {options.rounds} rounds")
    for name, one in found.items():
        print(
            f"{name:8} first {one['first_s']:.2f} s, second {one['second_s']:.3f} s: "
            f"{one['share']:.1%} (asked: 10 % at most)"
        )


if __name__ == "__main__":
    main()
