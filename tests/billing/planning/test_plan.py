"""Plans: which operating point, what it costs, and what is said where something is missing."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from billing.errors import InvalidPlan, UnknownDevice
from billing.planning import Plan, Published, Requirements, Throughput, Workload, make_plan
from billing.planning.output import plan_to_json, short
from billing.planning.plan import Prices
from billing.planning.published import Basis

Point = Callable[..., Throughput]


def _plan(workload: Workload, published: Published, device: str, **options: object) -> Plan:
    options = {"models": ["v4-flash"], **options}
    return make_plan(workload, published, devices=[device], **options)  # pyright: ignore


def test_a_published_point_is_sized_and_priced(workload: Workload, published: Published) -> None:
    """100 output tokens a second at the peak are few for any of H200's points: one replica of
    four at 3.99 dollars, 4 * 3.99 * 730 = 11,650.80 a month, 99.75 per million tokens."""
    (option,) = _plan(workload, published, "h200").options
    assert option.fleet is not None
    assert (option.fleet.replicas, option.fleet.devices) == (1, 4)
    assert option.month == Decimal("11650.80")
    assert option.per_million is not None
    assert option.per_million_output is not None
    assert round(option.per_million, 2) == Decimal("99.75")  # 11,650.80 / 116.8
    assert round(option.per_million_output, 2) == Decimal("266.00")  # 11,650.80 / 43.8
    assert option.price_source == "hyperstack"
    assert option.notes == ()


def test_own_measurement_and_price(workload: Workload, published: Published, point: Point) -> None:
    """Two replicas of eight at 2 dollars and 10 % on top; at 30 % busy four, at 90 % two."""
    plan = _plan(
        workload,
        published,
        "b200",
        own_throughput=[point()],
        prices=Prices(own={"b200": Decimal(2)}, overhead=Decimal("0.1")),
    )
    (option,) = plan.options
    assert option.fleet is not None
    assert option.fleet.devices == 16
    assert option.month == 2 * 12_848
    assert [round(cost, 2) for cost in option.sensitivity.values()] == [
        Decimal("440.00"),  # 4 * 12,848 / 116.8
        Decimal("220.00"),
        Decimal("220.00"),
    ]
    assert option.price_source == "yours"
    assert plan.sources() == ["deepseek-api"]


def test_owning_costs_less_than_renting(workload: Workload, published: Published) -> None:
    prices = Prices(basis=Basis.OWNERSHIP, own={})
    (option,) = _plan(workload, published, "h200", prices=prices).options
    assert option.month == 4 * Decimal("1.41") * 730


@pytest.mark.parametrize(
    ("device", "note"),
    [
        ("atlas-800-a2", "no published throughput"),
        ("mi355x", "no published throughput"),
        ("ascend-950pr", "published throughput is slower than the limits allow"),
    ],
)
def test_what_nobody_published_is_said(
    workload: Workload, published: Published, device: str, note: str
) -> None:
    (option,) = _plan(workload, published, device).options
    assert (option.fleet, option.month, option.notes) == (None, None, (note,))


def test_higher_limits_let_slower_points_in(workload: Workload, published: Published) -> None:
    needs = Requirements(ttft_ms=Decimal(30_000))
    (option,) = _plan(workload, published, "ascend-950pr", needs=needs).options
    assert option.fleet is not None
    assert option.fleet.devices == 8  # 100 of 303.86 tokens a second
    assert option.notes == ("no published rental price",)


def test_a_device_without_a_price_is_sized_only(workload: Workload, published: Published) -> None:
    (option,) = _plan(workload, published, "atlas-800-a3").options
    assert option.fleet is not None
    assert option.month is None
    assert option.notes == ("time to first token not published", "no published rental price")


def test_benchmarks_of_shorter_prompts_are_the_last_choice(
    workload: Workload, published: Published, point: Point
) -> None:
    """Prompts have 1,000 tokens: the quick benchmark with 500 does not count beside the other."""
    quick = point(input=500, output_rate=Decimal(1000))
    plan = _plan(workload, published, "b200", own_throughput=[quick, point(input=1000)])
    fleet = plan.options[0].fleet
    assert fleet is not None
    assert fleet.point.input == 1000
    (alone,) = _plan(workload, published, "b200", own_throughput=[quick]).options
    assert alone.notes == ("measured with shorter prompts (500 tokens): expect more devices",)


def test_what_does_not_fit_is_not_offered(
    workload: Workload, published: Published, point: Point
) -> None:
    """Two H100 hold 144 GB, the weights have 159.62."""
    small = point(device="h100", devices=2, checkpoint="fp4", concurrency=1)
    (option,) = _plan(workload, published, "h100", own_throughput=[small]).options
    assert option.fleet is None
    assert "do not fit" in option.notes[0]


def test_options_are_cheapest_first(workload: Workload, published: Published) -> None:
    plan = make_plan(workload, published)
    months = [option.month for option in plan.options if option.month is not None]
    assert months == sorted(months)
    assert len(plan.options) == 2 * len(published.devices)
    unpriced = plan.options[len(months) :]
    assert all(option.month is None for option in unpriced)


def test_unknown_names_are_refused(workload: Workload, published: Published, point: Point) -> None:
    with pytest.raises(UnknownDevice):
        _plan(workload, published, "b100")
    with pytest.raises(UnknownDevice):
        _plan(workload, published, "b200", prices=Prices(own={"b100": Decimal(1)}))
    with pytest.raises(UnknownDevice):
        _plan(workload, published, "b200", own_throughput=[point(device="b100")])
    with pytest.raises(InvalidPlan, match="v4-flash, v4-pro"):
        _plan(workload, published, "b200", models=["v5"])


def test_json_holds_every_cited_source(workload: Workload, published: Published) -> None:
    body = plan_to_json(make_plan(workload, published))
    listed = {source["id"] for source in body["sources"]}
    for option in body["self_hosted"]:
        if "operating_point" in option:
            assert option["operating_point"]["source"] in listed
        assert option.get("price_source") in {*listed, None}
    assert body["workload"]["output_tokens_a_month"] == 43_800_000
    assert all(source["url"].startswith("https://") for source in body["sources"])


@pytest.mark.parametrize(
    ("value", "text"),
    [("28000000000", "28 B"), ("2540000000", "2.5 B"), ("999", "999"), ("41700", "41.7 k"),
     ("0.25", "0.25"), ("123456789", "123 M"), ("1500000000000", "1.5 T")],
)  # fmt: skip
def test_short(value: str, text: str) -> None:
    assert short(Decimal(value)) == text
