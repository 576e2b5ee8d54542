"""Keys, memory and the index of questions: what may be taken for the same, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pytest

from gateway.caching.entry import Entry, decode_entry, encode_entry, hit_usage
from gateway.caching.keys import KeyMaker, Question, Surroundings, question_of
from gateway.caching.memory import MemoryStore
from gateway.caching.semantic import Index, Indexes, unit
from gateway.exchange import Exchange, Timing
from gateway.routing.targets import Target
from guardrails.pii import MaskScope
from guardrails.types import Span

AROUND = Surroundings(
    owner=("acme", "tenant", ""),
    surface="chat.completions",
    endpoint="/chat/completions",
    target=Target("flash", "pool", "onprem", "sov-flash"),
    policy="sha256:1",
    guards=("1", "2"),
    deployment=("", ""),
)
BODY: dict[str, Any] = {"model": "flash", "messages": [{"role": "user", "content": "Hello"}]}
KEYS = KeyMaker(b"pepper" * 6)


def entry(body: bytes = b"{}", expires: float = 100.0) -> Entry:
    usage = {"input_tokens": 5, "cached_input_tokens": 2, "output_tokens": 3, "worker_seconds": "1"}
    return Entry(
        body=body, request_id="req_1", model="m", at=1.0, expires=expires, usage=usage
    )  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"owner": ("globex", "tenant", "")},
        {"owner": ("acme", "project", "prj_1")},
        {"surface": "messages"},
        {"endpoint": "/completions"},
        {"target": Target("flash", "pool", "eu", "sov-flash")},
        {"target": Target("flash", "pool", "onprem", "sov-flash", thinking=True)},
        {"policy": "sha256:2"},
        {"guards": ("1", "3")},
        {"deployment": ("", "sha256:weights")},
    ],
)
def test_everything_that_decides_is_in_the_key(changed: dict[str, Any]) -> None:
    other = replace(AROUND, **changed)
    assert KEYS.exact(BODY, AROUND) != KEYS.exact(BODY, other)
    question = Question("Hello", ())
    assert KEYS.context(BODY, AROUND, question) != KEYS.context(BODY, other, question)


def test_the_pepper_is_in_the_key() -> None:
    assert KEYS.exact(BODY, AROUND) != KeyMaker(b"other" * 8).exact(BODY, AROUND)


def test_what_does_not_change_the_answer_does_not_change_the_key() -> None:
    same = {"stream": True, "user": "eu_1", "metadata": {"a": "b"}, "temperature": None}
    assert KEYS.exact(BODY, AROUND) == KEYS.exact(dict(reversed(BODY.items())) | same, AROUND)
    whole, fraction = BODY | {"temperature": 1}, BODY | {"temperature": 1.0}
    assert KEYS.exact(whole, AROUND) == KEYS.exact(fraction, AROUND)
    assert KEYS.exact(whole, AROUND) != KEYS.exact(BODY, AROUND)


def test_exact_and_similar_have_keys_of_their_own() -> None:
    assert KEYS.exact(BODY, AROUND) != KEYS.context(BODY, AROUND, Question("Hello", ()))


def exchange(text: Any, **more: Any) -> Exchange:
    made = Exchange("req_1", cast(Any, None), cast(Any, None), datetime.now(UTC), Timing(0.0))
    made.body = {"messages": [{"role": "user", "content": text, **more}]}
    return made


def test_numbers_and_stand_ins_of_a_question_are_exact() -> None:
    asked = exchange("Is [PERSON_1] older than [PERSON_2], 17 or 3.5 years?")
    question = question_of(asked)
    assert question is not None
    # The digits of a stand-in count twice, which does no harm.
    assert [part for part in question.exact_parts if part.startswith("[")] == [
        "[PERSON_1]",
        "[PERSON_2]",
    ]
    assert {"17", "3.5"} <= set(question.exact_parts)


def test_surrogates_of_a_question_are_exact() -> None:
    from guardrails.types import MaskMode

    scope = MaskScope(["Ask Anna"], modes={"PERSON": MaskMode.SURROGATE})
    text = scope.mask("Ask Anna", [Span(4, 8, "PERSON", 1.0, "test")])
    asked = exchange(text)
    asked.scope = scope
    question = question_of(asked)
    assert question is not None
    assert question.exact_parts == (text.removeprefix("Ask "),)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ([{"type": "text", "text": "Look"}], {}),
        (" ", {}),
        ("Result", {"role": "tool"}),
        (None, {}),
    ],
)
def test_other_requests_have_no_question(text: Any, more: dict[str, Any]) -> None:
    assert question_of(exchange(text, **more)) is None


def test_memory_is_bounded_in_bytes_and_forgets_the_unused_first() -> None:
    store = MemoryStore(3 * 1500)
    for name in "abc":
        store.put(name, entry(b"x" * 1000))
    assert store.get("a", 0.0) is not None
    store.put("d", entry(b"x" * 1000))
    assert [store.get(name, 0.0) is not None for name in "abcd"] == [True, False, True, True]
    assert store.bytes == 3 * 1500
    store.put("huge", entry(b"x" * 5000))
    assert store.get("huge", 0.0) is None
    assert len(store) == 3


def test_an_expired_answer_is_gone() -> None:
    store = MemoryStore(10_000)
    store.put("a", entry(expires=10.0))
    assert store.get("a", 9.9) is not None
    assert store.get("a", 10.0) is None
    assert store.bytes == 0


def test_an_entry_survives_its_encoding() -> None:
    assert decode_entry(encode_entry(entry(b'{"a":1}'))) == entry(b'{"a":1}')


def test_a_hits_input_is_cached_and_no_worker_worked() -> None:
    usage = hit_usage(entry())
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens) == (0, 7, 3)
    assert not usage.worker_seconds


def direction(*numbers: float) -> np.ndarray:
    vector = unit(list(numbers))
    assert vector is not None
    return vector


def test_the_nearest_question_that_has_not_expired() -> None:
    index = Index(10)
    index.add("east", direction(1, 0), 100.0)
    index.add("near", direction(1, 0.1), 5.0)
    index.add("north", direction(0, 1), 100.0)
    found = index.nearest(direction(1, 0.1), 0.9, now=0.0)
    assert found is not None
    assert found.key == "near"
    later = index.nearest(direction(1, 0.1), 0.9, now=50.0)
    assert later is not None
    assert later.key == "east"
    assert index.nearest(direction(1, 1), 0.9, now=0.0) is None


def test_the_oldest_question_makes_room() -> None:
    index = Index(20)
    rows = [direction(*np.eye(32)[at]) for at in range(32)]
    for number, row in enumerate(rows[:25]):
        index.add(str(number), row, 100.0)
    assert index.nearest(rows[0], 0.9, 0.0) is None
    for number in range(5, 25):
        found = index.nearest(rows[number], 0.9, 0.0)
        assert found is not None
        assert found.key == str(number)
    index.add("24", rows[30], 100.0)  # the same answer asked for in other words
    assert index.nearest(rows[24], 0.9, 0.0) is None


def test_another_models_vectors_begin_anew() -> None:
    index = Index(10)
    index.add("two", direction(1, 0), 100.0)
    assert index.nearest(direction(1, 0, 0), 0.5, 0.0) is None
    index.add("three", direction(1, 0, 0), 100.0)
    assert index.nearest(direction(1, 0), 0.5, 0.0) is None


def test_indexes_are_bounded_together() -> None:
    indexes = Indexes(20_000)
    for number in range(50):
        indexes.of(str(number), 10).add("k", direction(*range(1, 129)), 100.0)
        indexes.grown(str(number))
    kept = [n for n in range(50) if indexes.of(str(n), 10).bytes > 600]
    assert 0 < len(kept) < 10
    assert kept[-1] == 49


@pytest.mark.parametrize("vector", [[], [0.0, 0.0], [float("nan"), 1.0], [[1.0]]])
def test_what_has_no_direction_is_none(vector: Any) -> None:
    assert unit(vector) is None
