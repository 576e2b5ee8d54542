"""Generated identifiers are found, look-alikes are not: the two sides share no code."""

from collections import Counter

import pytest

from guardrails.evaluation.spans import SpanScores, types_of
from guardrails.pii import PiiEngine
from guardrails.pii.entities import ALL_ENTITIES
from guardrails.training.structured import make_rows
from guardrails.training.structured.kinds import SORTS

_WORDS = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})


@pytest.fixture(scope="module")
def engine() -> PiiEngine:
    return PiiEngine.load(ner="none")


def test_the_same_seed_gives_the_same_rows() -> None:
    assert list(make_rows(50, 7)) == list(make_rows(50, 7))
    assert list(make_rows(50, 7)) != list(make_rows(50, 8))


def test_spans_lie_on_the_values() -> None:
    for row in make_rows(300, 11):
        for span in row["spans"]:
            value = row["text"][span["start"] : span["end"]]
            assert value.strip() == value != ""


def test_every_label_is_answered_by_some_type() -> None:
    for label in {sort.label for sort in SORTS}:
        assert set(types_of(label)) <= ALL_ENTITIES, label


def test_recall_and_precision_on_a_seed_of_its_own(engine: PiiEngine) -> None:
    scores, missed = SpanScores(), Counter[str]()
    for row in make_rows(900, 20_261):
        found = [span for span in engine.detect(row["text"]) if span.entity_type not in _WORDS]
        scores.add(row["spans"], found)
        for gold in row["spans"]:
            kinds = types_of(gold["label"])
            missed[gold["label"]] += not any(
                span.start < gold["end"] and gold["start"] < span.end and span.entity_type in kinds
                for span in found
            )
    result = scores.result()
    assert result["recall"] >= 0.98, missed.most_common(9)
    assert result["precision"] >= 0.95
