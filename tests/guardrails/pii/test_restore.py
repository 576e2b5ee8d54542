"""Streams: the same bytes for every cut, nothing held back without need."""

import json
import random
import re
from collections.abc import Iterable
from itertools import pairwise

import pytest
from chunk_invariance import assert_chunk_invariant
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.pii import MaskScope, ScopeMemory, Span
from guardrails.types import MaskMode

VALUES = {
    "PERSON": ["Greta Vogel", 'Ann "Q" O\\Neill', "[PERSON_1]", "李 雷", "\U0001f600 Bo\nLi"],
    "EMAIL_ADDRESS": ["greta.vogel@example.com"],
}


def scope_of(values: dict[str, list[str]] = VALUES, planted: str = "") -> MaskScope:
    scope = MaskScope([planted])
    for entity, entries in values.items():
        for value in entries:
            scope.mask(value, [Span(0, len(value), entity, 1.0, "test@1")])
    return scope


def many_people(count: int) -> MaskScope:
    return scope_of({"PERSON": [f"name {number}." for number in range(1, count + 1)]})


def streamed(scope: MaskScope, text: str, cuts: list[int], *, json_escaped: bool = False) -> str:
    restorer = scope.restorer(json_escaped=json_escaped)
    edges = [0, *sorted(cuts), len(text)]
    parts = [restorer.feed(text[a:b]) for a, b in pairwise(edges)]
    return "".join(parts) + restorer.flush()


@pytest.mark.parametrize(
    ("answer", "restored"),
    [
        ("", ""),
        ("no token", "no token"),
        ("Hello [PERSON_1]!", "Hello Greta Vogel!"),
        ("[PERSON_1][EMAIL_ADDRESS_1]", "Greta Vogelgreta.vogel@example.com"),
        ("[[PERSON_1]]", "[Greta Vogel]"),
        ("[person_1], [Person 1], [ PERSON_1 ]", "Greta Vogel, Greta Vogel, Greta Vogel"),
        ("<PERSON_1> {PERSON_1} 【PERSON_1】", "Greta Vogel Greta Vogel Greta Vogel"),
        ("[Email Address 1] [EMAIL-ADDRESS-1]", " ".join(["greta.vogel@example.com"] * 2)),
        (r"[PERSON\_1] \[PERSON\_1\]", "Greta Vogel Greta Vogel"),
        (r"C:\[PERSON_1]\x", r"C:\Greta Vogel\x"),
        ("PERSON_1 wrote", "Greta Vogel wrote"),
        ("(PERSON_1)", "(Greta Vogel)"),
        ("it is PERSON_1", "it is Greta Vogel"),
        ("PERSON_1先生", "Greta Vogel先生"),
        # Not issued, cut short, or part of another word.
        ("[PERSON_9] [ORGANIZATION_1]", "[PERSON_9] [ORGANIZATION_1]"),
        ("[PERSON_01] [PERSON_1st]", "[PERSON_01] [PERSON_1st]"),
        ("[PERSON_", "[PERSON_"),
        ("[PERSON_1", "[PERSON_1"),
        ("<PERSO", "<PERSO"),
        ("MY_PERSON_1 PERSON_1x XPERSON_1", "MY_PERSON_1 PERSON_1x XPERSON_1"),
        ("person_1 = 3; Person 1", "person_1 = 3; Person 1"),
        ("[PERSON_11] PERSON_12", "[PERSON_11] PERSON_12"),
        ("[PERSON_１]", "[PERSON_１]"),
        # Restored once: the value of PERSON_3 looks like a token.
        ("[PERSON_3]", "[PERSON_1]"),
    ],
)
def test_answers(answer: str, restored: str) -> None:
    scope = scope_of()
    assert scope.restore(answer) == restored
    assert_chunk_invariant(
        lambda chunks: _feed_all(scope, chunks), lambda text: scope.restore(text), answer, splits=3
    )


def _feed_all(scope: MaskScope, chunks: Iterable[str], *, json_escaped: bool = False) -> str:
    restorer = scope.restorer(json_escaped=json_escaped)
    return "".join(restorer.feed(chunk) for chunk in chunks) + restorer.flush()


