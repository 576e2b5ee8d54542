"""Replicas and devices at the peak, by hand."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.errors import InvalidPlan
from billing.planning import Published, Requirements, Throughput, Workload
from billing.planning.sizing import best_fleet, memory_shortfall_gb, size

Point = Callable[..., Throughput]


def test_output_decides(workload: Workload, point: Point) -> None:
    """100 tokens a second fill one replica; at 60 % that is 1.67, so two of eight devices."""
    fleet = size(workload, point(), Requirements())
    assert (fleet.replicas, fleet.devices) == (2, 16)
    assert round(fleet.capacity, 12) == 116_800_000 * Decimal("0.6")
    # 16 2/3 of 200 tokens a second on average.
    assert round(fleet.mean_load * 12, 20) == 1


def test_input_decides(workload: Workload, point: Point) -> None:
    """125 computed tokens a second on replicas of 50: 2.5, at 60 % 4.17, so five."""
    fleet = size(workload, point(input_rate=Decimal(50)), Requirements())
    assert (fleet.replicas, fleet.devices) == (5, 40)
    assert round(fleet.capacity, 12) == 116_800_000 * Decimal("0.6") / Decimal("2.5")


def test_cached_tokens_work_as_much_as_asked(workload: Workload, point: Point) -> None:
    """125 and all of 41 2/3 cached on replicas of 50: 3 1/3, at 60 % 5.56, so six."""
    needs = Requirements(cached_work=Decimal(1))
    assert size(workload, point(input_rate=Decimal(50)), needs).replicas == 6


def test_a_full_replica_is_not_rounded_up(workload: Workload, point: Point) -> None:
    needs = Requirements(utilisation=Decimal(1))
    assert size(workload, point(output_rate=Decimal(50)), needs).replicas == 2


def test_spare_replicas_are_added(workload: Workload, point: Point) -> None:
    fleet = size(workload, point(), Requirements(spare=1))
    assert (fleet.replicas, fleet.spare, fleet.devices) == (2, 1, 24)


def test_there_is_always_one_replica(workload: Workload, point: Point) -> None:
    huge = point(input_rate=Decimal(10**9), output_rate=Decimal(10**9))
    assert size(workload, huge, Requirements()).replicas == 1


def test_the_fewest_devices_win_and_of_equals_the_quickest(
    workload: Workload, point: Point
) -> None:
    small = point(devices=4, output_rate=Decimal(60), tpot_ms=Decimal(90))  # 2.78: 3 * 4
    slow = point(devices=12, output_rate=Decimal(200), tpot_ms=Decimal(95))  # 1 * 12
    large = point(tpot_ms=Decimal(10))  # 2 * 8
    best = best_fleet(workload, [large, slow, small], Requirements())
    assert best is not None
    assert (best.point, best.devices) == (small, 12)
    assert best_fleet(workload, [], Requirements()) is None


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        ({"tpot_ms": Decimal(100), "ttft_ms": Decimal(10_000)}, True),
        ({"tpot_ms": Decimal("100.1")}, False),
        ({"ttft_ms": Decimal(10_001)}, False),
        ({}, True),  # nothing published: the plan notes it
    ],
)
def test_slow_points_are_not_considered(
    point: Point, facts: dict[str, Decimal], allowed: bool
) -> None:
    assert Requirements().allow(point(**facts)) is allowed


def test_memory(workload: Workload, point: Point, published: Published) -> None:
    """Four B200 hold 4 * 180 * 0.9 = 648 GB; 159.62 GB weights and 1,600 tokens of 6,882 bytes."""
    facts = {"devices": 4, "checkpoint": "fp4"}
    fits = point(concurrency=256, **facts)
    assert memory_shortfall_gb(workload, fits, published) == 0
    crowded = point(concurrency=50_000, **facts)  # 159.62 + 550.56 GB
    assert memory_shortfall_gb(workload, crowded, published) == Decimal("62.18")
    assert memory_shortfall_gb(workload, point(), published) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"utilisation": 0},
        {"utilisation": "1.1"},
        {"spare": -1},
        {"tpot_ms": 0},
        {"ttft_ms": -1},
        {"cached_work": 2},
    ],
)
def test_requirements_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    values = {name: Decimal(value) for name, value in wrong.items()}
    with pytest.raises(InvalidPlan):
        Requirements(**values)  # pyright: ignore[reportArgumentType]
