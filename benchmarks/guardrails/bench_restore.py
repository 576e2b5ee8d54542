"""What putting values back costs: per character, per request, and in characters held back.

    python -m benchmarks.guardrails.bench_restore [--seconds 2] [--json]

An answer of English prose with one stand-in in about twelve words is restored whole and in
pieces of a few characters, as models stream; and masked, as requests are. Hold-back is the time
by which a character reaches the client later than it came, at a model's pace of one piece every
20 ms: the pieces it had to wait for, times the pace.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable

from guardrails.pii import MaskScope, ScopeMemory, Span
from guardrails.types import MaskMode

PACE_MS = 20.0
_WORDS = (
    "the meeting about your order will take place on Monday and we kindly ask you to send the "
    "papers before noon since our people need them for their report which is due this week"
)
_VALUES = {
    "PERSON": ["Greta Vogel", "Jürgen Petersen", "Emily Carter", "Vogel", "王小明"],
    "EMAIL_ADDRESS": ["greta.vogel@firma.de", "emily.carter@company.com"],
    "PHONE_NUMBER": ["+49 170 1234567", "(415) 867-5309"],
    "IBAN_CODE": ["DE89 3704 0044 0532 0130 00"],
    "DATE_OF_BIRTH": ["14.03.1987"],
}


def prose(generator: random.Random, words: int) -> tuple[str, list[Span]]:
    """A text and where its values stand."""
    parts: list[str] = []
    spans: list[Span] = []
    position = 0
    for _ in range(words):
        kind = generator.choice(list(_VALUES)) if generator.random() < 1 / 12 else None
        word = generator.choice(_WORDS.split() if kind is None else _VALUES[kind])
        if kind is not None:
            spans.append(Span(position, position + len(word), kind, 1.0, "bench@1"))
        parts.append(word)
        position += len(word) + 1
    return " ".join(parts), spans


def pieces_of(generator: random.Random, text: str) -> list[str]:
    """Pieces of one to eight characters, four on average, as tokens of a model."""
    pieces: list[str] = []
    position = 0
    while position < len(text):
        end = position + generator.randint(1, 7)
        pieces.append(text[position:end])
        position = end
    return pieces


def per_run(function: Callable[[], object], seconds: float) -> float:
    """Median CPU seconds of a run."""
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times) < 5:
        start = time.thread_time()
        function()
        times.append(time.thread_time() - start)
    return statistics.median(times)


def held_back(scope: MaskScope, pieces: list[str]) -> list[int]:
    """For each character of the upstream's text, how many further pieces it waited for."""
    restorer = scope.restorer()
    waits: list[int] = []
    waiting: list[int] = []  # the piece in which each character that waits came
    for number, piece in enumerate(pieces):
        waiting += [number] * len(piece)
        restorer.feed(piece)
        left = len(restorer._pending)
        gone, waiting = waiting[: len(waiting) - left], waiting[len(waiting) - left :]
        waits += [number - came for came in gone]
    return waits + [len(pieces) - 1 - came for came in waiting]


def measure(mode: MaskMode | None, seconds: float) -> dict[str, float]:
    generator = random.Random(3)
    text, spans = prose(generator, 600)
    modes = {} if mode is None else dict.fromkeys(_VALUES, mode)
    memory = ScopeMemory(secret=b"s" * 32, hash_key=b"h" * 32)
    scope = MaskScope([text], memory=memory, modes=modes)
    masked = scope.mask_all([text], [spans])[0]
    assert scope.restore(masked) == text
    pieces = pieces_of(generator, masked)

    def stream() -> None:
        restorer = scope.restorer()
        for piece in pieces:
            restorer.feed(piece)
        restorer.flush()

    def mask() -> None:
        MaskScope([text], memory=memory, modes=modes).mask_all([text], [spans])

    size = len(masked)
    waits = sorted(held_back(scope, pieces))
    return {
        "characters": size,
        "whole_ns_per_character": per_run(lambda: scope.restore(masked), seconds) / size * 1e9,
        "streamed_ns_per_character": per_run(stream, seconds) / size * 1e9,
        "streamed_us_per_piece": per_run(stream, seconds) / len(pieces) * 1e6,
        "mask_ms": per_run(mask, seconds) * 1e3,
        "characters_held_percent": 100 * sum(wait > 0 for wait in waits) / size,
        "hold_back_mean_ms": statistics.mean(waits) * PACE_MS,
        "hold_back_p99_ms": waits[int(len(waits) * 0.99)] * PACE_MS,
        "first_token_wait_ms": waits[0] * PACE_MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What restoring costs.")
    parser.add_argument("--seconds", type=float, default=2.0, help="per figure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    modes = {
        "placeholder": MaskMode.PLACEHOLDER,
        "hash": MaskMode.HASH,
        "surrogate": MaskMode.SURROGATE,
    }
    rows = {name: measure(mode, options.seconds) for name, mode in modes.items()}
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for figure in rows["placeholder"]:
        values = "  ".join(f"{rows[name][figure]:>12.2f}" for name in rows)
        print(f"{figure:<28}{values}")
    print(f"{'':<28}" + "  ".join(f"{name:>12}" for name in rows))


if __name__ == "__main__":
    main()
