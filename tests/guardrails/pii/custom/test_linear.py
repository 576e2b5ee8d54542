"""Customers' patterns run in linear time and find what Python's own engine finds."""

import random
import re
import time

import pytest

from guardrails.pii.custom.errors import InvalidRecognizer
from guardrails.pii.custom.linear import LinearPattern
from guardrails.pii.custom.utf8 import Utf8Text

SAME = [
    r"\b\d{5}\b",
    r"(\b\d{5}(?:\-\d{4})?\b)",
    r"\bfoo\b|\bbär\b",
    r"(?:\bab|ba\b)",
    r"(?<!\d)\d{3}(?!\d)",
    r"(?<!\S)\d+(?!\S)",
    r"(?<![\w.])\d+\.\d+",
    r"\b[A-ZÄÖÜ]{2}-\w+\b",
    r"\b[\w.]+@\w+\b",
    r"\b\.?\w+",
    r"\b(?:é|ö)\w*\b",
    r"[^\W_]+x",
    r"[^\W\d_]+9",
    r"[\W\d]z",
    r"[^\d\s]+",
    r"(?i)straße \d+",
    r"(?i:ab)C\b",
    r"a.b",
    r"(?s)a.b",
    r"x*?y",
    r"项目\d+",
    r"(?a)\w+é",
    r"(?<=-)\w{2,4}?",
    r"(a|ab)(o|b)*",
]
# What RE2 cannot say exactly is found with a little more, never with less.
MORE = [r"\S+\b", r"b$", r"\w+(?=,|$)", r"\w+(?=,|\Z)"]
PIECES = [*"ab foo bär Ä ö ß é 1234567890 -_.@,xyz 项目 \n\t", "foo", "bär", "12345", "straße 7",
          "STRASSE 7", "AB-x", "abC", "a b", "项目7", " 1.2", "12345-6789", "😀",
          "é", "ab", "\ud800"]  # fmt: skip


def texts(seed: str, count: int = 600) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(PIECES, k=chance.randint(1, 25))) for _ in range(count)]


def spans(pattern: LinearPattern, text: str) -> list[tuple[int, int]]:
    return pattern.spans(Utf8Text(text))


def python_spans(pattern: str, text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(pattern, text) if found.group()]


@pytest.mark.parametrize("pattern", SAME)
def test_same_as_python(pattern: str) -> None:
    linear, found = LinearPattern(pattern), 0
    for text in texts(pattern):
        expected = python_spans(pattern, text)
        assert spans(linear, text) == expected, text
        found += len(expected)
    assert found > 10, "the texts must hold matches, or this proves nothing"


@pytest.mark.parametrize("pattern", MORE)
def test_never_less_than_python(pattern: str) -> None:
    linear = LinearPattern(pattern)
    for text in texts(pattern):
        covered = {index for span in spans(linear, text) for index in range(*span)}
        expected = {index for span in python_spans(pattern, text) for index in range(*span)}
        assert expected <= covered, text


@pytest.mark.parametrize(
    ("pattern", "group", "text", "expected"),
    [
        (r"EMP-(\d+)", 1, "é EMP-42, EMP-7", ["42", "7"]),
        (r"id (?P<id>\w+)", "id", "my id Größe7 and id x", ["Größe7", "x"]),
        (r"(?:no|nr)\.? (\d+)|(\w+)!", 2, "no. 5 and hey!", ["hey"]),
        (r"\b(ab)(cd)\b", 2, "abcd abcde xabcd abcd", ["cd", "cd"]),
    ],
)
def test_the_group_is_the_finding(
    pattern: str, group: int | str, text: str, expected: list[str]
) -> None:
    found = spans(LinearPattern(pattern, group=group), text)
    assert [text[start:end] for start, end in found] == expected


def test_flags() -> None:
    assert spans(LinearPattern("ärzte", re.IGNORECASE), "ÄRZTE") == [(0, 5)]
    assert spans(LinearPattern("^b", re.MULTILINE), "a\nb") == [(2, 3)]
    assert spans(LinearPattern("^b"), "a\nb") == []
    assert spans(LinearPattern("a.b", re.DOTALL), "a\nb") == [(0, 3)]


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        (r"(a)\1", "unsupported_pattern"),
        (r"(?<=ab)c", "unsupported_pattern"),
        (r"a(?=b)c", "unsupported_pattern"),
        (r"a\bb", "unsupported_pattern"),
        (r"a\Bb", "unsupported_pattern"),
        (r"(?>a)", "unsupported_pattern"),
        (r"a++", "unsupported_pattern"),
        (r"(a)?(?(1)b|c)", "unsupported_pattern"),
        (r"[^\W\d]x", "unsupported_pattern"),
        (r"(a", "invalid_pattern"),
        (r"a{5,2}", "invalid_pattern"),
        (r"\p{Lu}", "invalid_pattern"),
        (r"a{2000}", "pattern_too_complex"),
        (r"((a{1,100}){1,100}){1,100}", "pattern_too_complex"),
        ("(" * 3000 + ")" * 3000, "invalid_pattern"),
    ],
)
def test_refused_with_a_code_and_a_sentence(pattern: str, code: str) -> None:
    with pytest.raises(InvalidRecognizer) as refused:
        LinearPattern(pattern)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_a_group_that_is_not_there() -> None:
    for group in (1, "name"):
        with pytest.raises(InvalidRecognizer) as refused:
            LinearPattern("ab", group=group)
        assert refused.value.param == "group"


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+b", r"(\w+\s?)*!", r"\b(\w+\.)*\w+@"])
def test_what_blows_up_elsewhere_is_linear_here(pattern: str) -> None:
    linear = LinearPattern(pattern)
    started = time.process_time()
    spans(linear, "a" * 200_000 + " ")
    assert time.process_time() - started < 1


def test_whole_match() -> None:
    assert LinearPattern(r".+@acme\.example").matches_whole("help@acme.example")
    assert not LinearPattern(r".+@acme\.example").matches_whole("help@acme.example.org")
    assert not LinearPattern("ab|abc").matches_whole("abcd")
