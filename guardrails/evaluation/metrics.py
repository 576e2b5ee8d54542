"""Ranking and decision figures for binary detectors, in numpy.

Ties are handled as scikit-learn does: tied scores form one step of a curve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def _steps(labels: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """True and false positives counted down to every distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    ranked = labels[order].astype(float)
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(ranked)[last]
    return hits, (last + 1 - hits).astype(np.float64)


def auroc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Area under the ROC curve; ``None`` where a class is absent."""
    truth, values = np.asarray(labels, bool), np.asarray(scores, float)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    hits, misses = _steps(truth, values)
    tpr = np.concatenate([[0.0], hits / positives])
    fpr = np.concatenate([[0.0], misses / negatives])
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def auprc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Average precision (no interpolation); ``None`` where a class is absent."""
    truth, values = np.asarray(labels, bool), np.asarray(scores, float)
    if not truth.any() or truth.all():
        return None
    hits, misses = _steps(truth, values)
    recall = np.concatenate([[0.0], hits / truth.sum()])
    return float(np.sum(np.diff(recall) * hits / (hits + misses)))


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, limit: float) -> float | None:
    """The highest recall that keeps false positives at or below ``limit``."""
    truth, values = np.asarray(labels, bool), np.asarray(scores, float)
    if not truth.any() or truth.all():
        return None
    hits, misses = _steps(truth, values)
    allowed = misses / (~truth).sum() <= limit
    return float(hits[allowed].max() / truth.sum()) if allowed.any() else 0.0


@dataclass(frozen=True, slots=True)
class Decisions:
    """Counts at one threshold."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @classmethod
    def of(cls, labels: ArrayLike, flagged: ArrayLike) -> "Decisions":
        truth, said = np.asarray(labels, bool), np.asarray(flagged, bool)
        return cls(
            int((truth & said).sum()),
            int((~truth & said).sum()),
            int((truth & ~said).sum()),
            int((~truth & ~said).sum()),
        )

    def figures(self) -> dict[str, float | None]:
        """``accuracy``, ``f1``, ``tpr``, ``fpr``; ``None`` where the denominator is zero."""
        positives = self.true_positive + self.false_negative
        negatives = self.false_positive + self.true_negative
        total = positives + negatives
        return {
            "accuracy": _ratio(self.true_positive + self.true_negative, total),
            "f1": _ratio(
                2 * self.true_positive, self.true_positive + self.false_positive + positives
            ),
            "tpr": _ratio(self.true_positive, positives),
            "fpr": _ratio(self.false_positive, negatives),
        }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Timed:
    """Results of one call per text with the wall time of each and the CPU time of all."""

    results: list[Any]
    wall_ms: Floats
    cpu_ms: float

    def figures(self) -> dict[str, Any]:
        """``latency_ms`` with its percentiles and mean ``cpu_ms`` per text."""
        if not self.results:
            return {"latency_ms": {"p50": None, "p99": None}, "cpu_ms": None}
        p50, p99 = np.percentile(self.wall_ms, (50, 99))
        return {
            "latency_ms": {"p50": round(float(p50), 4), "p99": round(float(p99), 4)},
            "cpu_ms": round(self.cpu_ms / len(self.results), 4),
        }


def timed(call: Callable[[Any], Any], inputs: Sequence[Any]) -> Timed:
    """Call once per input, after one call that warms caches up."""
    if inputs:
        call(inputs[0])
    wall = np.empty(len(inputs))
    results: list[Any] = []
    cpu = process_time()
    for number, item in enumerate(inputs):
        begin = perf_counter()
        results.append(call(item))
        wall[number] = perf_counter() - begin
    return Timed(results, wall * 1e3, (process_time() - cpu) * 1e3)


def rounded(figures: dict[str, Any], digits: int = 4) -> dict[str, Any]:
    """Floats rounded for print; everything else untouched."""
    return {
        key: round(value, digits) if isinstance(value, float) else value
        for key, value in figures.items()
    }
