"""Tokens cover a text, and their keys hide what need not be told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.pii.names.tokens import ROWS, SLOTS, feature_rows, is_mark, tokenise


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        (" \t ", []),
        ("Dr. O'Brien, John's car!!!",
         ["Dr", ".", "O", "'+", "Brien", ",", "John", "'s", "car", "!!!"]),
        ("a.b@c.de", ["a", ".+", "b", "@+", "c", ".+", "de"]),
        ("in Baden-Württemberg\n\nl’Oréal",
         ["in", "Baden", "-+", "Württemberg", "\n\n", "l", "’+", "Oréal"]),
        ("1 1999 3000 123456", ["1", "1999", "#0000", "#000000"]),
        ("user_id = 5", ["user_id", "=", "5"]),
    ],
)  # fmt: skip
def test_keys(text: str, keys: list[str]) -> None:
    assert tokenise(text).keys == keys


@given(st.text(max_size=200))
def test_tokens_are_in_order_and_leave_out_white_space_only(text: str) -> None:
    tokens = tokenise(text)
    position = 0
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        assert not text[position:start].strip()
        assert start < end
        position = end
    assert not text[position:].strip()


@given(st.text(min_size=1, max_size=80).filter(lambda text: bool(tokenise(text).keys)))
def test_every_key_has_its_rows(text: str) -> None:
    for key in tokenise(text).keys:
        rows = feature_rows(key)
        assert len(rows) == sum(SLOTS)
        assert all(0 <= row < ROWS for row in rows)


def test_rows_tell_case_and_spelling() -> None:
    berlin, lower, other = map(feature_rows, ("Berlin", "berlin", "Berlins"))
    assert berlin[0] == lower[0]
    assert berlin[1] != lower[1]
    assert len(set(berlin) & set(other)) > 4
    assert feature_rows("你好") == feature_rows("東京")


def test_a_lone_surrogate_is_a_token() -> None:
    assert len(feature_rows(tokenise("a \ud800 b").keys[1])) == sum(SLOTS)


def test_marks_are_neither_words_nor_numbers() -> None:
    keys = tokenise("Mr. O'Neill's #1 (call 12345-678) ###").keys
    words = [key for key in keys if not is_mark(key)]
    assert words == ["Mr", "O", "Neill", "1", "call", "#00000", "#000"]
