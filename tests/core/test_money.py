"""Amounts parse exactly or not at all, and print without exponents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import EXACT, SCALE, InvalidAmount, format_amount, parse_amount, quantize


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "0"),
        ("0.15", "0.15"),
        ("-3", "-3"),
        (7, "7"),
        ("1E+2", "100"),
        ("1e-18", "0.000000000000000001"),
        (
            Decimal("99999999999999999999.999999999999999999"),
            "99999999999999999999.999999999999999999",
        ),
    ],
)
def test_parse_then_format(value: str | int | Decimal, expected: str) -> None:
    assert format_amount(parse_amount(value)) == expected


@pytest.mark.parametrize("value", [0.1, 1.0, True, None, b"1", [1]])
def test_parse_refuses_other_types(value: object) -> None:
    with pytest.raises(InvalidAmount, match="decimal text"):
        parse_amount(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-inf", "sNaN", "", "1,5", "abc", "1e-19"])
def test_parse_refuses_what_is_no_amount(value: str) -> None:
    with pytest.raises(InvalidAmount, match="18 places"):
        parse_amount(value)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0", "0"),
        ("0E-18", "0"),
        ("-0.50", "-0.5"),
    ],
)
def test_format_is_plain(amount: str, text: str) -> None:
    assert format_amount(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("1.0000000000000000005", "1"),
        ("1.0000000000000000015", "1.000000000000000002"),
        ("1.0000000000000000025", "1.000000000000000002"),
        ("1.00000000000000000251", "1.000000000000000003"),
        ("-1.0000000000000000015", "-1.000000000000000002"),
        ("0.0000000000000000004", "0"),
    ],
)
def test_quantize_rounds_half_even_at_the_last_place(amount: str, rounded: str) -> None:
    assert format_amount(quantize(Decimal(amount))) == rounded
    assert -quantize(Decimal(amount)).as_tuple().exponent == SCALE  # type: ignore[operator]


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=SCALE, min_value=-(10**19), max_value=10**19
    )
)
def test_text_round_trip_is_exact(amount: Decimal) -> None:
    text = format_amount(parse_amount(amount))
    assert parse_amount(text) == amount
    assert "E" not in text.upper()


@given(st.lists(st.decimals(places=SCALE, min_value=0, max_value=10**12), max_size=30))
def test_sums_do_not_depend_on_order(amounts: list[Decimal]) -> None:
    forwards, backwards = Decimal(0), Decimal(0)
    for left, right in zip(amounts, reversed(amounts), strict=True):
        forwards = EXACT.add(forwards, left)
        backwards = EXACT.add(backwards, right)
    assert forwards == backwards


def test_trailing_zeros_beyond_the_scale_are_exact() -> None:
    assert parse_amount("0.1000000000000000000000") == Decimal("0.1")
