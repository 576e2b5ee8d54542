"""Values cut by the borders of parts are found in every part that holds some of them."""

import pytest

from guardrails.pii import PiiEngine
from guardrails.pii.joined import detect_joined


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        (["my card is 4111 1111", "1111 1111 ok"], ["4111 1111", "1111 1111"]),
        (["write to greta@", "example.com now"], ["greta@", "example.com"]),
        (["4111", "1111", "1111", "1111"], ["4111", "1111", "1111", "1111"]),
        (["SSN 536-22", "-4872 yes"], ["536-22", "-4872"]),
        (["DE89 3704 0044 ", "0532 0130 00"], ["DE89 3704 0044", "0532 0130 00"]),
        (["x" * 500 + " 4111 1111", " 1111 1111 " + "y" * 500], ["4111 1111", "1111 1111"]),
    ],
)
def test_cut_values(patterns: PiiEngine, parts: list[str], values: list[str]) -> None:
    found = detect_joined(patterns, parts)
    assert [
        part[span.start : span.end].strip()
        for part, spans in zip(parts, found, strict=True)
        for span in spans
    ] == values


def test_whole_values_stay_as_found_alone(patterns: PiiEngine) -> None:
    parts = ["call +49 170 1234567", "or greta@example.com", "", "I have 3 dogs", "and 2 cats"]
    assert detect_joined(patterns, parts) == [patterns.detect(part) for part in parts]


@pytest.mark.parametrize("parts", [[], ["alone"], ["Hello there.", "How are you?"], ["", ""]])
def test_nothing_to_join(patterns: PiiEngine, parts: list[str]) -> None:
    assert detect_joined(patterns, parts) == [[] for _ in parts]
