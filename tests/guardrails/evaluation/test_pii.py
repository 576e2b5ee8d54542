"""The figures of ``evaluate_pii`` on hand-counted rows."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from guardrails.evaluation.ner import evaluate_ner
from guardrails.evaluation.pii import evaluate_pii
from guardrails.types import Span


class Scripted:
    """Finds what it was told to."""

    version = "scripted-1"

    def __init__(self, findings: dict[str, list[tuple[int, int, str]]]) -> None:
        self._findings = findings
        self.entities: frozenset[str] | None = None

    def detect(self, text: str, *, entities: frozenset[str] | None = None) -> Sequence[Span]:
        self.entities = entities
        return [Span(a, b, kind, 1.0, "x@1") for a, b, kind in self._findings.get(text, [])]


def row(text: str, *spans: tuple[int, int, str], lang: str = "en") -> dict[str, Any]:
    gold = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    return {"text": text, "spans": gold, "lang": lang}


ROWS = [
    row("Greta Vogel in Bonn", (0, 11, "PER"), (15, 19, "LOC")),
    row("call 030 1234", (5, 13, "PHONE_NUMBER"), lang="de"),
    row("nothing"),
]
FOUND = {
    "Greta Vogel in Bonn": [(0, 5, "PERSON"), (15, 19, "ORGANIZATION")],
    "call 030 1234": [(5, 13, "PHONE_NUMBER")],
    "nothing": [(0, 7, "PERSON")],
}


def test_figures_by_hand() -> None:
    result = evaluate_pii(ROWS, Scripted(FOUND))
    assert result["n"] == 3
    # Gold: person and phone found, the place only with a wrong type. Given: 2 of 4 right.
    assert (result["recall"], result["precision"]) == (pytest.approx(2 / 3, abs=1e-4), 0.5)
    assert result["f1"] == pytest.approx(4 / 7, abs=1e-4)
    assert result["f2"] == pytest.approx(5 * (1 / 3) / (2 + 2 / 3), abs=1e-4)
    # Characters: 23 gold, 24 given, 17 in both.
    assert result["untyped_recall"] == pytest.approx(17 / 23, abs=1e-4)
    assert result["untyped_precision"] == pytest.approx(17 / 24, abs=1e-4)
    assert result["strict"]["recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert result["strict"]["precision"] == 0.25
    assert result["per_label"]["PER"] == {"n": 1, "recall": 1.0, "counted_as": ["PERSON"]}
    assert result["per_type"]["PERSON"] == {"n": 2, "precision": 0.5}
    assert result["label_map"]["LOC"] == ["LOCATION", "STREET_ADDRESS"]
    assert result["per_language"]["de"]["recall"] == 1.0
    assert set(result["latency_ms"]) == {"p50", "p99"}
    json.dumps(result)


def test_no_rows_and_no_findings_give_zeros() -> None:
    empty = evaluate_pii([], Scripted({}))
    assert (empty["n"], empty["f2"], empty["latency_ms"]) == (0, 0.0, {"p50": 0.0, "p99": 0.0})
    assert evaluate_pii(ROWS, Scripted({}))["f2"] == 0.0


def test_names_only_are_looked_for_in_ner() -> None:
    detector = Scripted(FOUND)
    evaluate_ner(ROWS, detector)
    assert detector.entities is not None
    assert {"PERSON", "LOCATION", "ORGANIZATION"} <= detector.entities
    assert "EMAIL_ADDRESS" not in detector.entities


def test_the_shipped_engine_on_a_few_rows() -> None:
    rows = [
        row("My name is Greta Vogel.", (11, 22, "PERSON")),
        row("mail greta@example.com", (5, 22, "EMAIL")),
        row("Ich heiße Jörg Maier.", (10, 20, "PER"), lang="de"),
    ]
    result = evaluate_pii(rows)
    assert (result["recall"], result["precision"], result["strict"]["f1"]) == (1.0, 1.0, 1.0)
