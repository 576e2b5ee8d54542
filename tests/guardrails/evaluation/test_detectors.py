"""Evaluation of moderation and injection: shape of the result and sums by hand."""

import json
from typing import Any

from guardrails.evaluation.injection import evaluate_injection
from guardrails.evaluation.moderation import evaluate_moderation
from guardrails.types import Role, Verdict


class LengthDetector:
    """Scores a text by its length in tens; flags from 0.5."""

    version = "length@1"
    threshold = 0.5

    def score(self, text: str, role: Role = Role.USER) -> Verdict:
        score = min(len(text) / 10, 1.0)
        return Verdict(self.version, score, self.threshold, score >= self.threshold)


ROWS: list[dict[str, Any]] = [
    {
        "text": "a" * 9,
        "unsafe": True,
        "category": "hate",
        "lang": "en",
        "role": "user",
        "source": "x",
    },
    {
        "text": "a" * 2,
        "unsafe": True,
        "category": "hate",
        "lang": "de",
        "role": "user",
        "source": "x",
    },
    {"text": "a" * 6, "unsafe": False, "lang": "en", "role": "assistant", "source": "y"},
    {"text": "a" * 1, "unsafe": False, "lang": "en", "role": "martian", "source": "y"},
]


def test_figures_by_hand() -> None:
    found = evaluate_moderation(ROWS, LengthDetector())
    assert found["n"] == 4
    assert (found["accuracy"], found["f1"], found["tpr"], found["fpr"]) == (0.5, 0.5, 0.5, 0.5)
    assert found["auroc"] == 0.75
    assert found["per_source"]["x"]["tpr"] == 0.5
    assert found["per_source"]["x"]["auroc"] is None
    assert found["per_source"]["y"]["fpr"] == 0.5
    assert found["per_category"] == {"hate": found["per_source"]["x"]}
    assert found["cpu_ms"] >= 0
    json.dumps(found)


def test_injection_reads_attack() -> None:
    rows = [{"text": row["text"], "attack": row["unsafe"], "lang": "en"} for row in ROWS]
    found = evaluate_injection(rows, LengthDetector())
    assert found["tpr_at_fpr_1"] == 0.5
    assert found["per_source"] == {}


def test_no_rows() -> None:
    found = evaluate_moderation([], LengthDetector())
    assert found["n"] == 0
    assert found["auprc"] is None
    assert found["latency_ms"] == {"p50": None, "p99": None}


def test_the_released_guards_are_the_default() -> None:
    assert evaluate_moderation(ROWS)["detector"].startswith("moderation@")
    rows = [{"text": "Hello", "attack": False}]
    assert evaluate_injection(rows)["detector"].startswith("injection@")
