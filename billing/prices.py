"""The price book: dated versions of what a token and a worker-second cost.

Knows nothing of requests or budgets. A price per token has at most 18 places
(12 for worker-seconds), so that a cost is a product without rounding and a sum
of costs equals the cost of the sum, to the last digit.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice, MixedCurrencies, OverlappingPrices, UnpricedModel
from billing.usage import CLASSES, WORKER_SECOND, Usage
from core.canonical import digest
from core.clock import isoformat
from core.money import EXACT, SCALE, ZERO, InvalidAmount, format_amount, parse_amount

# Worker-seconds carry 6 places, so their price may have 18 - 6.
_WORKER_SECOND_PLACES = 12


@dataclass(frozen=True, slots=True)
class CostLine:
    """One class of a cost: ``amount`` = ``quantity`` * ``price`` / ``per``, exactly."""

    name: str
    quantity: Decimal
    price: Decimal
    per: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """What a usage costs; ``lines`` holds the classes that were used."""

    price_version: str
    currency: str
    lines: tuple[CostLine, ...]

    @property
    def total(self) -> Decimal:
        total = ZERO
        for line in self.lines:
            total = EXACT.add(total, line.amount)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVersion:
    """What one model costs from ``effective_from`` (inclusive) on.

    It ends at ``effective_to`` (exclusive), or where the next version of the
    model starts. Token prices are per ``per`` tokens, ``worker_second`` is per
    second. ``id`` is a digest of everything but ``effective_to``: closing a
    version does not make it another one.

    Raises:
        InvalidPrice: for negative prices, naive or reversed dates, and a price
            that cannot be expressed exactly per single token.
    """

    model: str
    currency: str
    effective_from: datetime
    input: Decimal
    output: Decimal
    effective_to: datetime | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    worker_second: Decimal = ZERO
    per: int = 1_000_000
    id: str = field(init=False)

    def __post_init__(self) -> None:
        defaults = {
            "cached_input": self.input,
            "cache_write": self.input,
            "reasoning": self.output,
        }
        for name, default in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        self._validate()
        object.__setattr__(self, "id", "pv_" + digest(self._content())[7:31])

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "PriceVersion":
        """From an entry of the settings' ``prices``; prices are texts, dates ISO 8601.

        Raises:
            InvalidPrice: for unknown or missing fields and for float prices.
        """
        allowed = {*CLASSES, "model", "currency", "effective_from", "effective_to", "per"}
        if unknown := sorted(set(body) - allowed):
            raise InvalidPrice(f"A price has no field '{unknown[0]}'.", param=unknown[0])
        for name in ("model", "effective_from", "input", "output"):
            if body.get(name) is None:
                raise InvalidPrice(f"A price needs the field '{name}'.", param=name)
        fields: dict[str, Any] = {"model": body["model"], "currency": body.get("currency", "USD")}
        fields["per"] = body.get("per", 1_000_000)
        for name in CLASSES:
            if body.get(name) is not None:
                fields[name] = _price(name, body[name])
        for name in ("effective_from", "effective_to"):
            if body.get(name) is not None:
                fields[name] = _instant(name, body[name])
        return cls(**fields)

    def price(self, name: str) -> Decimal:
        """The listed price of one of ``CLASSES``."""
        return getattr(self, name)

    def unit(self, name: str) -> int:
        """How many units the listed price is for."""
        return 1 if name == WORKER_SECOND else self.per

    def cost(self, usage: Usage) -> CostBreakdown:
        """The exact cost of a usage."""
        lines = tuple(
            self._line(name, quantity) for name in CLASSES if (quantity := usage.quantity(name))
        )
        return CostBreakdown(self.id, self.currency, lines)

    def worst_case(
        self, input_tokens: int, max_output_tokens: int, *, max_worker_seconds: Decimal = ZERO
    ) -> Decimal:
        """The most that a request can cost: every token in the dearest class it may fall in."""
        dearest_input = max(self.input, self.price("cached_input"), self.price("cache_write"))
        dearest_output = max(self.output, self.price("reasoning"))
        tokens = EXACT.add(
            EXACT.multiply(dearest_input, Decimal(input_tokens)),
            EXACT.multiply(dearest_output, Decimal(max_output_tokens)),
        )
        seconds = EXACT.multiply(self.worker_second, max_worker_seconds)
        return EXACT.add(EXACT.divide(tokens, Decimal(self.per)), seconds)

    def holds_at(self, at: datetime) -> bool:
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)

    def to_json(self) -> dict[str, Any]:
        body = {"id": self.id, **self._content()}
        body["effective_to"] = isoformat(self.effective_to) if self.effective_to else None
        return body

    def _line(self, name: str, quantity: Decimal) -> CostLine:
        price, per = self.price(name), self.unit(name)
        return CostLine(name, quantity, price, per, line_amount(quantity, price, per))

    def _content(self) -> dict[str, Any]:
        body: dict[str, Any] = {name: format_amount(self.price(name)) for name in CLASSES}
        body |= {"model": self.model, "currency": self.currency, "per": self.per}
        return body | {"effective_from": isoformat(self.effective_from)}

    def _validate(self) -> None:
        if not self.model or len(self.currency) != 3 or not self.currency.isupper():
            raise InvalidPrice("A price needs a model and a currency of three capital letters.")
        if type(self.per) is not int or self.per < 1:
            raise InvalidPrice("'per' must be a whole number of tokens, such as 1000000.")
        for instant in (self.effective_from, self.effective_to):
            if instant is not None and instant.tzinfo is None:
                raise InvalidPrice("The dates of a price need a time zone.")
        if self.effective_to is not None and self.effective_to <= self.effective_from:
            raise InvalidPrice("A price must end after it starts.", param="effective_to")
        for name in CLASSES:
            self._validate_price(name)

    def _validate_price(self, name: str) -> None:
        price = self.price(name)
        if not isinstance(price, Decimal) or not price.is_finite() or price < 0:
            raise InvalidPrice(f"The price '{name}' must be a Decimal from 0 up.", param=name)
        unit = EXACT.divide(price, Decimal(self.unit(name)))
        places = _WORKER_SECOND_PLACES if name == WORKER_SECOND else SCALE
        if unit != round(unit, places):
            raise InvalidPrice(
                f"The price '{name}' of model {self.model} is not exact to {places} places per "
                "unit; use a power of ten for 'per' and fewer digits.",
                param=name,
            )


class PriceBook:
    """All price versions, looked up by model and instant.

    Args:
        versions: in any order. An open version ends where the next one starts.
        currency: the one currency of all amounts.

    Raises:
        OverlappingPrices: two versions of a model start together, or one ends
            after the next has started.
        MixedCurrencies: a version in another currency (there is no dated
            exchange rate yet, and a silent 1:1 would be wrong).
    """

    def __init__(self, versions: Sequence[PriceVersion], *, currency: str = "USD") -> None:
        self.currency = currency
        self._by_model: dict[str, list[PriceVersion]] = {}
        for version in sorted(versions, key=lambda version: version.effective_from):
            if version.currency != currency:
                raise MixedCurrencies(
                    f"The price of {version.model} is in {version.currency}, the book in "
                    f"{currency}: state it in {currency}.",
                    param="currency",
                )
            self._append(version)

    @classmethod
    def from_settings(
        cls, prices: Sequence[Mapping[str, Any]], *, currency: str = "USD"
    ) -> "PriceBook":
        return cls([PriceVersion.from_settings(body) for body in prices], currency=currency)

    @property
    def versions(self) -> tuple[PriceVersion, ...]:
        return tuple(version for versions in self._by_model.values() for version in versions)

    def version_for(self, model: str, at: datetime) -> PriceVersion:
        """The version that holds for a model at an instant.

        Raises:
            UnpricedModel: none does.
        """
        versions = self._by_model.get(model, [])
        index = bisect_right(versions, at, key=lambda version: version.effective_from) - 1
        if index < 0 or not versions[index].holds_at(at):
            raise UnpricedModel(
                f"Model {model} has no price at {isoformat(at)}; add one to the settings' "
                "'prices' (a price of '0' makes it free).",
                param="model",
                model=model,
            )
        return versions[index]

    def _append(self, version: PriceVersion) -> None:
        versions = self._by_model.setdefault(version.model, [])
        if versions:
            last = versions[-1]
            ends = last.effective_to
            starts_together = last.effective_from == version.effective_from
            if starts_together or (ends is not None and ends > version.effective_from):
                raise OverlappingPrices(
                    f"Two prices of model {version.model} hold at "
                    f"{isoformat(version.effective_from)}; end the first before the second starts.",
                    model=version.model,
                )
        versions.append(version)


def line_amount(quantity: Decimal, price: Decimal, per: int) -> Decimal:
    """``quantity * price / per``; exact for every valid price version."""
    return EXACT.divide(EXACT.multiply(quantity, price), Decimal(per))


def _price(name: str, value: Any) -> Decimal:
    try:
        return parse_amount(value)
    except InvalidAmount as error:
        raise InvalidPrice(f"The price '{name}': {error.message}", param=name) from None


def _instant(name: str, value: Any) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidPrice(f"'{name}' must be a date such as 2026-01-01.", param=name) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