def test_a_bare_number_that_may_be_cut_short_is_left() -> None:
    scope = many_people(12)
    assert scope.restore("see PERSON_1") == "see PERSON_1"
    assert scope.restore("see PERSON_1.") == "see name 1.."
    assert scope.restore("see PERSON_12") == "see name 12."


def test_two_digit_tokens_are_not_their_prefix() -> None:
    scope = many_people(12)
    assert scope.restore("[PERSON_12] [PERSON_1] [PERSON_2]") == "name 12. name 1. name 2."


PIECES = st.sampled_from(
    [
        *("[PERSON_1]", "[person 2]", "<PERSON_3>", "PERSON_1", "[PERSON_", "[", "]", "1", "2"),
        *(" ", "_", "\\", "\\[", "\\]", "{", "}", "<", ">", "P", "PER", "E", "EMAIL_ADDRESS_1"),
        *("[Email Address 1]", "\\u005b", "\\u005d", "\\u005B", "\\u005bPERSON_1\\u005d", "\\n"),
        *('\\"', "\\\\", "\\u", "00", "x", "é", "李", "\U0001f600", "\n", "[PERSON_12]"),
        *("PERSON\\_1", "5", "b"),
    ]
)
SHORT = st.text(max_size=12)
ANSWERS = st.lists(PIECES, max_size=25).map("".join)


@given(answer=ANSWERS, seed=st.integers(0, 2**32), json_escaped=st.booleans())
@settings(max_examples=600, deadline=None)
def test_every_cut_gives_the_same_text(answer: str, seed: int, json_escaped: bool) -> None:
    scope = scope_of()
    whole = scope.restore(answer, json_escaped=json_escaped)
    generator = random.Random(seed)
    for _ in range(5):
        cuts = [generator.randint(0, len(answer)) for _ in range(generator.randint(0, 12))]
        assert streamed(scope, answer, cuts, json_escaped=json_escaped) == whole
    every = list(range(len(answer)))
    assert streamed(scope, answer, every, json_escaped=json_escaped) == whole


def test_a_thousand_random_cuts_of_a_long_answer() -> None:
    scope = scope_of()
    generator = random.Random(7)
    answer = "".join(
        generator.choice(["[PERSON_1] ", "text, ", "[email_address_1] ", "{", "[x] ", "PERSON_2."])
        for _ in range(200)
    )
    whole = scope.restore(answer)
    assert "PERSON" not in whole.replace("[PERSON_1]", "")
    for _ in range(1_000):
        cuts = [generator.randint(0, len(answer)) for _ in range(generator.randint(1, 60))]
        assert streamed(scope, answer, cuts) == whole


@pytest.mark.parametrize(
    ("chunk", "sent"),
    [
        ("plain text", "plain text"),
        ("a list [", "a list "),
        ("a list [x", "a list [x"),
        ("a list [1, 2", "a list [1, 2"),
        ("Dear [PERS", "Dear "),
        ("Dear [PERSON_1", "Dear "),
        ("Dear [PERSON_7", "Dear [PERSON_7"),
        ("the end.", "the end."),
        ("Proof", "Proof"),
    ],
)
def test_only_what_may_become_a_token_is_held_back(chunk: str, sent: str) -> None:
    assert scope_of().restorer().feed(chunk) == sent


def test_without_tokens_chunks_pass_as_they_are() -> None:
    restorer = MaskScope().restorer()
    assert restorer.feed("[PERSON_") == "[PERSON_"
    assert restorer.flush() == ""


def test_tool_arguments_stay_json() -> None:
    scope = scope_of()
    arguments = json.dumps({"to": "[PERSON_2]", "note": "from [PERSON_5]", "list": ["[PERSON_1]"]})
    restored = scope.restore(arguments, json_escaped=True)
    assert json.loads(restored) == {
        "to": VALUES["PERSON"][1],
        "note": f"from {VALUES['PERSON'][4]}",
        "list": ["Greta Vogel"],
    }


