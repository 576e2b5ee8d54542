"""Figures of the injection guard on rows ``{text, attack, lang}``."""

from collections.abc import Iterable, Mapping
from typing import Any

from guardrails.evaluation.detectors import Detector, evaluate_detector
from guardrails.injection import InjectionGuard


def evaluate_injection(
    rows: Iterable[Mapping[str, Any]], guard: Detector | None = None
) -> dict[str, Any]:
    """See :func:`guardrails.evaluation.detectors.evaluate_detector`; released guard if none."""
    table = list(rows)
    labels = [bool(row["attack"]) for row in table]
    return evaluate_detector(table, labels, guard or InjectionGuard.load())
