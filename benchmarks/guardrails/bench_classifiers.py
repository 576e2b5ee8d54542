"""CPU cost of the linear classifiers: ``python -m benchmarks.guardrails.bench_classifiers``."""

import argparse
import random
from collections.abc import Callable
from time import process_time

from gateway.routing import ComplexityModel
from guardrails.injection import InjectionGuard
from guardrails.moderation import ModerationGuard

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(count: int, seed: int) -> str:
    """Random words: nothing repeats, so nothing is cheaper than in earnest."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choices(_LETTERS, k=rng.randint(2, 9))) for _ in range(count))


def cpu_ms(call: Callable[[str], object], texts: list[str], repeat: int) -> float:
    """Mean CPU milliseconds per call after a warm-up; the best of five rounds."""
    call(texts[0])
    best = float("inf")
    for _ in range(5):
        begin = process_time()
        for number in range(repeat):
            call(texts[number % len(texts)])
        best = min(best, (process_time() - begin) / repeat * 1e3)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=100)
    repeat = parser.parse_args().repeat
    subjects = {
        "moderation": ModerationGuard.load().score,
        "injection": InjectionGuard.load().score,
        "router": ComplexityModel.load().assess,
    }
    print(f"{'words':>7} " + " ".join(f"{name:>12}" for name in subjects) + "   CPU ms per text")
    for count in (10, 100, 1000, 10_000):
        texts = [words(count, seed) for seed in range(20)]
        rounds = max(3, repeat * 100 // max(count, 100))
        figures = [cpu_ms(call, texts, rounds) for call in subjects.values()]
        print(f"{count:>7} " + " ".join(f"{value:12.3f}" for value in figures))


if __name__ == "__main__":
    main()
