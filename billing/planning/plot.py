"""The plan as a picture for print: monthly cost against monthly tokens, both on log axes.

Positions on paper are the only floats; every figure that is written out comes from the plan.
"""

import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.planning.costs import month_at
from billing.planning.output import rounded, short
from billing.planning.plan import ApiCost, Option, Plan

# Told apart by most colour-blind readers and in grey (Okabe and Ito).
_SELF_HOSTED = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_APIS = ("#000000", "#6E6E6E", "#A0522D", "#56B4E9", "#8B8000")
_STYLES = ("--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))
_STEPS = 600


def draw_plan(plan: Plan, file: Path) -> None:
    """Write a PNG: a panel per model, the cheapest devices as steps, the APIs as lines."""
    from matplotlib.figure import Figure

    models = list(plan.apis)
    figure = Figure(figsize=(7.6 * len(models) + 0.4, 8.6), dpi=160)
    figure.suptitle("Serving DeepSeek-V4: own devices against APIs", fontsize=15, weight="bold")
    panels = figure.subplots(1, len(models), squeeze=False)[0]
    for panel, model in zip(panels, models, strict=True):
        _draw_model(panel, plan, model)
    footnote = "\n".join(textwrap.fill(line, 128 * len(models)) for line in _footnote(plan))
    figure.text(0.02, 0.012, footnote, fontsize=7, va="bottom", linespacing=1.35)
    bottom = 0.085 + 0.0165 * (footnote.count("\n") + 1)
    left = 0.01 + 0.1 / len(models)
    figure.subplots_adjust(left=left, right=0.985, top=0.905, bottom=bottom, wspace=0.17)
    figure.savefig(file, format="png")


def _draw_model(panel: Any, plan: Plan, model: str) -> None:
    shown = _shown(plan, model)
    grid = _grid(plan, shown)
    for option, colour in zip(shown, _SELF_HOSTED, strict=False):
        _draw_option(panel, option, grid, colour)
    _draw_band(panel, plan.apis[model], grid)
    for cost, colour, style in zip(_lines(plan.apis[model]), _APIS, _STYLES, strict=False):
        _draw_api(panel, cost, grid, colour, style)
    _mark_break_evens(panel, shown)
    _conclude(panel, shown, _lines(plan.apis[model]))
    tokens = float(plan.workload.tokens)
    panel.axvline(tokens, color="#444444", linewidth=0.9)
    panel.annotate(
        f" this workload: {short(plan.workload.tokens)} tokens",
        (tokens, 0.015), xycoords=("data", "axes fraction"), fontsize=8, color="#444444",
    )  # fmt: skip
    _label_axes(panel, model, grid)


def _shown(plan: Plan, model: str) -> list[Option]:
    """The cheapest at the workload's volume, as many as can be told apart."""
    priced = [each for each in plan.options_of(model) if each.month is not None]
    return priced[: len(_SELF_HOSTED)]


def _lines(costs: list[ApiCost]) -> list[ApiCost]:
    """Without the off-peak and peak prices, which bound a band."""
    return [each for each in costs if not each.api.name.endswith(("-peak", " peak"))]


def _grid(plan: Plan, options: list[Option]) -> list[Decimal]:
    firsts = [each.first for option in options for each in option.break_even.values() if each]
    low = float(min([plan.workload.tokens, *firsts])) / 12
    high = float(max([plan.workload.tokens, *firsts])) * 12
    ratio = (high / low) ** (1 / (_STEPS - 1))
    return [Decimal(low * ratio**step) for step in range(_STEPS)]


def _draw_api(panel: Any, cost: ApiCost, grid: list[Decimal], colour: str, style: Any) -> None:
    label = f"API {cost.api.name}: ${cost.per_million:,.2f} per M tokens"
    price = float(cost.per_million) / 1e6
    x = [float(tokens) for tokens in grid]
    panel.plot(x, [each * price for each in x], color=colour, linestyle=style, label=label)


def _draw_band(panel: Any, costs: list[ApiCost], grid: list[Decimal]) -> None:
    """Between an API's off-peak and peak price."""
    prices = {cost.api.name: float(cost.per_million) / 1e6 for cost in costs}
    x = [float(tokens) for tokens in grid]
    for name, peak in prices.items():
        quiet = prices.get(name.removesuffix(" peak") + " off-peak")
        if name.endswith(" peak") and quiet is not None:
            low, high = [each * quiet for each in x], [each * peak for each in x]
            label = f"API {name.removesuffix(' peak')}, off-peak to peak"
            panel.fill_between(x, low, high, color="#E0E0E0", linewidth=0, label=label)


def _draw_option(panel: Any, option: Option, grid: list[Decimal], colour: str) -> None:
    fleet = option.fleet
    assert fleet is not None  # only priced options are drawn
    price = f"${option.usd_per_hour:,.2f} each an hour"
    label = f"{option.device.name}, {fleet.point.devices} a replica, {price}"
    x = [float(tokens) for tokens in grid]
    y = [float(_month(option, tokens)) for tokens in grid]
    panel.plot(x, y, color=colour, linewidth=2, drawstyle="steps-post", label=label)


def _mark_break_evens(panel: Any, options: list[Option]) -> None:
    """A circle where a device begins to pay."""
    for option in options:
        for each in filter(None, option.break_even.values()):
            panel.plot(float(each.first), float(_month(option, each.first)), "o", color="white",
                       markersize=6.5, markeredgecolor="#222222", zorder=5)  # fmt: skip


def _conclude(panel: Any, options: list[Option], costs: list[ApiCost]) -> None:
    """Say from where the first of the devices is cheaper than each API."""
    lines: list[str] = []
    for name in (cost.api.name for cost in costs):
        paying = [(each.first, option) for option in options if (each := option.break_even[name])]
        if not paying:
            lines.append(f"{name}: not beaten at any volume by these")
            continue
        first, option = min(paying, key=lambda pair: pair[0])
        usd = short(_month(option, first))
        lines.append(
            f"{name}: beaten from {short(first)} tokens a month (${usd}, {option.device.name})"
        )
    panel.text(
        0.985, 0.06, "\n".join(lines), transform=panel.transAxes, ha="right", fontsize=8.5,
        linespacing=1.5, bbox={"facecolor": "white", "edgecolor": "#BBBBBB", "pad": 5},
    )  # fmt: skip


def _month(option: Option, tokens: Decimal) -> Decimal:
    assert option.fleet is not None
    assert option.replica_month is not None
    return month_at(option.fleet, option.replica_month, tokens)


def _label_axes(panel: Any, model: str, grid: list[Decimal]) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlim(float(grid[0]), float(grid[-1]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short(Decimal(x))))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"${short(Decimal(y))}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel("tokens a month (input, cached and output, in this workload's mix)")
    panel.set_ylabel("US dollars a month")
    panel.set_title(f"DeepSeek-{model.title()}", loc="left", weight="bold")
    panel.grid(True, which="major", color="#DDDDDD", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.legend(loc="upper left", fontsize=7.5, framealpha=0.95)


def _footnote(plan: Plan) -> list[str]:
    needs, workload = plan.needs, plan.workload
    share = {
        name: rounded(getattr(workload, f"{name}_tokens") / workload.tokens * 100, 0)
        for name in ("input", "cached", "output")
    }
    assumed = (
        f"Mix: {share['input']} % computed input, {share['cached']} % cached, {share['output']} % "
        f"output. Steps: whole replicas, at most {rounded(needs.utilisation * 100, 0)} % busy in "
        f"the busiest hour, {needs.spare} spare, paid for 730 hours a month "
        f"({plan.prices.basis} prices, {rounded(plan.prices.overhead * 100, 1)} % on top). "
        f"DeepSeek's API: {rounded(workload.peak_price_share * 100, 1)} % of tokens at peak "
        "prices. Circles: self-hosting becomes cheaper. Throughput is other people's, published; "
        "yours may differ."
    )
    shown = [each for model in plan.apis for each in _shown(plan, model)]
    sources = [plan.published.sources[name] for name in plan.sources(shown)]
    cited = "; ".join(f"{each.title} ({each.date}, {each.certainty})" for each in sources)
    prices = {cost.api.source for costs in plan.apis.values() for cost in costs}
    other = "".join(f"; {each}" for each in sorted(prices - set(plan.published.sources)))
    return [assumed, f"Sources: {cited}{other}. Addresses: sovgate plan --json."]
