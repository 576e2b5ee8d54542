"""A price version: what one model costs from an instant on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice
from billing.prices import parsing
from billing.prices.rate import (
    WORKER_SECOND_PLACES,
    CostBreakdown,
    Rate,
    RateFacts,
)
from billing.prices.windows import PriceStep, PriceWindow
from billing.usage import CLASSES, WORKER_SECOND, Usage
from core.canonical import digest
from core.clock import isoformat
from core.money import EXACT, SCALE, ZERO, format_amount

_FIELDS = {
    *CLASSES,
    "model",
    "currency",
    "effective_from",
    "effective_to",
    "per",
    "minimum",
    "batch",
    "tenant",
    "served",
    "windows",
    "steps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVersion:
    """What one model costs from ``effective_from`` (inclusive) on.

    It ends at ``effective_to`` (exclusive), or where the next version of the
    model starts. Token prices are per ``per`` tokens, ``worker_second`` is per
    second, ``minimum`` per request. ``id`` is a digest of everything but
    ``effective_to``: closing a version does not make it another one.

    Args:
        tenant: whose price it is; ``None`` for the list price.
        served: which version of the model answers under this name.
        windows: hours at other prices; the first one that holds counts.
        steps: other prices for long prompts; the highest one passed counts.
        batch: factor on the token prices of batch requests.

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
    guard: Decimal = ZERO
    embedding: Decimal | None = None
    worker_second: Decimal = ZERO
    per: int = 1_000_000
    minimum: Decimal = ZERO
    batch: Decimal | None = None
    tenant: str | None = None
    served: str | None = None
    windows: tuple[PriceWindow, ...] = ()
    steps: tuple[PriceStep, ...] = ()
    id: str = field(init=False)

    def __post_init__(self) -> None:
        defaults = {
            "cached_input": self.input,
            "cache_write": self.input,
            "reasoning": self.output,
            "embedding": self.input,
        }
        for name, default in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        steps = tuple(sorted(self.steps, key=lambda step: step.above))
        object.__setattr__(self, "steps", steps)
        self._validate()
        object.__setattr__(self, "id", "pv_" + digest(self._content())[7:31])

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "PriceVersion":
        """From an entry of the settings' ``prices``; prices are texts, dates ISO 8601.

        Raises:
            InvalidPrice: for unknown or missing fields and for float prices.
        """
        parsing.only(body, "A price", _FIELDS)
        parsing.needed(body, "A price", ["model", "effective_from", "input", "output"])
        start, end = parsing.span(body)
        fields: dict[str, Any] = {"model": body["model"], "currency": body.get("currency", "USD")}
        fields |= {"effective_from": start, "effective_to": end, "per": body.get("per", 1_000_000)}
        fields |= parsing.prices(body)
        for name in ("minimum", "batch"):
            if body.get(name) is not None:
                fields[name] = parsing.amount(name, body[name])
        fields |= {"tenant": body.get("tenant"), "served": body.get("served")}
        fields["windows"] = tuple(map(PriceWindow.from_settings, body.get("windows") or ()))
        fields["steps"] = tuple(map(PriceStep.from_settings, body.get("steps") or ()))
        return cls(**fields)

    def price(self, name: str) -> Decimal:
        """The listed price of one of ``CLASSES``."""
        return getattr(self, name)

    def unit(self, name: str) -> int:
        """How many units the listed price is for."""
        return 1 if name == WORKER_SECOND else self.per

    @property
    def plain(self) -> Rate:
        """The rate of a short prompt outside all windows, in the version's own currency."""
        prices = {name: self.price(name) for name in CLASSES}
        facts = RateFacts(
            version=self.id, model=self.model, source_currency=self.currency, served=self.served
        )
        return Rate(
            id=self.id,
            facts=facts,
            currency=self.currency,
            per=self.per,
            prices=prices,
            list_prices=prices,
            minimum=self.minimum,
        )

    def cost(self, usage: Usage) -> CostBreakdown:
        """The exact cost of a usage at the plain rate."""
        return self.plain.cost(usage)

    def step(self, prompt_tokens: int) -> PriceStep | None:
        """The step that a prompt of this length has passed."""
        passed = [step for step in self.steps if prompt_tokens > step.above]
        return passed[-1] if passed else None

    def holds_at(self, at: datetime) -> bool:
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)

    def to_json(self) -> dict[str, Any]:
        """As the settings would say it, and its ``id``."""
        body = {"id": self.id, **self._content()}
        body["effective_to"] = isoformat(self.effective_to) if self.effective_to else None
        return body

    def _content(self) -> dict[str, Any]:
        body: dict[str, Any] = {name: format_amount(self.price(name)) for name in CLASSES}
        body |= {"model": self.model, "currency": self.currency, "per": self.per}
        body["effective_from"] = isoformat(self.effective_from)
        for name in ("minimum", "batch"):
            if getattr(self, name):
                body[name] = format_amount(getattr(self, name))
        for name in ("tenant", "served"):
            if getattr(self, name):
                body[name] = getattr(self, name)
        for name in ("windows", "steps"):
            if getattr(self, name):
                body[name] = [item.to_json() for item in getattr(self, name)]
        return body

    def _validate(self) -> None:
        if not self.model:
            raise InvalidPrice("A price needs a model.", param="model")
        parsing.check_currency(self.currency)
        if type(self.per) is not int or self.per < 1:
            raise InvalidPrice("'per' must be a whole number of tokens, such as 1000000.")
        parsing.check_span("A price", self.effective_from, self.effective_to)
        if len({window.name for window in self.windows}) != len(self.windows):
            raise InvalidPrice("Two windows of a price have the same name.", param="windows")
        for name in CLASSES:
            self._validate_price(name)

    def _validate_price(self, name: str) -> None:
        price = self.price(name)
        if not isinstance(price, Decimal) or not price.is_finite() or price < 0:
            raise InvalidPrice(f"The price '{name}' must be a Decimal from 0 up.", param=name)
        unit = EXACT.divide(price, Decimal(self.unit(name)))
        places = WORKER_SECOND_PLACES if name == WORKER_SECOND else SCALE
        if unit != round(unit, places):
            raise InvalidPrice(
                f"The price '{name}' of model {self.model} is not exact to {places} places per "
                "unit; use a power of ten for 'per' and fewer digits.",
                param=name,
            )
