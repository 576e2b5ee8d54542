"""Routing figures, worked by hand."""

import json

import numpy as np
import pytest

from gateway.routing.evaluation import cost_quality, evaluate_routing, recovery_curve

# Four prompts: the strong model wins the first two, the rest is equal.
STRONG = np.array([1.0, 1.0, 1.0, 0.0])
WEAK = np.array([0.0, 0.0, 1.0, 0.0])


def test_a_perfect_order() -> None:
    found = cost_quality(STRONG, WEAK, np.array([0.9, 0.8, 0.2, 0.1]))
    # PGR 0, .5, 1, 1, 1 at shares 0, .25, .5, .75, 1: area .25 * (.25 + .75 + 1 + 1).
    assert found["apgr"] == pytest.approx(0.75)
    assert found["cpt50"] == pytest.approx(0.25)
    assert found["cpt80"] == pytest.approx(0.25 + 0.25 * 0.6)


def test_the_worst_order() -> None:
    found = cost_quality(STRONG, WEAK, np.array([0.1, 0.2, 0.8, 0.9]))
    assert found["apgr"] == pytest.approx(0.25)
    assert found["cpt50"] == pytest.approx(0.75)


def test_ties_are_chance() -> None:
    found = cost_quality(STRONG, WEAK, np.zeros(4))
    assert found == {
        "apgr": pytest.approx(0.5),
        "cpt50": pytest.approx(0.5),
        "cpt80": pytest.approx(0.8),
    }


def test_a_weak_model_that_is_better_leaves_no_gap() -> None:
    assert cost_quality(WEAK, STRONG, np.zeros(4)) == {"apgr": None, "cpt50": None, "cpt80": None}
    empty = np.zeros(0)
    assert cost_quality(empty, empty, empty)["apgr"] is None


def test_the_curve_runs_from_nothing_to_all() -> None:
    share, recovered = recovery_curve(STRONG, WEAK, np.array([0.4, 0.1, 0.3, 0.2]))
    np.testing.assert_allclose(share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(recovered, [0, 0.5, 0.5, 0.5, 1])


def test_both_kinds_of_rows() -> None:
    rows = [
        {"prompt": "Prove that the square root of two is irrational.", "hard": True, "lang": "en"},
        {
            "prompt": "What is the capital of Portugal, and in which year was it named so, please?",
            "hard": False,
            "lang": "en",
        },
        {"prompt": "Short", "quality": {"strong": 1, "weak": 0}, "group": "g"},
        {"prompt": "A bit longer", "quality": {"strong": 1, "weak": 1}, "group": "g"},
    ]
    found = evaluate_routing(rows)
    assert found["n"] == 4
    assert found["auroc"] == 1.0
    assert found["length"]["auroc"] == 0.0
    assert found["length"]["apgr"] == pytest.approx(0.25)
    assert found["random"] == {"auroc": 0.5, "apgr": 0.5, "cpt50": 0.5, "cpt80": 0.8}
    assert found["per_group"]["g"]["n"] == 2
    assert found["per_group"]["none"]["auroc"] == 1.0
    assert found["latency_ms"]["p50"] > 0
    json.dumps(found)


def test_without_quality_rows_there_is_no_curve() -> None:
    found = evaluate_routing([{"prompt": "Hi", "hard": False}])
    assert found["auroc"] is None
    assert found["apgr"] is None
    assert found["random"]["apgr"] is None


def test_no_rows() -> None:
    assert evaluate_routing([])["n"] == 0
