"""Costs a month and break-even, by hand and against every volume."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.planning import (
    ApiOption,
    BreakEven,
    Fleet,
    Requirements,
    Throughput,
    Workload,
    stated_workload,
)
from billing.planning.costs import (
    api_month,
    break_even,
    fleet_month,
    month_at,
    per_million,
    replica_month,
)
from billing.planning.sizing import size

Point = Callable[..., Throughput]
_TWO_DOLLARS = Decimal(2)
_NOTHING = Decimal(0)


def _api(usd: str | int) -> ApiOption:
    return ApiOption("api", *[Decimal(usd)] * 3, source="test")


def test_months(workload: Workload, point: Point) -> None:
    fleet = size(workload, point(), Requirements(spare=1))
    assert replica_month(fleet, _TWO_DOLLARS, _NOTHING) == 8 * 2 * 730
    assert fleet_month(fleet, _TWO_DOLLARS, _NOTHING) == 3 * 11_680
    assert fleet_month(fleet, _TWO_DOLLARS, Decimal("0.1")) == Decimal(3 * 12_848)


def test_an_api_prices_each_class(workload: Workload) -> None:
    """54.75 M at 2, 18.25 M at 0.2 and 43.8 M at 10 dollars per million."""
    api = ApiOption("api", Decimal(2), Decimal("0.2"), Decimal(10), source="test")
    usd = api_month(workload, api)
    assert usd == Decimal("109.5") + Decimal("3.65") + 438
    assert round(per_million(usd, workload.tokens), 4) == Decimal("4.7188")


def _break_even(workload: Workload, point: Point, usd: str | int, spare: int) -> BreakEven | None:
    fleet = size(workload, point(), Requirements(spare=spare))
    return break_even(workload, fleet, Decimal(11_680), _api(usd))


def test_break_even_within_the_first_replica(workload: Workload, point: Point) -> None:
    """At 500 dollars 11,680 are 23.36 M tokens of a replica's 70.08 M: 480 requests a day."""
    found = _break_even(workload, point, 500, spare=0)
    assert found is not None
    assert round(found.first, 10) == 23_360_000
    assert round(found.lasting, 10) == 23_360_000
    assert found.requests_per_day == 480


def test_a_second_replica_can_lose_the_advantage(workload: Workload, point: Point) -> None:
    """At 250 dollars a replica pays from 46.72 M; two are needed beyond 70.08 M, and pay from
    93.44 M on."""
    found = _break_even(workload, point, 250, spare=0)
    assert found is not None
    assert round(found.first, 10) == 46_720_000
    assert round(found.lasting, 10) == 93_440_000


def test_spare_replicas_must_pay_too(workload: Workload, point: Point) -> None:
    """At 250 dollars two replicas cost 93.44 M tokens, more than one can do (70.08 M); three cost
    140.16 M, just what two can do."""
    found = _break_even(workload, point, 250, spare=1)
    assert found is not None
    assert round(found.first, 10) == 140_160_000


def test_a_cheap_api_is_never_beaten(workload: Workload, point: Point) -> None:
    assert _break_even(workload, point, 1, spare=0) is None
    assert _break_even(workload, point, 0, spare=0) is None


@given(
    price=st.integers(170, 2000),
    spare=st.integers(0, 2),
    volumes=st.lists(st.integers(1, 3_000_000_000), min_size=1, max_size=30),
)
def test_break_even_agrees_with_every_volume(price: int, spare: int, volumes: list[int]) -> None:
    work = stated_workload(
        requests_per_day=Decimal(2400), input_tokens=Decimal(1000), output_tokens=Decimal(600)
    )
    fleet = Fleet(_POINT, 1, spare, Decimal(70_080_000), _NOTHING)
    replica = Decimal(11_680)
    found = break_even(work, fleet, replica, _api(price))
    assert found is not None  # above 166.67 dollars per million a full replica pays
    for tokens in volumes:
        self_hosted = month_at(fleet, replica, Decimal(tokens))
        api = per_million(Decimal(tokens * price), Decimal(10**12))
        if tokens < found.first:
            assert self_hosted > api
        if tokens >= found.lasting:
            assert self_hosted <= api
    at_first = month_at(fleet, replica, found.first)
    assert round(at_first, 6) == round(found.first * price / 10**6, 6)


_POINT = Throughput(
    model="v4-flash",
    device="b200",
    devices=8,
    input_rate=Decimal(1000),
    output_rate=Decimal(100),
    source="yours",
)
