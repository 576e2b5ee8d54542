"""Ranking figures, worked by hand."""

import pytest

from guardrails.evaluation.metrics import Decisions, auprc, auroc, timed, tpr_at_fpr

# Ranked: 1 (.9), 0 (.8), 1 (.7), 0 (.1)
LABELS, SCORES = [True, False, True, False], [0.9, 0.8, 0.7, 0.1]


def test_auroc_counts_pairs_in_order() -> None:
    # Pairs: .9>.8, .9>.1, .7<.8, .7>.1: three of four.
    assert auroc(LABELS, SCORES) == pytest.approx(0.75)


def test_auprc_is_average_precision() -> None:
    # Recall 1/2 at precision 1/1, recall 2/2 at precision 2/3.
    assert auprc(LABELS, SCORES) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_ties_count_half() -> None:
    assert auroc([True, False], [0.5, 0.5]) == pytest.approx(0.5)
    assert auprc([True, False], [0.5, 0.5]) == pytest.approx(0.5)


def test_recall_at_a_false_positive_rate() -> None:
    assert tpr_at_fpr(LABELS, SCORES, 0.01) == pytest.approx(0.5)
    assert tpr_at_fpr(LABELS, SCORES, 0.5) == pytest.approx(1.0)
    assert tpr_at_fpr([False, True], [0.9, 0.1], 0.01) == 0.0


@pytest.mark.parametrize("labels", [[], [True], [False, False]])
def test_an_absent_class_has_no_curve(labels: list[bool]) -> None:
    scores = [0.5] * len(labels)
    assert auroc(labels, scores) is None
    assert auprc(labels, scores) is None
    assert tpr_at_fpr(labels, scores, 0.01) is None


def test_decisions() -> None:
    figures = Decisions.of([1, 1, 0, 0, 0], [1, 0, 1, 0, 0]).figures()
    assert figures == {"accuracy": 0.6, "f1": 0.5, "tpr": 0.5, "fpr": pytest.approx(1 / 3)}


def test_no_rows_no_figures() -> None:
    assert Decisions.of([], []).figures() == {
        "accuracy": None,
        "f1": None,
        "tpr": None,
        "fpr": None,
    }
    assert timed(str, []).figures() == {"latency_ms": {"p50": None, "p99": None}, "cpu_ms": None}


def test_timing_calls_once_per_input_after_a_warm_up() -> None:
    seen: list[int] = []
    run = timed(seen.append, [1, 2, 3])
    assert seen == [1, 1, 2, 3]
    assert run.figures()["latency_ms"]["p99"] >= run.figures()["latency_ms"]["p50"] >= 0
