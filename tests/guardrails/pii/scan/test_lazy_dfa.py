"""The automaton that is made while it reads reports what Hyperscan reports."""

import random
from array import array
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import hyperscan
import msgspec
import pytest

from guardrails.pii.recognizers.base import RuleRecognizer
from guardrails.pii.recognizers.catalogue import build_recognizers
from guardrails.pii.scan import places
from guardrails.pii.scan._native import LazyDfa, Reports, report
from guardrails.pii.scan.alphabet import alphabet
from guardrails.pii.scan.database import Database
from guardrails.pii.scan.places import Unknown, lazy_dfa, tables_of
from guardrails.pii.scan.readings import readings
from guardrails.pii.scan.store import load_or_compile

Group = tuple[tuple[int, str], ...]
_PIECES = (
    "My name is Greta Vogel ", "greta.vogel@example.com", "+49 170 1234567", "phone ", "Konto: ",
    "DE89 3704 0044 0532 0130 00", "SSN 123-45-6789", " Hauptstraße 12, 10115 Berlin",
    "我叫王小明，身份证号", "AKIAIOSFODNN7EXAMPLE", "api_key = ", "https://user:pw@host/x",
    "\n", " ", "192.168.0.1", "born 1984-03-02", "🙂", "１２３", "Ж", "a", "9", "-", ".", "'",
    "Steuernummer ", "PAN", "x" * 30, "\\u0041", "=",
)  # fmt: skip


@cache
def _automaton(group: Group) -> Any:
    return load_or_compile(group, hyperscan.HS_FLAG_DOTALL)


def hyperscan_ends(group: Group, data: bytes) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    _automaton(group).scan(
        data, match_event_handler=lambda number, _s, end, _f, _c: found.add((number, end))
    )
    return found


def lazy_ends(dfa: LazyDfa, group: Group, data: bytes) -> set[tuple[int, int]] | None:
    reports = Reports()
    if report((dfa,), data, reports):
        assert not reports.numbers(), "what was given up is reported by another automaton"
        return None
    return {(number, end) for number, _ in group for end in reports.ends(number)}


@pytest.fixture(scope="module")
def groups() -> tuple[Group, ...]:
    recognizers = build_recognizers(("en", "de", "zh", "fr"), "none")
    rules = [each for each in recognizers if isinstance(each, RuleRecognizer)]
    return readings([rule.rule for each in rules for rule in each.rules]).groups


def test_every_group_of_the_rules_ends_where_hyperscan_says(groups: tuple[Group, ...]) -> None:
    draw = random.Random(11)
    texts = ["".join(draw.choices(_PIECES, k=draw.randint(0, 14))) for _ in range(120)]
    datas = [alphabet().encode(text) for text in texts]
    read = ended = 0
    for group in groups:
        dfa = lazy_dfa(group)
        assert dfa is not None
        for data in datas:
            found = lazy_ends(dfa, group, data)
            if found is not None:
                assert found == hyperscan_ends(group, data)
                read, ended = read + 1, ended + len(found)
    assert read > 0.8 * len(groups) * len(datas)
    assert ended > 1_000


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("^ab", "abab"),
        ("(?:[\\x00-\\x40]|^)ab", "ab ab"),
        ("ab(?:[^a-z]|$)", "ab abc ab"),
        ("ab$", "ab\nab\n"),
        ("a.c", "a\nc"),
        ("(?i:Straße|ende)", "ENDE STRAßE"),
        ("[^a-c]{2,3}x", "abzzxzzzx"),
        ("(?:[0-9][ -]?){3}", "12 3-4567"),
        ("a+b*c?d", "aaabbcd ad"),
        ("(?:ab|a)(?:bc|c)", "abc abbc ac"),
    ],
)
def test_each_form_of_an_expression_ends_where_hyperscan_says(expression: str, text: str) -> None:
    group = ((3, expression),)
    dfa = lazy_dfa(group)
    assert dfa is not None
    for end in range(len(text) + 1):
        data = text[:end].encode("latin-1")
        assert lazy_ends(dfa, group, data) == hyperscan_ends(group, data)


