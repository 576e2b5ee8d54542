"""Learned bounds: never above the worst case, nothing before enough was seen."""

from hypothesis import given
from hypothesis import strategies as st

from billing.budgets.bounds import LearnedBounds


def _taught(requests: int, *, output: int = 100, density: int = 4) -> LearnedBounds:
    bounds = LearnedBounds()
    for _ in range(requests):
        bounds.observe("m", body_bytes=400, input_tokens=400 // density, output_tokens=output)
    return bounds


def test_nothing_is_bounded_before_two_hundred_requests() -> None:
    bounds = _taught(199)
    assert bounds.output_tokens("m", 4096) == 4096
    assert bounds.input_tokens("m", 1000, 2512) == 2512


def test_then_the_highest_and_half_as_much_again() -> None:
    bounds = _taught(200)
    assert bounds.output_tokens("m", 4096) == 150
    # a token for four bytes, and half as much again: 1,001 / 4 * 1.5 = 375.375
    assert bounds.input_tokens("m", 1001, 2514) == 376
    assert bounds.output_tokens("other", 4096) == 4096


def test_one_long_answer_lifts_the_bound_and_is_forgotten_in_time() -> None:
    bounds = _taught(200)
    bounds.observe("m", body_bytes=400, input_tokens=100, output_tokens=2000)
    for _ in range(49):
        bounds.observe("m", body_bytes=400, input_tokens=100, output_tokens=100)
    assert bounds.output_tokens("m", 4096) == 3000
    for _ in range(1000):
        bounds.observe("m", body_bytes=400, input_tokens=100, output_tokens=100)
    assert bounds.output_tokens("m", 4096) == 150


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))),
    st.integers(0, 10**6),
)
def test_no_bound_is_above_the_worst_case(seen: list[tuple[int, int, int]], worst: int) -> None:
    bounds = LearnedBounds()
    for size, sent, written in seen * 20:
        bounds.observe("m", body_bytes=size, input_tokens=sent, output_tokens=written)
    assert bounds.output_tokens("m", worst) <= worst
    assert bounds.input_tokens("m", 1000, worst) <= worst
