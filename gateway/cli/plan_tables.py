"""A plan as tables for people."""

from decimal import Decimal
from typing import Any

from billing.planning.costs import BreakEven
from billing.planning.output import rounded, short
from billing.planning.plan import Option, Plan
from gateway.cli.options import print_table

_CERTAINTY = {"third_party": "third party"}


def print_plan(plan: Plan) -> None:
    """The workload, the assumptions, and per model: devices, costs, break-even; the sources."""
    numbers = {name: place for place, name in enumerate(plan.sources(), start=1)}
    _print_workload(plan)
    for model in plan.apis:
        title, options = f"DeepSeek-{model.title()}", plan.options_of(model)
        print(f"\n{title} on own devices")
        print_table([_device_row(option, numbers) for option in options])
        priced = [option for option in options if option.month is not None]
        print(f"\n{title}: cost a month, USD")
        print_table([*_cost_rows(priced, numbers), *_api_rows(plan, model, numbers)])
        if priced:
            print("\nCheaper than the API from, tokens a month (requests a day)")
            print_table([_break_even_row(option) for option in priced])
            print("\nUSD per M tokens when replicas may be busy in the busiest hour")
            print_table([_sensitivity_row(option) for option in priced])
    print("\nSources (vendor: says so of its own product)")
    for name, number in numbers.items():
        each = plan.published.sources[name]
        read = "read " if each.dated == "read" else ""
        certainty = _CERTAINTY.get(each.certainty, each.certainty)
        print(f"[{number}] {each.title} ({read}{each.date}, {certainty}) {each.url}")


def _print_workload(plan: Plan) -> None:
    work, needs = plan.workload, plan.needs
    print(
        f"Workload ({work.described}): {short(work.requests)} requests and {short(work.tokens)} "
        f"tokens a month: {short(work.input_tokens)} computed input, "
        f"{short(work.cached_tokens)} cached, {short(work.output_tokens)} output"
    )
    print(
        f"Busiest hour: {short(work.peak_input)} input and {short(work.peak_output)} output "
        f"tokens a second; {_percent(work.peak_price_share)} of tokens in DeepSeek's peak hours"
    )
    print(
        f"Assumed: replicas at most {_percent(needs.utilisation)} busy in that hour, "
        f"{needs.spare} spare; at most {rounded(needs.tpot_ms, 0)} ms per token and "
        f"{rounded(needs.ttft_ms / 1000, 1)} s to the first; devices paid for 730 hours a month "
        f"at {plan.prices.basis} prices, {_percent(plan.prices.overhead)} on top"
    )


def _device_row(option: Option, numbers: dict[str, int]) -> dict[str, Any]:
    fleet, notes = option.fleet, "; ".join(option.notes)
    point = fleet.point if fleet else None
    return {
        "device": option.device.id,
        "per replica": point and point.devices,
        "replicas": fleet and _replicas(fleet.replicas, fleet.spare),
        "devices": fleet and fleet.devices,
        "mean load": fleet and _percent(fleet.mean_load),
        "input/s": point and rounded(point.input_rate, 0),
        "output/s": point and rounded(point.output_rate, 0),
        "ms per token": point and point.tpot_ms and rounded(point.tpot_ms, 1),
        "source": point and _cited(point.source, numbers),
        "notes": notes or None,
    }


def _replicas(needed: int, spare: int) -> str:
    return f"{needed}+{spare}" if spare else str(needed)


def _cost_rows(options: list[Option], numbers: dict[str, int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for each in options:
        assert each.month is not None
        costs = _costs(each.month, each.per_million, each.per_million_output)
        source = _cited(each.price_source, numbers)
        rows.append({"option": each.device.id, "per device hour": _usd(each.usd_per_hour)})
        rows[-1] |= {**costs, "price": source, "note": None}
    return rows


def _api_rows(plan: Plan, model: str, numbers: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "option": f"API {each.api.name}",
            "per device hour": None,
            **_costs(each.month, each.per_million, each.per_million_output),
            "price": _cited(each.api.source, numbers),
            "note": each.api.note or None,
        }
        for each in plan.apis[model]
    ]


def _costs(month: Decimal, tokens: Decimal | None, output: Decimal | None) -> dict[str, Any]:
    return {
        "per month": f"{month:,.0f}",
        "per M tokens": _usd(tokens),
        "per M output tokens": _usd(output),
    }


def _cited(source: str | None, numbers: dict[str, int]) -> str | None:
    return f"[{numbers[source]}]" if source in numbers else source


def _break_even_row(option: Option) -> dict[str, Any]:
    cells = {name: _break_even(each) for name, each in option.break_even.items()}
    return {"option": option.device.id, **cells}


def _break_even(each: BreakEven | None) -> str:
    return "never" if each is None else f"{short(each.first)} ({short(each.requests_per_day)})"


def _sensitivity_row(option: Option) -> dict[str, Any]:
    cells = {_percent(each): _usd(cost) for each, cost in option.sensitivity.items()}
    return {"option": option.device.id, **cells}


def _usd(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:,.2f}"


def _percent(share: Decimal) -> str:
    return f"{rounded(share * 100, 0)} %"
