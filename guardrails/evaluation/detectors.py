"""What the evaluations of moderation and injection share: run a detector, count, slice."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from guardrails.evaluation.metrics import Decisions, auprc, auroc, rounded, timed, tpr_at_fpr
from guardrails.types import Role, Verdict


class Detector(Protocol):
    """A guard that judges a text."""

    version: str
    threshold: float

    def score(self, text: str, role: Role = Role.USER) -> Verdict: ...


def evaluate_detector(
    rows: Sequence[Mapping[str, Any]], labels: Sequence[bool], detector: Detector
) -> dict[str, Any]:
    """Figures over all rows, per source and per category, at the shipped threshold.

    A row's ``role`` decides the threshold as it does in service; the curves use the score.
    """
    run = timed(lambda row: detector.score(str(row["text"]), _role(row)), rows)
    scores = np.array([verdict.score for verdict in run.results], float)
    flagged = np.array([verdict.flagged for verdict in run.results], bool)
    truth = np.array(labels, bool)
    return {
        "n": len(rows),
        "detector": detector.version,
        "threshold": detector.threshold,
        **_figures(truth, scores, flagged),
        "per_source": _sliced([row.get("source") for row in rows], truth, scores, flagged),
        "per_category": _sliced([row.get("category") for row in rows], truth, scores, flagged),
        "per_lang": _sliced([row.get("lang") for row in rows], truth, scores, flagged),
        **run.figures(),
    }


def _role(row: Mapping[str, Any]) -> Role:
    value = row.get("role") or "user"
    return Role(value) if value in set(Role) else Role.USER


def _figures(truth: Any, scores: Any, flagged: Any) -> dict[str, Any]:
    figures = {
        "auprc": auprc(truth, scores),
        "auroc": auroc(truth, scores),
        **Decisions.of(truth, flagged).figures(),
        "tpr_at_fpr_1": tpr_at_fpr(truth, scores, 0.01),
    }
    return rounded(figures)


def _sliced(keys: Sequence[Any], truth: Any, scores: Any, flagged: Any) -> dict[str, Any]:
    """Figures per value of a key; rows without one are left out."""
    names = np.array([str(key) if key is not None else "" for key in keys], dtype=object)
    found = {}
    for name in sorted(set(names) - {""}):
        mine = names == name
        found[name] = {
            "n": int(mine.sum()),
            **_figures(truth[mine], scores[mine], flagged[mine]),
        }
    return found
