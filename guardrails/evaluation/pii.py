"""``sovgate eval pii FILE``: how well and how fast personal data is found."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from guardrails.evaluation.spans import SpanScores, types_of
from guardrails.pii.cache import FindingsCache
from guardrails.pii.engine import PiiEngine
from guardrails.pii.entities import DEFAULT_ENTITIES, OPTIONAL_ENTITIES
from guardrails.types import Span


class Detector(Protocol):
    """What is evaluated: our engine or another one behind the same method."""

    version: str

    def detect(self, text: str, *, entities: frozenset[str] | None = None) -> Sequence[Span]: ...


def evaluate_pii(
    rows: Iterable[dict[str, Any]],
    engine: Detector | None = None,
    *,
    entities: frozenset[str] | None = None,
) -> dict[str, Any]:
    """Score a detector on rows of ``{text, spans: [{start, end, label}], lang}``.

    A gold span counts as found when a finding of a matching type overlaps it; a finding counts
    as right when it overlaps a gold span of a matching type. ``untyped_*`` are per character.
    ``latency_ms`` is wall time per text, ``cpu_ms`` the mean processor time per text.

    Args:
        entities: the types looked for; ``None``: the default ones, and of the optional ones
            (dates, nationalities, forms of address) those that the rows label.
    """
    rows = list(rows)
    if entities is None:
        entities = DEFAULT_ENTITIES | (OPTIONAL_ENTITIES & _labelled(rows))
    detector = engine or PiiEngine.load(cache=FindingsCache(max_spans=1))
    detector.detect("Warm up: Greta Vogel, +49 170 1234567.")
    total, by_language = SpanScores(), dict[str, SpanScores]()
    latencies: list[float] = []
    cpu = 0.0
    for row in rows:
        started, started_cpu = time.perf_counter(), time.process_time()
        found = detector.detect(row["text"], entities=entities)
        cpu += time.process_time() - started_cpu
        latencies.append(1000 * (time.perf_counter() - started))
        total.add(row["spans"], found)
        by_language.setdefault(row.get("lang") or "?", SpanScores()).add(row["spans"], found)
    languages = {
        language: {name: scores.result()[name] for name in ("n", "precision", "recall", "f2")}
        for language, scores in sorted(by_language.items())
    }
    return {
        **total.result(),
        "per_language": languages,
        "latency_ms": {"p50": _quantile(latencies, 0.5), "p99": _quantile(latencies, 0.99)},
        "cpu_ms": round(1000 * cpu / len(latencies), 3) if latencies else 0.0,
        "engine": detector.version,
    }


def _labelled(rows: Iterable[dict[str, Any]]) -> frozenset[str]:
    labels = {span["label"] for row in rows for span in row["spans"]}
    return frozenset(kind for label in labels for kind in types_of(label))


def _quantile(values: Sequence[float], share: float) -> float:
    if not values:
        return 0.0
    ordered = sorted(values)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)
