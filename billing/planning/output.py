"""A plan as JSON-able data. Money is USD, texts without exponents, rounded for reading."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from billing.planning.costs import BreakEven
from billing.planning.plan import ApiCost, Option, Plan
from billing.planning.published import Source, Throughput
from core.money import EXACT, format_amount


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Everything that the plan holds, its assumptions and the sources of its figures."""
    workload, needs = plan.workload, plan.needs
    return {
        "currency": "USD",
        "workload": {
            "described": workload.described,
            "requests_a_month": _whole(workload.requests),
            "input_tokens_a_month": _whole(workload.input_tokens),
            "cached_tokens_a_month": _whole(workload.cached_tokens),
            "output_tokens_a_month": _whole(workload.output_tokens),
            "peak_input_tokens_per_second": rounded(workload.peak_input, 1),
            "peak_cached_tokens_per_second": rounded(workload.peak_cached, 1),
            "peak_output_tokens_per_second": rounded(workload.peak_output, 1),
            "peak_price_share": rounded(workload.peak_price_share, 4),
        },
        "assumptions": {
            "utilisation": format_amount(needs.utilisation),
            "spare_replicas": needs.spare,
            "max_tpot_ms": format_amount(needs.tpot_ms),
            "max_ttft_ms": format_amount(needs.ttft_ms),
            "cached_work": format_amount(needs.cached_work),
            "price_basis": str(plan.prices.basis),
            "overhead": format_amount(plan.prices.overhead),
        },
        "self_hosted": [_option(option) for option in plan.options],
        "apis": {model: [_api(cost) for cost in costs] for model, costs in plan.apis.items()},
        "sources": [_source(plan.published.sources[name]) for name in plan.sources()],
    }


def rounded(value: Decimal, places: int) -> str:
    """Plain notation with at most ``places`` digits after the point, half to even."""
    step = Decimal(1).scaleb(-places)
    return format_amount(value.quantize(step, rounding=ROUND_HALF_EVEN, context=EXACT))


def short(value: Decimal) -> str:
    """``2.5 B``, ``40 k``: for tables and labels."""
    for size, unit in ((12, " T"), (9, " B"), (6, " M"), (3, " k")):
        if value >= Decimal(10) ** size:
            scaled = value.scaleb(-size)
            return rounded(scaled, 0 if scaled >= 100 else 1) + unit
    return rounded(value, 0 if value >= 1 else 2)


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def _option(option: Option) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": option.model,
        "device": option.device.id,
        "device_name": option.device.name,
        "notes": list(option.notes),
    }
    if (fleet := option.fleet) is None:
        return body
    body |= {
        "devices": fleet.devices,
        "replicas": fleet.replicas,
        "spare_replicas": fleet.spare,
        "mean_load": rounded(fleet.mean_load, 4),
        "operating_point": _point(fleet.point),
    }
    if option.month is None:
        return body
    return body | {
        "usd_per_device_hour": _text(option.usd_per_hour, 4),
        "price_source": option.price_source,
        "usd_a_month": _text(option.month, 2),
        "usd_per_million_tokens": _text(option.per_million, 4),
        "usd_per_million_output_tokens": _text(option.per_million_output, 4),
        "break_even": {name: _break_even(each) for name, each in option.break_even.items()},
        "usd_per_million_tokens_at_utilisation": {
            format_amount(each): rounded(cost, 4) for each, cost in option.sensitivity.items()
        },
    }


def _point(point: Throughput) -> dict[str, Any]:
    return {
        "devices_per_replica": point.devices,
        "input_tokens_per_second": rounded(point.input_rate, 1),
        "output_tokens_per_second": rounded(point.output_rate, 1),
        "input_tokens": point.input,
        "output_tokens": point.output,
        "concurrency": point.concurrency,
        "tpot_ms": _text(point.tpot_ms, 2),
        "ttft_ms": _text(point.ttft_ms, 2),
        "source": point.source,
    }


def _break_even(each: BreakEven | None) -> dict[str, Any] | None:
    if each is None:
        return None
    return {
        "tokens_a_month": _whole(each.first),
        "requests_a_day": _whole(each.requests_per_day),
        "for_good_from_tokens_a_month": _whole(each.lasting),
    }


def _api(cost: ApiCost) -> dict[str, Any]:
    api = cost.api
    return {
        "name": api.name,
        "note": api.note,
        "usd_per_million": {
            "input": rounded(api.input, 6),
            "cached_input": rounded(api.cached_input, 6),
            "output": rounded(api.output, 6),
        },
        "usd_a_month": rounded(cost.month, 2),
        "usd_per_million_tokens": rounded(cost.per_million, 4),
        "usd_per_million_output_tokens": rounded(cost.per_million_output, 4),
        "source": api.source,
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "title": source.title,
        "url": source.url,
        "date": source.date.isoformat(),
        "dated": source.dated,
        "certainty": source.certainty,
    }


def _text(value: Decimal | None, places: int) -> str | None:
    return None if value is None else rounded(value, places)
