"""One byte string per value; the digests of audit records rest on it."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json, digest

_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, "null"),
        (True, "true"),
        (-7, "-7"),
        (10**30, "1" + "0" * 30),
        ("ü€😀", '"ü€😀"'),
        ('a"\\\n\u2028', '"a\\"\\\\\\n\u2028"'),
        ([], "[]"),
        ((1, "a"), '[1,"a"]'),
        ({"b": 1, "a": {"d": [], "c": None}}, '{"a":{"c":null,"d":[]},"b":1}'),
        ({"é": 1, "z": 2, "Z": 3}, '{"Z":3,"z":2,"é":1}'),
    ],
)
def test_encoding(value: Any, encoded: str) -> None:
    assert canonical_json(value) == encoded.encode()


@pytest.mark.parametrize(
    "value", [0.1, 1.0, float("nan"), {1: "a"}, {None: 1}, b"x", {1, 2}, object()]
)
def test_what_has_no_single_encoding_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="canonical JSON"):
        canonical_json({"deep": [value]})


def test_lone_surrogate_can_be_digested() -> None:
    assert digest("\ud800").startswith("sha256:")


@given(_VALUES)
def test_json_round_trip_keeps_the_digest(value: Any) -> None:
    assert digest(json.loads(canonical_json(value).decode("utf-8", "surrogatepass"))) == digest(
        value
    )


@given(st.dictionaries(st.text(), _SCALARS, min_size=2), st.randoms())
def test_key_order_does_not_matter(value: dict[str, Any], shuffler: random.Random) -> None:
    keys = list(value)
    shuffler.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


def test_digest_differs_when_a_value_moves() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest({"a": "1"}) != digest({"a": 1})