@pytest.mark.parametrize("expression", ["a*", "(a)\\1", "a(?=b)", "\\bab", "a*?b", "$a"])
def test_what_it_does_not_know_stays_hyperscans(expression: str) -> None:
    with pytest.raises(Unknown):
        tables_of([(0, expression)])
    assert lazy_dfa([(0, expression)]) is None


def _random_texts(count: int) -> list[bytes]:
    draw = random.Random(5)
    return [bytes(draw.choices(b"ab01 -", k=300)) for _ in range(count)]


# Of the last fourteen characters each says whether an attempt began: 2^14 sets of places.
_MANY_STATES: Group = ((0, "[a0][ab01 -]{13}-"),)


def test_a_text_that_leads_to_too_many_states_is_given_up_and_found_all_the_same() -> None:
    dfa = lazy_dfa(_MANY_STATES)
    assert dfa is not None
    database = Database([_MANY_STATES])
    given_up = 0
    for data in _random_texts(20):
        given_up += lazy_ends(dfa, _MANY_STATES, data) is None
        reports = Reports()
        database.report(data, reports)
        assert {(0, end) for end in reports.ends(0)} == hyperscan_ends(_MANY_STATES, data)
        assert database.numbers(data) == {0}
    assert given_up > 10


def test_one_that_gives_up_takes_back_its_own_reports_only() -> None:
    dfas = (lazy_dfa(_MANY_STATES), lazy_dfa(((1, "b1"),)))
    assert dfas[0] is not None
    assert dfas[1] is not None
    for data in _random_texts(20):
        reports = Reports()
        given_up = report((dfas[0], dfas[1]), data, reports)
        assert 1 not in given_up
        assert {(1, end) for end in reports.ends(1)} == hyperscan_ends(((1, "b1"),), data)
        assert bool(reports.ends(0)) is (0 not in given_up)


def test_a_full_table_is_emptied_and_goes_on() -> None:
    tables = msgspec.structs.astuple(tables_of(_MANY_STATES))
    dfa = LazyDfa(*tables, states=300)
    sizes: list[int] = []
    for data in _random_texts(60):
        found = lazy_ends(dfa, _MANY_STATES, data[:60])
        assert found is None or found == hyperscan_ends(_MANY_STATES, data[:60])
        sizes.append(dfa.states)
    assert max(sizes) <= 300
    assert any(later < earlier for earlier, later in pairwise(sizes))


def _longer(value: bytes) -> bytes:
    return value + value


@pytest.mark.parametrize(
    ("field", "spoilt"),
    [
        ("kinds", lambda value: value[:-1]),
        ("classes", lambda value: value[:0]),
        ("class_of", _longer),
        ("next_first", lambda value: value[:-4]),
        ("next", lambda value: array("I", [1 << 20] * (len(value) // 4)).tobytes()),
        ("ends_of", lambda value: array("i", [1 << 20] * (len(value) // 4)).tobytes()),
        ("begins", lambda value: array("I", [1 << 20]).tobytes()),
        ("initial", lambda value: array("I", [1 << 20]).tobytes()),
    ],
)
def test_tables_that_do_not_fit_are_refused(field: str, spoilt: Callable[[bytes], bytes]) -> None:
    tables: dict[str, Any] = msgspec.structs.asdict(tables_of([(0, "(?:x|^)ab[0-9]+")]))
    with pytest.raises(ValueError, match="do not fit"):
        LazyDfa(**tables, states=0)
    tables[field] = spoilt(tables[field])
    with pytest.raises(ValueError, match="do not fit"):
        LazyDfa(**tables, states=100)


def test_kept_tables_are_those_that_were_made(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOVGATE_CACHE_DIR", str(tmp_path))
    group = ((4, "ab[0-9]{2}|^x"),)
    assert lazy_dfa(group) is not None
    assert len(list((tmp_path / "sovgate" / "places").iterdir())) == 1
    made: list[Group] = []
    monkeypatch.setattr(places, "tables_of", lambda group: made.append(group))
    dfa = lazy_dfa(group)
    assert dfa is not None
    assert not made
    assert lazy_ends(dfa, group, b"x ab12") == {(4, 1), (4, 6)}
