"""The programs in C refuse no place at which a rule matches, and most others."""

import random
from pathlib import Path

import pytest

from guardrails.pii.recognizers.base import RuleRecognizer
from guardrails.pii.recognizers.catalogue import build_recognizers
from guardrails.pii.scan import program as subject
from guardrails.pii.scan.alphabet import alphabet
from guardrails.pii.scan.candidates import NativeCandidates, PythonCandidates, candidates
from guardrails.pii.scan.plan import Plan, make_plan
from guardrails.pii.scan.program import LONGEST, Classes, Written, kept_or_written, program, write
from guardrails.pii.scan.shape import shape

_RULES = [
    each
    for each in build_recognizers(("en", "de", "zh", "fr"), "none")
    if isinstance(each, RuleRecognizer)
]
_ALL = frozenset(range(len(_RULES)))
_PIECES = (
    "My name is Greta Vogel", "greta.vogel@example.com", "+49 170 1234567", "phone", "Telefon: ",
    "DE89 3704 0044 0532 0130 00", "SSN 123-45-6789", "Hauptstraße 12, 10115 Berlin",
    "我叫王小明，", "AKIAIOSFODNN7EXAMPLE", "password: hunter2!",
    "https://user:pw@host/x?email=a@b.co", "\n", " ",
    "192.168.0.1", "2001:db8::1", "born 1984-03-02", "\u200b", "\ud83d", "🙂", "１２３", "Ж", "a",
    "Steuer-ID 65 929 970 489", "NHS 943 476 5919", "Dear Mr. Okonkwo,\n", "9", "-", ".",
    "'", "x" * 40,
)  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(_RULES)


def test_of_the_places_only_those_that_match_nothing_are_left_out(plan: Plan) -> None:
    native, plain = candidates(plan), candidates(plan, native=False)
    assert isinstance(native, NativeCandidates), "scan/_native.c was not built: `make setup` does"
    assert isinstance(plain, PythonCandidates)
    draw = random.Random(3)
    kept = places = 0
    for _ in range(300):
        text = "".join(draw.choices(_PIECES, k=draw.randint(1, 12)))
        expected = {each.target.order: set(each.starts or ()) for each in plain.find(text, _ALL)}
        found = {each.target.order: list(each.starts or ()) for each in native.find(text, _ALL)}
        patterns = {target.order: target.rule.pattern for _, target in plan.numbered()}
        for order, starts in expected.items():
            own = found.pop(order, [])
            assert own == sorted(set(own))
            assert set(own) <= starts
            missed = starts.difference(own)
            assert not any(patterns[order].match(text, start) for start in missed)
            kept, places = kept + len(own), places + len(starts)
        assert not found
    assert kept < places / 4


def test_programs_kept_are_those_that_were_written(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOVGATE_CACHE_DIR", str(tmp_path))
    written: list[Written] = []

    def writing(plan: Plan) -> Written:
        written.append(write(plan))
        return written[-1]

    monkeypatch.setattr(subject, "write", writing)
    first = kept_or_written(plan)
    assert kept_or_written(plan) == first == write(plan)
    assert len(written) == 1
    (file,) = (tmp_path / "sovgate" / "programs").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert kept_or_written(plan) == first
    assert len(written) == 2


def test_texts_beyond_the_lock_are_searched_too(plan: Plan) -> None:
    native, plain = candidates(plan), candidates(plan, native=False)
    text = "Nothing of interest is said here. " * 1_000 + "Write to greta.vogel@example.com."
    found = {
        (each.target.order, start)
        for each in native.find(text, _ALL)
        for start in each.starts or ()
    }
    expected = {
        (each.target.order, start) for each in plain.find(text, _ALL) for start in each.starts or ()
    }
    assert found <= expected
    assert any(text[start:].startswith("greta.vogel@") for _, start in found)


def test_reports_of_another_text_are_refused(plan: Plan) -> None:
    native = candidates(plan)
    assert isinstance(native, NativeCandidates)
    reports = native.new_reports()
    reports.add(0, 0, 10, 0, None)
    chosen = bytes(len(plan.numbered()))
    with pytest.raises(ValueError, match="reports of this text"):
        native.programs.candidates(b"short", reports, chosen)
    with pytest.raises(ValueError, match="reports of this text"):
        native.programs.candidates(b"long enough", reports, chosen[1:])


def test_a_program_is_as_long_as_what_it_looks_at() -> None:
    tree, _ = shape("[a-z]{5000}!", 0, alphabet())
    assert len(program(tree, Classes())) // 2 <= LONGEST + 1
