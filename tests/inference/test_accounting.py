"""Every nanosecond of a step is somebody's, and nobody's twice."""

from decimal import Decimal
from pathlib import Path

from engine_helpers import greedy, run_all, small_engine
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.accounting import divide, seconds


@given(
    total=st.integers(0, 10**12),
    weights=st.lists(st.integers(1, 10**15), min_size=1, max_size=40),
)
def test_parts_add_up_and_are_fair(total: int, weights: list[int]) -> None:
    parts = divide(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    assert all(abs(p * whole - total * w) <= whole for p, w in zip(parts, weights, strict=True))


def test_seconds_are_exact_decimal_text() -> None:
    assert Decimal(seconds(12_345_678_901)) == Decimal("12.345678901")
    assert Decimal(seconds(0)) == 0


def test_requests_together_cost_what_the_engine_was_busy(tiny: tuple[Path, object]) -> None:
    engine = small_engine(tiny[0])
    experts = engine.config.num_experts_per_tok
    sequences = [greedy([5 + n, 9, 11], 6 + n, experts) for n in range(5)]
    run_all(engine, *sequences)
    assert sum(s.work_ns for s in sequences) == engine.stats.busy_ns
    assert engine.stats.sampled_tokens == sum(len(s.output_ids) for s in sequences)


def test_fewer_experts_weigh_less(tiny: tuple[Path, object]) -> None:
    engine = small_engine(tiny[0])
    most = engine.config.num_experts
    weigh = engine._work.weight
    assert weigh(0, 4, 1, True) < weigh(0, 8, 1, True)
    if most:
        assert weigh(0, 8, 1, True) < weigh(0, 8, most, True)