@pytest.mark.parametrize(
    ("arguments", "restored"),
    [
        (r'{"a":"\u005bPERSON_1\u005d"}', '{"a":"Greta Vogel"}'),
        (r'{"a":"\u003cPERSON\u005f1\u003e"}', '{"a":"Greta Vogel"}'),
        (r'{"a":"x\nPERSON_1\n"}', r'{"a":"x\nGreta Vogel\n"}'),
        (r'{"a":"\\[PERSON_1\\]"}', '{"a":"Greta Vogel"}'),
        (r'{"a":"\\u005bPERSON_1]"}', r'{"a":"\\u005bPERSON_1]"}'),
        (r'{"a":"C:\\[PERSON_1]"}', r'{"a":"C:\\Greta Vogel"}'),
        (r'{"a":"\u00', r'{"a":"\u00'),
    ],
)
def test_json_escapes(arguments: str, restored: str) -> None:
    scope = scope_of()
    assert scope.restore(arguments, json_escaped=True) == restored
    for cut in range(len(arguments)):
        assert streamed(scope, arguments, [cut], json_escaped=True) == restored


def test_a_lone_surrogate_leaves_json_encodable() -> None:
    scope = scope_of({"PERSON": ["Bo \ud83d"]})
    restored = scope.restore('{"a":"[PERSON_1]"}', json_escaped=True)
    assert restored.encode() == b'{"a":"Bo \\ud83d"}'


@given(before=SHORT, value=st.text(min_size=1, max_size=12), after=SHORT)
@settings(max_examples=400, deadline=None)
def test_any_value_comes_back_between_any_text(before: str, value: str, after: str) -> None:
    text = before + value + after
    scope = MaskScope([text])
    masked = scope.mask(text, [Span(len(before), len(before + value), "PERSON", 1.0, "test@1")])
    assert scope.restore(masked) == text


@pytest.mark.parametrize(
    ("answer", "restored"),
    [
        ("[PERSON_1]'s, [PERSON_1]’s", "Greta Vogel's, Greta Vogel’s"),
        ("[PERSON_1's] [Person 1s] [PERSON_1']", "Greta Vogel's Greta Vogels Greta Vogel'"),
        ("**[PERSON_1]** *PERSON_1*", "**Greta Vogel** *Greta Vogel*"),
        ("[**PERSON_1**] [ **Person 1** ]", "**Greta Vogel** **Greta Vogel**"),
        ("`[PERSON_1]` [`PERSON_1`]", "`Greta Vogel` [`Greta Vogel`]"),
        ("[PERSON_\n1] [EMAIL\nADDRESS\r\n1]", "Greta Vogel greta.vogel@example.com"),
        ("[\n  PERSON_1\n]", "Greta Vogel"),
        ("[PERSON\u00a01] [PERSON - 1]", "Greta Vogel Greta Vogel"),
        ("['PERSON_1', \"PERSON_1\"]", "['Greta Vogel', \"Greta Vogel\"]"),
        ("[PERSON_1](mailto:[EMAIL_ADDRESS_1])", "Greta Vogel(mailto:greta.vogel@example.com)"),
        ("|[PERSON_1]|PERSON_2|", '|Greta Vogel|Ann "Q" O\\Neill|'),
        # Not exactly an issued one.
        ("[PERSON_1x] [PERSON_1ss] [PERSON_1''s]", "[PERSON_1x] [PERSON_1ss] [Greta Vogel''s]"),
        ("[**PERSON**_1] [PERSON_1 and more]", "[**PERSON**_1] [Greta Vogel and more]"),
        ("[PERSON\n\n\n\n1] [PERSON__ __1]", "[PERSON\n\n\n\n1] [PERSON__ __1]"),
        ("[PERSON]_1 [PER SON_1]", "[PERSON]_1 [PER SON_1]"),
        ("[PERSON_1.5] [PERSON_-1]", "[Greta Vogel.5] Greta Vogel"),
    ],
)
def test_what_models_make_of_tokens(answer: str, restored: str) -> None:
    scope = scope_of()
    assert scope.restore(answer) == restored
    assert_chunk_invariant(
        lambda chunks: _feed_all(scope, chunks), lambda text: scope.restore(text), answer, splits=3
    )


