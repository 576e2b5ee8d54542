"""The plan: for each model and device the fleet, its cost, and where it beats the APIs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from billing.errors import InvalidPlan
from billing.planning.apis import ApiOption, own_apis
from billing.planning.costs import (
    BreakEven,
    api_month,
    break_even,
    fleet_month,
    per_million,
    replica_month,
)
from billing.planning.published import MODELS, Basis, Device, Published, Throughput
from billing.planning.sizing import Fleet, Requirements, best_fleet, memory_shortfall_gb, size
from billing.planning.workload import Workload
from core.money import ZERO

UTILISATIONS = (Decimal("0.3"), Decimal("0.6"), Decimal("0.9"))
YOURS = "yours"  # the source of a figure that the user gave


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What devices cost: published on one basis, or the user's own by device."""

    basis: Basis = Basis.RENTAL
    own: dict[str, Decimal]  # USD an hour
    overhead: Decimal = ZERO

    def of(self, device: str, published: Published) -> tuple[Decimal, str] | None:
        """USD an hour and its source; ``None`` where nobody published one."""
        if device in self.own:
            return self.own[device], YOURS
        return published.device_prices.get((device, self.basis))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCost:
    """An API beside the self-hosted options."""

    api: ApiOption
    month: Decimal  # USD
    per_million: Decimal
    per_million_output: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A model on a device. Without ``fleet``, ``notes`` say why; without ``month``, no price."""

    model: str
    device: Device
    fleet: Fleet | None = None
    usd_per_hour: Decimal | None = None
    price_source: str | None = None
    replica_month: Decimal | None = None
    month: Decimal | None = None  # USD
    per_million: Decimal | None = None
    per_million_output: Decimal | None = None
    break_even: dict[str, BreakEven | None]  # by API
    sensitivity: dict[Decimal, Decimal]  # utilisation -> USD per million tokens
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """``apis`` are those of each model, the baselines last; options are cheapest first."""

    workload: Workload
    needs: Requirements
    prices: Prices
    published: Published
    apis: dict[str, list[ApiCost]]
    options: list[Option]

    def options_of(self, model: str) -> list[Option]:
        return [option for option in self.options if option.model == model]

    def sources(self, options: Iterable[Option] | None = None) -> list[str]:
        """Ids of the sources of the figures of options (all) and APIs, in order of first use."""
        used: list[str] = []
        for option in self.options if options is None else options:
            used += [option.fleet.point.source] if option.fleet else []
            used += [option.price_source] if option.price_source else []
        used += [cost.api.source for costs in self.apis.values() for cost in costs]
        return [name for name in dict.fromkeys(used) if name in self.published.sources]


def make_plan(
    workload: Workload,
    published: Published,
    *,
    models: Sequence[str] = MODELS,
    devices: Sequence[str] = (),
    needs: Requirements | None = None,
    prices: Prices | None = None,
    own_throughput: Iterable[Throughput] = (),
    baselines: Sequence[ApiOption] = (),
) -> Plan:
    """Plan each model on each device.

    Args:
        devices: all known ones if empty.
        own_throughput: measured by the user; where given for a model and a device, the
            published figures of both are not considered.

    Raises:
        UnknownDevice: a device that ``published`` does not know.
        InvalidPlan: a model other than ``MODELS``.
    """
    needs, prices = needs or Requirements(), prices or Prices(own={})
    mine = tuple(own_throughput)
    if unknown := sorted(set(models) - set(MODELS)):
        raise InvalidPlan(f"No model {unknown[0]!r}; choose from {', '.join(MODELS)}.")
    chosen = [published.device(name) for name in devices or published.devices]
    for name in (*prices.own, *(point.device for point in mine)):
        published.device(name)
    apis: dict[str, list[ApiCost]] = {}
    options: list[Option] = []
    for model in models:
        offers = [*own_apis(published, model, workload.peak_price_share), *baselines]
        apis[model] = [_api_cost(workload, api) for api in offers]
        for device in chosen:
            option = _option(workload, published, model, device, needs, mine)
            options.append(_priced(option, workload, published, needs, prices, offers))
    options.sort(key=lambda each: (each.month is None, each.month or ZERO, each.fleet is None))
    return Plan(workload, needs, prices, published, apis, options)


def _option(
    workload: Workload,
    published: Published,
    model: str,
    device: Device,
    needs: Requirements,
    mine: Sequence[Throughput],
) -> Option:
    def without(reason: str) -> Option:
        return Option(model=model, device=device, break_even={}, sensitivity={}, notes=(reason,))

    points = [each for each in mine if (each.model, each.device) == (model, device.id)]
    points = points or [
        each for each in published.throughput if (each.model, each.device) == (model, device.id)
    ]
    if not points:
        return without("no published throughput")
    quick = [point for point in points if needs.allow(point)]
    if not quick:
        return without("published throughput is slower than the limits allow")
    fitting = [each for each in quick if not memory_shortfall_gb(workload, each, published)]
    # Longer prompts than a benchmark's cost more per token, so its rates promise nothing for them.
    comparable = [point for point in fitting if not _is_shorter(point, workload)]
    fleet = best_fleet(workload, comparable or fitting, needs)
    if fleet is None:
        return without("weights and KV cache of such prompts do not fit a replica's memory")
    notes = _notes(workload, fleet.point)
    return Option(
        model=model, device=device, fleet=fleet, break_even={}, sensitivity={}, notes=notes
    )


def _is_shorter(point: Throughput, workload: Workload) -> bool:
    """Whether the benchmark's prompts are shorter than the workload's."""
    prompt = (workload.input_tokens + workload.cached_tokens) / workload.requests
    return point.input is not None and point.input < prompt


def _notes(workload: Workload, point: Throughput) -> tuple[str, ...]:
    notes: list[str] = []
    if _is_shorter(point, workload):
        notes.append(f"measured with shorter prompts ({point.input} tokens): expect more devices")
    if point.ttft_ms is None and point.source != YOURS:
        notes.append("time to first token not published")
    return tuple(notes)


def _priced(
    option: Option,
    workload: Workload,
    published: Published,
    needs: Requirements,
    prices: Prices,
    offers: Sequence[ApiOption],
) -> Option:
    fleet, price = option.fleet, prices.of(option.device.id, published)
    if fleet is None:
        return option
    if price is None:
        return replace(option, notes=(*option.notes, f"no published {prices.basis} price"))
    hour, source = price
    month = fleet_month(fleet, hour, prices.overhead)
    replica = replica_month(fleet, hour, prices.overhead)
    return replace(
        option,
        usd_per_hour=hour,
        price_source=source,
        replica_month=replica,
        month=month,
        per_million=per_million(month, workload.tokens),
        per_million_output=per_million(month, workload.output_tokens),
        break_even={api.name: break_even(workload, fleet, replica, api) for api in offers},
        sensitivity={
            each: _at_utilisation(workload, fleet, needs, hour, prices.overhead, each)
            for each in UTILISATIONS
        },
    )


def _at_utilisation(
    workload: Workload,
    fleet: Fleet,
    needs: Requirements,
    hour: Decimal,
    overhead: Decimal,
    utilisation: Decimal,
) -> Decimal:
    other = size(workload, fleet.point, replace(needs, utilisation=utilisation))
    return per_million(fleet_month(other, hour, overhead), workload.tokens)


def _api_cost(workload: Workload, api: ApiOption) -> ApiCost:
    month = api_month(workload, api)
    return ApiCost(
        api=api,
        month=month,
        per_million=per_million(month, workload.tokens),
        per_million_output=per_million(month, workload.output_tokens),
    )
