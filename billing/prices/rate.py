"""A rate: the unit prices of one request, in the ledger's currency, and what they come to.

A price per single token has at most 18 places (12 for worker-seconds): it is
rounded, if at all, when the rate is made. So a cost is a product without
rounding, and a sum of costs equals the cost of the sum, to the last digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from billing.usage import WORKER_SECOND, Usage
from core.money import EXACT, SCALE, ZERO, format_amount

MINIMUM = "minimum_charge"
# The id of the rate of what had no price: it costs 0, and every report counts it apart.
UNPRICED = "unpriced"
# Worker-seconds carry 6 places, so their price may have 18 - 6.
WORKER_SECOND_PLACES = SCALE - 6


class CostLine(msgspec.Struct, frozen=True, gc=False):
    """One class of a cost: ``amount`` = ``quantity`` * ``price`` / ``per``, exactly.

    ``list_price`` is the price without a tenant's override and mark-up, where it
    is another one.
    """

    name: str
    quantity: Decimal
    price: Decimal
    per: int
    amount: Decimal
    list_price: Decimal | None = None


class RateFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What made a rate: its version, and all that changed the listed prices."""

    version: str
    model: str
    source_currency: str
    served: str | None = None
    window: str | None = None
    above: int | None = None
    batch: bool = False
    exchange_rate: Decimal | None = None
    markup_percent: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """Only what is there: it travels with every settlement."""
        body: dict[str, Any] = {
            name: value
            for name in ("version", "model", "source_currency", "served", "window", "above")
            if (value := getattr(self, name)) is not None
        }
        if self.batch:
            body["batch"] = True
        for name in ("exchange_rate", "markup_percent"):
            if (value := getattr(self, name)) is not None:
                body[name] = format_amount(value)
        return body


class CostBreakdown(msgspec.Struct, frozen=True, gc=False):
    """What a usage costs; ``lines`` holds the classes that were used.

    ``price_version`` is the id of the rate.
    """

    price_version: str
    currency: str
    lines: tuple[CostLine, ...]
    facts: RateFacts | None = None

    @property
    def total(self) -> Decimal:
        total = ZERO
        for line in self.lines:
            total = EXACT.add(total, line.amount)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Prices by class, per ``per`` tokens or per second; ``minimum`` is per request."""

    id: str
    facts: RateFacts
    currency: str
    per: int
    prices: Mapping[str, Decimal]
    list_prices: Mapping[str, Decimal]
    minimum: Decimal = ZERO
    # Of input and of output: the dearest class that a token may fall in.
    _dearest: tuple[Decimal, Decimal] = field(init=False, repr=False, compare=False)
    # By class: price, units that it is for, the list price where it is another one.
    _lines: Mapping[str, tuple[Decimal, int, Decimal | None]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        names = ("input", "cached_input", "cache_write", "embedding")
        dearest_input = max(self.prices[name] for name in names)
        dearest_output = max(self.prices["output"], self.prices["reasoning"])
        object.__setattr__(self, "_dearest", (dearest_input, dearest_output))
        lines = {
            name: (price, self.unit(name), None if listed == price else listed)
            for name, price in self.prices.items()
            for listed in (self.list_prices[name],)
        }
        object.__setattr__(self, "_lines", lines)

    def unit(self, name: str) -> int:
        """How many units the price of a class is for."""
        return 1 if name == WORKER_SECOND else self.per

    def cost(self, usage: Usage) -> CostBreakdown:
        """The exact cost of a usage; a line fills it up to the minimum."""
        lines = [self._line(name, count) for name, count in usage.quantities().items()]
        breakdown = CostBreakdown(self.id, self.currency, tuple(lines), self.facts)
        short = EXACT.subtract(self.minimum, breakdown.total) if self.minimum else ZERO
        if short <= 0:
            return breakdown
        line = CostLine(MINIMUM, Decimal(1), short, 1, short)
        return CostBreakdown(self.id, self.currency, (*lines, line), self.facts)

    def worst_case(
        self,
        input_tokens: int,
        max_output_tokens: int,
        *,
        max_worker_seconds: Decimal = ZERO,
        max_guard_tokens: int = 0,
    ) -> Decimal:
        """The most that a request can cost: every token in the dearest class it may fall in."""
        dearest_input, dearest_output = self._dearest
        tokens = EXACT.multiply(dearest_input, input_tokens)
        tokens = EXACT.fma(dearest_output, max_output_tokens, tokens)
        if max_guard_tokens:
            tokens = EXACT.fma(self.prices["guard"], max_guard_tokens, tokens)
        most = EXACT.divide(tokens, self.per)
        if second_price := self.prices[WORKER_SECOND]:
            most = EXACT.fma(second_price, max_worker_seconds, most)
        return max(most, self.minimum)

    def _line(self, name: str, quantity: Decimal) -> CostLine:
        price, per, listed = self._lines[name]
        return CostLine(name, quantity, price, per, line_amount(quantity, price, per), listed)


def line_amount(quantity: Decimal, price: Decimal, per: int) -> Decimal:
    """``quantity * price / per``; exact for every valid rate."""
    return EXACT.divide(EXACT.multiply(quantity, price), per)


def rounded(name: str, price: Decimal, per: int) -> Decimal:
    """The price whose price per unit has no more places than a rate may have."""
    places = WORKER_SECOND_PLACES if name == WORKER_SECOND else SCALE
    unit = EXACT.divide(price, Decimal(per))
    return EXACT.multiply(unit.quantize(Decimal(1).scaleb(-places), context=EXACT), Decimal(per))
