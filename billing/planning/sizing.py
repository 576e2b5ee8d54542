"""How many replicas and devices a workload needs at its peak.

A replica that wrote ``output_rate`` tokens a second while it computed ``input_rate`` can do less of
both. So the larger of the two quotients of demand and published rate is always enough, whatever
the mix; where the mix differs from the benchmark's it is more than needed. docs/plan.md says why
nothing sharper follows from one published figure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext

from billing.errors import InvalidPlan
from billing.planning.published import Published, Throughput
from billing.planning.workload import SECONDS, Workload
from core.money import EXACT, ZERO

# Of a device's memory, for weights and KV cache; the rest is the engine's.
USABLE_MEMORY = Decimal("0.9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What the deployment must keep to.

    Args:
        utilisation: how busy replicas may be in the busiest hour.
        spare: replicas beyond those needed (1 is N+1).
        tpot_ms, ttft_ms: slower operating points are not considered; points whose time to
            first token was not published are.
        cached_work: what a cached input token costs a replica, in computed ones.

    Raises:
        InvalidPlan: a number out of its range.
    """

    utilisation: Decimal = Decimal("0.6")
    spare: int = 0
    tpot_ms: Decimal = Decimal(100)
    ttft_ms: Decimal = Decimal(10_000)
    cached_work: Decimal = ZERO

    def __post_init__(self) -> None:
        if not 0 < self.utilisation <= 1:
            raise InvalidPlan("The utilisation lies above 0 and not above 1.", param="utilisation")
        if self.spare < 0 or min(self.tpot_ms, self.ttft_ms) <= 0:
            raise InvalidPlan("Spare replicas are 0 or more, limits of time more than 0.")
        if not 0 <= self.cached_work <= 1:
            raise InvalidPlan("cached_work lies between 0 and 1.", param="cached_work")

    def allow(self, point: Throughput) -> bool:
        """Whether an operating point is quick enough."""
        tpot, ttft = point.tpot_ms, point.ttft_ms
        return (tpot is None or tpot <= self.tpot_ms) and (ttft is None or ttft <= self.ttft_ms)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas at one operating point; ``capacity`` is a month's tokens per replica of this mix."""

    point: Throughput
    replicas: int  # needed at the peak
    spare: int
    capacity: Decimal
    mean_load: Decimal  # of the needed replicas, over the month

    @property
    def devices(self) -> int:
        return (self.replicas + self.spare) * self.point.devices


def size(workload: Workload, point: Throughput, needs: Requirements) -> Fleet:
    """The whole replicas that the busiest hour needs at the utilisation asked for."""
    with localcontext(EXACT):
        work = workload.peak_input + needs.cached_work * workload.peak_cached
        busy = _busy(work, workload.peak_output, point)
        replicas = max(1, int((busy / needs.utilisation).to_integral_value(ROUND_CEILING)))
        month = workload.input_tokens + needs.cached_work * workload.cached_tokens
        mean = _busy(month / SECONDS, workload.output_tokens / SECONDS, point)
        capacity = workload.tokens * needs.utilisation / busy
        return Fleet(point, replicas, needs.spare, capacity, mean / replicas)


def best_fleet(
    workload: Workload, points: Iterable[Throughput], needs: Requirements
) -> Fleet | None:
    """The fleet of fewest devices; of equals, the one whose users wait least per token."""
    fleets = [size(workload, point, needs) for point in points]
    return min(fleets, key=lambda fleet: (fleet.devices, fleet.point.tpot_ms or ZERO), default=None)


def memory_shortfall_gb(
    workload: Workload, point: Throughput, published: Published
) -> Decimal | None:
    """By how much weights and KV cache exceed a replica's usable memory; 0 where they fit.

    The benchmark's concurrency is counted with the workload's mean length. ``None``: the size of
    this checkpoint, or the concurrency, was not published.
    """
    weights = published.weights_gb.get((point.model, point.checkpoint))
    if weights is None or point.concurrency is None:
        return None
    with localcontext(EXACT):
        kept = workload.tokens_per_request * published.kv_bytes[point.model][0]
        needed = weights[0] + kept * point.concurrency / 10**9
        usable = published.device(point.device).memory_gb * point.devices * USABLE_MEMORY
        return max(ZERO, needed - usable)


def _busy(input_rate: Decimal, output_rate: Decimal, point: Throughput) -> Decimal:
    """Fully busy replicas that two rates (tokens a second) make."""
    written = output_rate / point.output_rate
    return max(written, input_rate / point.input_rate) if input_rate else written
