"""``sovgate plan``: what serving DeepSeek-V4 oneself takes and costs, against APIs."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from core.money import parse_amount
from gateway.cli.options import ConfigOption, JsonOption, print_json
from gateway.errors import InvalidRequest

_BASELINES = ("gpt-5.5", "claude-opus-4-7")
_STATED, _MEASURED = "The workload, stated", "The workload, from recorded usage"
_LIMITS, _COSTS = "Requirements", "Costs"


def _number(panel: str, text: str) -> Any:
    return typer.Option(parser=parse_amount, metavar="NUMBER", rich_help_panel=panel, help=text)


def _flag(panel: str, text: str, *names: str) -> Any:
    return typer.Option(*names, rich_help_panel=panel, help=text)


def plan(
    requests_per_day: Annotated[Decimal | None, _number(_STATED, "Requests a day.")] = None,
    tokens_per_month: Annotated[
        Decimal | None, _number(_STATED, "Instead: input and output tokens a month.")
    ] = None,
    input_tokens: Annotated[
        Decimal, _number(_STATED, "Mean input tokens of a request, cached ones included.")
    ] = Decimal(2000),
    output_tokens: Annotated[
        Decimal, _number(_STATED, "Mean output tokens of a request that does not think.")
    ] = Decimal(500),
    cached_share: Annotated[
        Decimal, _number(_STATED, "Share of the input that comes from a prefix cache.")
    ] = Decimal(0),
    thinking_share: Annotated[Decimal, _number(_STATED, "Share of requests that think.")] = Decimal(
        0
    ),
    thinking_multiplier: Annotated[
        Decimal, _number(_STATED, "Output of a thinking request over another's.")
    ] = Decimal(4),
    active_hours: Annotated[Decimal, _number(_STATED, "Hours a day with traffic.")] = Decimal(24),
    peak_factor: Annotated[
        Decimal, _number(_STATED, "Busiest hour over the mean of the active hours.")
    ] = Decimal(3),
    peak_price_share: Annotated[
        Decimal | None, _number(_STATED, "Share of tokens in DeepSeek's peak hours; default: even.")
    ] = None,
    from_usage: Annotated[
        bool, _flag(_MEASURED, "Take a month of recorded usage instead.", "--from-usage")
    ] = False,
    month: Annotated[str | None, _flag(_MEASURED, "YYYY-MM (UTC).", "--month")] = None,
    tenant: Annotated[
        str | None, _flag(_MEASURED, "Only this tenant; default: all.", "--tenant")
    ] = None,
    usage_model: Annotated[
        list[str] | None, _flag(_MEASURED, "Only this model's requests; repeatable.")
    ] = None,
    model: Annotated[
        list[str] | None, _flag(_LIMITS, "v4-flash or v4-pro; default: both.", "--model")
    ] = None,
    device: Annotated[
        list[str] | None, _flag(_LIMITS, "Device, such as b200; default: all.", "--device")
    ] = None,
    utilisation: Annotated[
        Decimal, _number(_LIMITS, "How busy replicas may be in the busiest hour, 0 to 1.")
    ] = Decimal("0.6"),
    spare: Annotated[int, _flag(_LIMITS, "Replicas beyond those needed; 1 is N+1.")] = 0,
    max_tpot_ms: Annotated[Decimal, _number(_LIMITS, "Slowest time per output token.")] = Decimal(
        100
    ),
    max_ttft_ms: Annotated[Decimal, _number(_LIMITS, "Slowest time to the first token.")] = Decimal(
        10_000
    ),
    cached_work: Annotated[
        Decimal, _number(_LIMITS, "What a cached input token costs a replica, in computed ones.")
    ] = Decimal(0),
    throughput: Annotated[
        list[str] | None,
        _flag(
            _LIMITS,
            "Your measurement of one replica: MODEL:DEVICE=DEVICES:INPUT:OUTPUT, the latter in "
            "tokens a second; repeatable.",
        ),
    ] = None,
    basis: Annotated[
        str, _flag(_COSTS, "Published prices of devices: rental or ownership.")
    ] = "rental",
    device_hour: Annotated[
        list[str] | None, _flag(_COSTS, "Your price, DEVICE=USD an hour each; repeatable.")
    ] = None,
    overhead: Annotated[
        Decimal, _number(_COSTS, "Share on top of devices, for operation and power.")
    ] = Decimal(0),
    baseline: Annotated[
        list[str] | None, _flag(_COSTS, f"API to compare; default: {', '.join(_BASELINES)}.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the costs into this PNG file.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """GPUs or NPUs for DeepSeek-V4, their cost, and from where they are cheaper than APIs.

    Every throughput and price is a published one and cited; docs/plan.md tells the formulas.

    --config is needed with --from-usage only; its price book goes first for baselines.
    """
    from billing.planning import Requirements, draw_plan, find_api, load_published, make_plan
    from billing.planning.output import plan_to_json
    from billing.planning.published import MODELS
    from gateway.cli import plan_inputs
    from gateway.cli.plan_tables import print_plan
    from gateway.settings import load_settings

    settings = load_settings(config) if from_usage or config is not None else None
    if settings is not None and from_usage:
        if requests_per_day is not None or tokens_per_month is not None:
            raise InvalidRequest("State a workload or take --from-usage, not both.")
        workload = plan_inputs.measured(settings, month, tenant, usage_model or ())
    else:
        workload = plan_inputs.stated(
            requests_per_day,
            tokens_per_month,
            peak_price_share,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_share=cached_share,
            thinking_share=thinking_share,
            thinking_multiplier=thinking_multiplier,
            active_hours=active_hours,
            peak_factor=peak_factor,
        )
    published = load_published()
    book = None if settings is None else plan_inputs.price_lookup(settings)
    result = make_plan(
        workload,
        published,
        models=model or MODELS,
        devices=device or (),
        needs=Requirements(
            utilisation=utilisation,
            spare=spare,
            tpot_ms=max_tpot_ms,
            ttft_ms=max_ttft_ms,
            cached_work=cached_work,
        ),
        prices=plan_inputs.prices(basis, device_hour or (), overhead),
        own_throughput=[plan_inputs.throughput(text) for text in throughput or ()],
        baselines=[find_api(name, published, book) for name in baseline or _BASELINES],
    )
    if plot is not None:
        draw_plan(result, plot)
    if as_json:
        print_json(plan_to_json(result))
    else:
        print_plan(result)
