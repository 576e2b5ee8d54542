"""Cost of finding personal data: ours beside stock Presidio, in one run, phase by phase.

``python -m benchmarks.guardrails.bench_pii [--stock] [--json]`` prints CPU and wall milliseconds
per text of 60, 300 and 2,000 words, for texts never seen and for repeated ones. The engines take
turns text by text, so that a busy machine is busy for all of them. ``--stock`` adds
presidio-analyzer's own engine with spaCy's small model, as its documentation sets it up.
``--engine sovgate|stock`` measures one engine alone in the process.

``python -m benchmarks.guardrails.bench_pii --compare DIR`` runs the scanner and the plain rules
over every text of the ``*.jsonl`` files of a folder and counts texts whose findings differ.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# As the gateway sets it: with more threads than idle cores a small product takes milliseconds.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from guardrails.evaluation.stock import StockPresidio
from guardrails.pii import PiiEngine
from guardrails.pii.cache import FindingsCache
from guardrails.pii.engine import LANGUAGES
from guardrails.pii.recognizers.base import RuleRecognizer
from guardrails.pii.recognizers.catalogue import NONE, build_recognizers
from guardrails.pii.scan import PlainScanner, RuleScanner
from guardrails.pii.views import views

_SENTENCES = (
    "My name is Greta Vogel and I work for Siemens in Munich.",
    "Please send the contract for order {n} to greta.vogel{n}@example.com before Friday.",
    "The customer complained twice about the delivery, so call +49 170 12{n:05} in the morning.",
    "Our report describes the results of the third quarter and the plan for the next year.",
    "It would be helpful to have a short summary with the open questions at the end.",
)


def text_of(words: int, seed: int) -> str:
    """About ``words`` words, different for every seed."""
    parts: list[str] = []
    count = number = 0
    while count < words:
        sentence = _SENTENCES[number % len(_SENTENCES)].format(n=seed * 100 + number)
        count += len(sentence.split())
        number += 1
        parts.append(sentence)
    return " ".join(parts)


def measure(
    runs: Mapping[str, Callable[[str], object]], texts: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Per run the median CPU and wall milliseconds of a text; the first text only warms up."""
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    wall: dict[str, list[float]] = {name: [] for name in runs}
    for text in texts:
        for name, run in runs.items():
            started, burnt = time.perf_counter(), time.thread_time()
            run(text)
            cpu[name].append(1000 * (time.thread_time() - burnt))
            wall[name].append(1000 * (time.perf_counter() - started))
    return {
        name: {
            "cpu_ms": round(statistics.median(cpu[name][1:]), 4),
            "least_cpu_ms": round(min(cpu[name][1:]), 4),
            "p50_ms": round(statistics.median(wall[name][1:]), 4),
        }
        for name in runs
    }


def rule_recognizers() -> list[RuleRecognizer]:
    built = build_recognizers(LANGUAGES, NONE)
    return [each for each in built if isinstance(each, RuleRecognizer)]


def phases() -> dict[str, Callable[[str], object]]:
    """The default engine, and what of it runs alone."""
    engine = PiiEngine.load(cache=FindingsCache(1))
    patterns = PiiEngine.load(ner="none", cache=FindingsCache(1))
    engine.wait()
    patterns.wait()
    rules = rule_recognizers()
    everyone = frozenset(range(len(rules)))
    scanner, plain = RuleScanner(rules), PlainScanner(rules)
    return {
        "sovgate": engine.detect,
        "sovgate, patterns only": patterns.detect,
        "  of it: one scan": lambda text: scanner.find(text, everyone),
        "  of it: other readings": lambda text: list(views(text)),
        "  each rule on its own": lambda text: plain.find(text, everyone),
    }


def texts_of(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            row = json.loads(line)
            yield row.get("text") or row.get("prompt") or ""


def compare(folder: Path) -> dict[str, int]:
    """How many texts of a folder the scanner reads differently from the plain rules."""
    rules = rule_recognizers()
    everyone = frozenset(range(len(rules)))
    scanner, plain = RuleScanner(rules), PlainScanner(rules)
    counts = {"texts": 0, "characters": 0, "findings": 0, "differing_texts": 0}
    for text in texts_of(folder):
        expected = plain.find(text, everyone)
        counts["texts"] += 1
        counts["characters"] += len(text)
        counts["findings"] += len(expected)
        counts["differing_texts"] += scanner.find(text, everyone) != expected
    return counts


def alone(name: str) -> Callable[[str], object]:
    """One engine, for a process of its own: taking turns empties the caches of both."""
    if name == "stock":
        return StockPresidio().detect
    return PiiEngine.load(cache=FindingsCache(1)).detect


def benchmark(stock: bool, count: int, engine_alone: str | None) -> dict[str, dict[str, float]]:
    runs = {engine_alone: alone(engine_alone)} if engine_alone else phases()
    if stock:
        runs["presidio, stock"] = StockPresidio().detect
    result: dict[str, dict[str, float]] = {}
    for words in (60, 300, 2000):
        texts = [text_of(words, seed) for seed in range(count + 1)]
        for name, figures in measure(runs, texts).items():
            result[f"{name}, {words} words"] = figures
    if engine_alone:
        return result
    engine = PiiEngine.load(ner="none")
    repeated = [text_of(300, 1)] * 1_000
    result.update(measure({"sovgate, repeated, 300 words": engine.detect}, repeated))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=int, default=20)
    parser.add_argument("--engine", choices=("sovgate", "stock"), help="this one alone")
    parser.add_argument("--compare", type=Path, metavar="DIR")
    options = parser.parse_args()
    if options.compare is not None:
        print(json.dumps(compare(options.compare)))
        return
    result: dict[str, Any] = benchmark(options.stock, options.texts, options.engine)
    if options.json:
        print(json.dumps(result))
        return
    for name, figures in result.items():
        columns = "   ".join(f"{key} {value:9.3f}" for key, value in figures.items())
        print(f"{name:40} {columns}")


if __name__ == "__main__":
    main()
