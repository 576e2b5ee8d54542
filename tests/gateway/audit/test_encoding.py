import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json
from gateway.audit.encoding import decode, encode_canonical, encode_plain, encode_record
from gateway.audit.errors import InvalidRecord
from gateway.audit.record import Route, TokenCounts

_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(_VALUES)
def test_the_bytes_are_those_of_core_canonical(value: object) -> None:
    assert encode_canonical(value) == canonical_json(value)
    assert encode_canonical(decode(encode_canonical(value))) == encode_canonical(value)


@pytest.mark.parametrize("value", [1.0, {"a": [0.5]}, [{"b": {1: 2}}], {"c": b"x"}, {"d": {1, 2}}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InvalidRecord):
        encode_canonical(value)
    with pytest.raises(InvalidRecord):
        encode_record({"field": value})


def test_a_structure_is_checked_against_its_types() -> None:
    tokens = TokenCounts(input=1)
    assert decode(encode_record(tokens))["input"] == 1
    with pytest.raises(InvalidRecord):
        encode_record(TokenCounts(input=0.5))  # type: ignore[arg-type]


def test_lone_surrogates_are_refused_in_the_chain_and_replaced_in_the_journal() -> None:
    with pytest.raises(InvalidRecord):
        encode_canonical({"a": "\ud800"})
    assert decode(encode_plain({"a\udfff": ["x\ud800y", 1]})) == {"a?": ["x?y", 1]}
    route = Route(requested_model="\ud800")
    assert decode(encode_record(route))["requested_model"] == "?"
