"""The scorer in C: the same integers as numpy's, for every text, and so the same verdicts."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.linear import FeatureSpec, LinearHead, TextScorer
from guardrails.linear.head import sigmoid
from guardrails.moderation import ModerationGuard
from guardrails.weights import released

SPECS = [
    FeatureSpec(),
    FeatureSpec(window=240, stride=160, symbols=True),
    FeatureSpec(char_orders=(1, 7), word_orders=(), window=9, stride=1),
    FeatureSpec(char_orders=(), word_orders=(2, 16), window=10, stride=10),
    FeatureSpec(char_orders=(), word_orders=()),
]
# Letters of all kinds, marks, digits, symbols, blanks, controls, surrogates, higher planes.
ODD = (
    "aZé\u0301ßﬁıİ1٣中あกΩ.,@[_|- \t\n\x00\u00a0\u200b\u00ad\ud800\udfff🙂\U0001d400"
    "\U00020000\U000e0041\U0010ffff"
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(ODD, max_size=80),
    st.lists(st.sampled_from(["word", "two", "中", "é", ".", "[PERSON_1]", "x" * 70, " "])).map(
        " ".join
    ),
    st.tuples(st.text(ODD, min_size=1, max_size=30), st.integers(1, 60)).map(lambda t: t[0] * t[1]),
)


def head(outputs: int, buckets: int = 1024) -> LinearHead:
    weights = np.random.default_rng(outputs).integers(-127, 128, (buckets, outputs), np.int8)
    ones = np.ones(outputs, np.float32)
    labels = tuple(map(str, range(outputs)))
    return LinearHead(labels, weights, ones, ones, np.zeros((0, outputs), np.float32))


RELEASED = [*released("moderation").heads.values()]
HEADS = [head(1), head(5), head(2, buckets=1)]
SCORERS = [(TextScorer(spec), TextScorer(spec, native=False)) for spec in SPECS]


def test_it_was_built() -> None:
    assert TextScorer(FeatureSpec()).is_native, (
        "guardrails/linear/_native.c was not built: `make setup` builds it and needs a C compiler"
    )


@settings(deadline=None, max_examples=300)
@given(text=TEXTS)
def test_the_same_sums_as_numpy(text: str) -> None:
    for native, plain in SCORERS:
        for each in HEADS:
            assert native.windows(text, each) == plain.windows(text, each)
            assert native.whole(text, each) == plain.whole(text, each)


@pytest.mark.parametrize("length", [*range(316, 324), 479, 480, 481, 639, 640, 641, 50_000])
def test_windows_begin_and_end_where_numpy_has_them(length: int) -> None:
    text = ("Wort wörd 中 12 " * (length // 14 + 1))[: length - 2].strip()
    text += "x" * (length - 2 - len(text))
    native, plain = SCORERS[1]
    assert native.windows(text, HEADS[1]) == plain.windows(text, HEADS[1])


def test_verdicts_of_the_released_weights_are_bit_equal() -> None:
    guard, plain = ModerationGuard.load(), ModerationGuard(released("moderation"))
    plain._scorer = TextScorer(released("moderation").spec, native=False)
    for text in [
        "",
        "How do I bake bread?",
        "how to kill my neighbour with poison " * 12,
        "中" * 900,
    ]:
        assert guard.score(text) == plain.score(text)
        assert guard.rate(text) == plain.rate(text)


@given(st.integers(0, 5000), st.integers(-600_000, 600_000))
def test_a_probability_is_that_of_its_logits(count: int, total: int) -> None:
    for each in (HEADS[0], HEADS[1], *RELEASED):
        sums = (count, *[total] * len(each.labels))
        assert each.probability(sums) == sigmoid(float(each.logits_of(sums)[0]))


def test_weights_of_the_wrong_size_are_refused() -> None:
    hasher = SCORERS[0][0]._hasher
    assert hasher is not None
    for weights, outputs in [(b"123", 1), (b"", 1), (b"1234", 3), (b"1234", 0), (b"1", -1)]:
        with pytest.raises(ValueError, match="power of two"):
            hasher.sums("text", weights, outputs)


def test_a_hasher_refuses_what_it_cannot_hash_by() -> None:
    made: Any = type(SCORERS[0][0]._hasher)
    good = (b"\0" * 4, b"\0" * 16, False, (1,), (1,), 8, 4)
    made(*good)
    for at, value in [(0, b""), (1, b"\0"), (3, (17,)), (3, (0,)), (4, (-1,)), (5, 3), (6, 0)]:
        with pytest.raises(ValueError, match=r"orders|tables"):
            made(*good[:at], value, *good[at + 1 :])
    with pytest.raises(TypeError, match="once"):
        made(*good).__init__(*good)