def mixed_scope() -> tuple[MaskScope, list[str]]:
    """Placeholders, hashes and surrogates in one table; the stand-ins as they went out."""
    texts = ["Greta Vogel", "greta.vogel@example.com", "Bo", "14.03.1987", "王小明", "8.8.8.8"]
    kinds = ["PERSON", "EMAIL_ADDRESS", "NICKNAME", "DATE_OF_BIRTH", "PERSON", "IP_ADDRESS"]
    modes: dict[str, MaskMode] = dict.fromkeys(kinds, MaskMode.SURROGATE) | {
        "NICKNAME": MaskMode.PLACEHOLDER,
        "IP_ADDRESS": MaskMode.HASH,
    }
    memory = ScopeMemory(secret=b"s" * 32, hash_key=b"h" * 32)
    scope = MaskScope(texts, memory=memory, modes=modes)
    spans = [[Span(0, len(t), k, 1.0, "t@1")] for t, k in zip(texts, kinds, strict=True)]
    return scope, scope.mask_all(texts, spans)


MIXED, ISSUED = mixed_scope()
MIXED_PIECES = st.one_of(
    st.sampled_from(ISSUED),
    st.sampled_from([part for text in ISSUED for part in re.split(r"[\s.@]", text) if part]),
    st.sampled_from([text[:cut] for text in ISSUED for cut in (1, 3, len(text) - 1)]),
    st.sampled_from([text.upper() for text in ISSUED]),
    st.sampled_from([*" .,-_'@[]s\n", "\\n", "\\u0041", "\\", '"', "的", "é", "0", ". 5", "**"]),
)


@given(
    answer=st.lists(MIXED_PIECES, max_size=14).map("".join),
    seed=st.integers(0, 2**32),
    json_escaped=st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_mixed_stand_ins_for_every_cut(answer: str, seed: int, json_escaped: bool) -> None:
    whole = MIXED.restore(answer, json_escaped=json_escaped)
    generator = random.Random(seed)
    for _ in range(4):
        cuts = [generator.randint(0, len(answer)) for _ in range(generator.randint(0, 10))]
        assert streamed(MIXED, answer, cuts, json_escaped=json_escaped) == whole
    every = list(range(len(answer)))
    assert streamed(MIXED, answer, every, json_escaped=json_escaped) == whole


@pytest.mark.parametrize("json_escaped", [False, True])
def test_all_ways_of_cutting_a_short_answer(json_escaped: bool) -> None:
    for issued in ISSUED:
        answer = f"{issued}."[-12:]
        assert_chunk_invariant(
            lambda chunks: _feed_all(MIXED, chunks, json_escaped=json_escaped),
            lambda text: MIXED.restore(text, json_escaped=json_escaped),
            answer,
            splits="all",
        )


def test_ten_thousand_random_cuts() -> None:
    generator = random.Random(17)
    for number in range(10_000):
        pieces = generator.choices([*ISSUED, " met ", "; ", "\n", " x"], k=6)
        plain = "".join(pieces)
        json_escaped = number % 2 == 0
        answer = json.dumps({"t": plain}, ensure_ascii=number % 4 == 0) if json_escaped else plain
        whole = MIXED.restore(answer, json_escaped=json_escaped)
        cuts = [generator.randint(0, len(answer)) for _ in range(generator.randint(1, 9))]
        assert streamed(MIXED, answer, cuts, json_escaped=json_escaped) == whole
        if json_escaped:
            assert json.loads(whole) == {"t": MIXED.restore(plain)}


@pytest.mark.parametrize(
    ("chunk", "held"),
    [
        (f"Dear {ISSUED[0]}", ISSUED[0]),
        (f"Dear {ISSUED[0][:4]}", ISSUED[0][:4]),
        (f"Dear {ISSUED[0][:4]}x", ""),
        (f"Dear {ISSUED[0]},", ""),
        (f"Dear X{ISSUED[0][:4]}", ""),
        (f"at {ISSUED[3]}", ISSUED[3]),
        (f"at {ISSUED[3]}.", f"{ISSUED[3]}."),
        (f"at {ISSUED[3]}. ", ""),
    ],
)
def test_only_what_may_become_a_surrogate_is_held_back(chunk: str, held: str) -> None:
    restorer = MIXED.restorer()
    sent = restorer.feed(chunk)
    assert len(restorer.flush()) == (len(MIXED.restore(held)) if held else 0)
    assert sent + MIXED.restore(held) == MIXED.restore(chunk)
