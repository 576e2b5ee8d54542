"""Lists of values: exact, whole words, thousands as fast as one."""

import time

import pytest

from guardrails.pii.custom.wordlist import WordList

CASES = [
    (["Ann"], "Ann, Anna; ann", ["Ann", "ann"]),
    (["Jo", "Jo Ann"], "Jo Annabel", ["Jo"]),
    (["Jo Ann", "Ann Lee"], "Jo Ann Lee", ["Jo Ann Lee"]),
    (["C++", "@handle", "(x)"], "C++ and @handle(x) @handles", ["C++", "@handle", "(x)"]),
    (["Müller-Lüdenscheidt"], "Frau MÜLLER-LÜDENSCHEIDT kam", ["MÜLLER-LÜDENSCHEIDT"]),
    (["李雷", "Acme项目"], "我找李雷谈Acme项目。", ["李雷", "Acme项目"]),
    (["Acme"], "我们的Acme公司, Acme2, xAcme", ["Acme"]),
    (["Rene"], "Rene\u0301 und Rene", ["Rene"]),
    (["a"], "a aa A", ["a", "A"]),
    (["İstanbul"], "in İstanbul gewesen", ["İstanbul"]),
    (["😀 team"], "the 😀 team.", ["😀 team"]),
    (["none"], "", []),
]


@pytest.mark.parametrize(("values", "text", "expected"), CASES)
def test_found(values: list[str], text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in WordList(values).spans(text)] == expected


def test_case_and_parts_of_words() -> None:
    assert WordList(["Ann"], ignore_case=False).spans("ann Ann") == [(4, 7)]
    assert WordList(["nn"], whole_words=False).spans("Anna") == [(1, 3)]


def test_thousands_of_values_are_quick() -> None:
    values = [f"Project {number}" for number in range(5_000)] + [f"n{n}x" for n in range(5_000)]
    words = WordList(values)
    text = "We spoke of project 4711 and of the other things that one speaks of. " * 150
    started = time.process_time()
    found = words.spans(text)
    assert len(found) == 150
    assert time.process_time() - started < 0.1
