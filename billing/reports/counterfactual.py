"""What traffic would have cost otherwise: on another model, or with everything thinking."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec.structs import replace

from billing.errors import InvalidReport
from billing.prices import MINIMUM, PriceBook, line_amount
from billing.reports.traffic import Piece
from billing.reports.units import Units
from billing.usage import Usage
from core.money import EXACT, ZERO

_PLACES = Decimal("0.0001")
_ONE = Decimal(1)
_CARRIED = ("guard", "embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlwaysThink:
    """Everything on one thinking tier.

    Args:
        tier: whose reasoning is measured first.
        model: that serves it.
        thinking: further tiers whose reasoning is taken where ``tier`` has no traffic.
        assumed: reasoning tokens per output token where the tenant has no thinking
            traffic of a trend to measure; a statement of the caller's, shown as such.
    """

    tier: str
    model: str
    thinking: tuple[str, ...] = ()
    assumed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ReasoningRatio:
    """Reasoning tokens per output token, and where the figure comes from."""

    ratio: Decimal
    source: str


@dataclass(slots=True)
class _Thought:
    """What a tenant's traffic of one trend and tier has thought."""

    requests: int = 0
    output: int = 0
    reasoning: int = 0


@dataclass(slots=True)
class ReasoningRatios:
    """Measures, by tenant and trend, how much a thinking tier thinks."""

    think: AlwaysThink
    _seen: dict[tuple[str, str | None, str | None], _Thought] = field(default_factory=dict)

    def add(
        self,
        tenant: str,
        trend: str | None,
        tier: str | None,
        *,
        requests: int,
        output: int,
        reasoning: int,
    ) -> None:
        thought = self._seen.setdefault((tenant, trend, tier), _Thought())
        thought.requests += requests
        thought.output += output
        thought.reasoning += reasoning

    def of(self, tenant: str, trend: str | None) -> ReasoningRatio:
        """Measured on the tier, else on all thinking tiers, else the stated assumption.

        Raises:
            InvalidReport: none of these.
        """
        for tiers in ((self.think.tier,), self.think.thinking):
            found = [self._seen.get((tenant, trend, tier)) for tier in tiers]
            known = [thought for thought in found if thought is not None]
            output = sum(thought.output for thought in known)
            if output:
                reasoning = sum(thought.reasoning for thought in known)
                requests = sum(thought.requests for thought in known)
                ratio = (Decimal(reasoning) / output).quantize(_PLACES, ROUND_HALF_EVEN)
                where = ", ".join(tiers)
                return ReasoningRatio(ratio, f"measured on {requests} requests of {where}")
        if self.think.assumed is None:
            raise InvalidReport(
                f"Tenant {tenant} has no thinking traffic of trend {trend or '-'} to measure; "
                "state how many reasoning tokens come with an output token.",
                param="reasoning_ratio",
            )
        return ReasoningRatio(self.think.assumed, "assumed")


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Prices pieces of traffic by one book.

    What guards and embeddings cost stays as it was: another chat model does not change it.

    Args:
        units: the prices that the traffic was billed at.
        batches: rates that were batch rates: such traffic stays batch traffic.
        precise: pieces are single requests, so that steps by the length of the prompt
            and minimum charges count.
    """

    book: PriceBook
    units: Units
    batches: frozenset[str]
    precise: bool

    def on(self, model: str, piece: Piece) -> Decimal:
        """The same tokens on another model."""
        return self._cost(model, piece, _of_the_model(piece.usage))

    def thinking(self, think: AlwaysThink, piece: Piece, ratio: Decimal) -> Decimal:
        """The same input and output on a thinking tier, with its reasoning."""
        usage = _of_the_model(piece.usage)
        if piece.tier != think.tier:
            usage = _with_reasoning(usage, ratio)
        return self._cost(think.model, piece, usage)

    def _cost(self, model: str, piece: Piece, usage: Usage) -> Decimal:
        if not (usage.prompt_tokens or usage.completion_tokens):
            return piece.cost
        rate = self.book.rate(
            model,
            piece.at,
            tenant=piece.tenant,
            prompt_tokens=usage.prompt_tokens if self.precise else 0,
            batch=piece.rate in self.batches,
        )
        total = self._carried_over(piece)
        for line in rate.cost(usage).lines:
            if self.precise or line.name != MINIMUM:
                total = EXACT.add(total, line.amount)
        return total

    def _carried_over(self, piece: Piece) -> Decimal:
        total = ZERO
        for name in _CARRIED:
            unit, quantity = self.units.get((piece.rate, name)), piece.usage.quantity(name)
            if quantity and unit is not None:
                total = EXACT.add(total, line_amount(quantity, unit.price, unit.per))
        return total


def _of_the_model(usage: Usage) -> Usage:
    return replace(usage, guard_tokens=0, embedding_tokens=0)


def _with_reasoning(usage: Usage, ratio: Decimal) -> Usage:
    """As many reasoning tokens as the ratio says; a worker's time grows with what it writes."""
    reasoning = int((usage.output_tokens * ratio).quantize(_ONE, ROUND_HALF_EVEN))
    seconds = usage.worker_seconds
    if seconds and usage.completion_tokens:
        grown = Decimal(usage.output_tokens + reasoning) / usage.completion_tokens
        seconds = EXACT.multiply(seconds, grown)
    return replace(usage, reasoning_tokens=reasoning, worker_seconds=seconds)
