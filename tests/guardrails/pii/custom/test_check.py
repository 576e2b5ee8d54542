"""Definitions that would do harm are refused before they run."""

from typing import Any

import pytest

from guardrails.pii.custom import AllowList, PatternSpec, RecognizerSpec
from guardrails.pii.custom.check import check, samples


def problems(**fields: Any) -> list[tuple[str, str | None]]:
    spec = RecognizerSpec.model_validate({"name": "x", "entity": "X", **fields})
    return [(problem.code, problem.param) for problem in check(spec)]


def pattern(regex: str, **fields: Any) -> dict[str, Any]:
    return {"patterns": [{"regex": regex, **fields}]}


@pytest.mark.parametrize(
    "regex", [r"\bAC-\d{5}\b", r"\d{6,}", r"[A-Z]{2}\d{4}", r"(?i)\bproject \w+ falls\b"]
)
def test_fit(regex: str) -> None:
    assert problems(**pattern(regex)) == []


@pytest.mark.parametrize(
    ("regex", "code"),
    [
        (r"\w+", "pattern_too_broad"),
        (r"[A-ZÄ]\w+", "pattern_too_broad"),
        (r"\bthe\b", "pattern_too_broad"),
        (r"[\u4e00-\u9fff]", "pattern_too_broad"),
        (r"[a-z]?", "pattern_matches_empty"),
        (r"^|AC", "pattern_matches_empty"),
    ],
)
def test_not_fit(regex: str, code: str) -> None:
    assert problems(**pattern(regex)) == [(code, "patterns.0.regex")]


def test_context_makes_a_broad_pattern_narrow() -> None:
    context = {"words": ["employee"], "required": True}
    assert problems(**pattern(r"\b[a-z]{4,8}\b"), context=context) == []


def test_a_score_that_never_counts() -> None:
    assert problems(**pattern("AC-1", score=0.3)) == [("invalid_recognizer", "patterns.0.score")]
    assert problems(**pattern("AC-1", score=0.3), context={"words": ["badge"]}) == []


def test_a_deny_list_of_ordinary_words() -> None:
    found = problems(deny_list={"values": ["the", "die", "Ottilie"]})
    assert found == [("pattern_too_broad", "deny_list.values")]


@pytest.mark.parametrize("regex", [".*", r".+", r"\d.*", r"\w+.*"])
def test_an_allow_list_that_switches_the_guard_off(regex: str) -> None:
    spec = RecognizerSpec(name="x", allow_list=AllowList(patterns=["AC-1", regex]))
    assert [(each.code, each.param) for each in check(spec)] == [
        ("pattern_too_broad", "allow_list.patterns.1")
    ]


def test_every_problem_is_told() -> None:
    found = problems(
        patterns=[{"regex": "("}, {"regex": "AC"}, {"regex": r"(a)\1"}],
        allow_list={"patterns": ["("]},
    )
    assert found == [
        ("invalid_pattern", "patterns.0.regex"),
        ("unsupported_pattern", "patterns.2.regex"),
        ("invalid_pattern", "allow_list.patterns.0"),
    ]


def test_messages_show_no_values() -> None:
    spec = RecognizerSpec(name="x", entity="X", patterns=[PatternSpec(regex=r"(Quast)\1")])
    assert "Quast" not in check(spec)[0].message


def test_samples_are_there_in_four_languages() -> None:
    assert len(samples()) == 4
    assert all(len(texts) >= 4 for texts in samples())
