"""Figures of the moderation guard on rows ``{text, unsafe, category?, lang, role}``."""

from collections.abc import Iterable, Mapping
from typing import Any

from guardrails.evaluation.detectors import Detector, evaluate_detector
from guardrails.moderation import ModerationGuard


def evaluate_moderation(
    rows: Iterable[Mapping[str, Any]], guard: Detector | None = None
) -> dict[str, Any]:
    """See :func:`guardrails.evaluation.detectors.evaluate_detector`; released guard if none."""
    table = list(rows)
    labels = [bool(row["unsafe"]) for row in table]
    return evaluate_detector(table, labels, guard or ModerationGuard.load())
