"""A price version: what one model costs from an instant on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice
from billing.prices import parsing
from billing.prices.rate import WORKER_SECOND_PLACES, CostBreakdown, Rate, RateFacts
from billing.prices.windows import PriceStep, PriceWindow
from billing.usage import CLASSES, WORKER_SECOND, Usage
from core.canonical import digest
from core.clock import isoformat
from core.money import EXACT, SCALE, ZERO, format_amount

# A price that is not stated is that of another class, or 0.
FOLLOWS: Mapping[str, str | None] = {
    "cached_input": "input",
    "cache_write": "input",
    "reasoning": "output",
    "guard": None,
    "embedding": "input",
    WORKER_SECOND: None,
}
_TEXTS = ("tenant", "served")
_AMOUNTS = ("minimum", "batch")
_LISTS = ("windows", "steps")
_DATES = ("effective_from", "effective_to")
_FIELDS = {*CLASSES, "model", "currency", "per", *_DATES, *_TEXTS, *_AMOUNTS, *_LISTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVersion:
    """What one model costs from ``effective_from`` (inclusive) on.

    It ends at ``effective_to`` (exclusive), or where the next version of the
    model starts. Token prices are per ``per`` tokens, ``worker_second`` is per
    second, ``minimum`` per request. ``id`` is a digest of all that is stated but
    ``effective_to``: closing a version does not make it another one.

    Args:
        tenant: whose price it is; ``None`` for the list price.
        served: which version of the model answers under this name.
        windows: hours at other prices; the first one that holds counts.
        steps: other prices for long prompts; the highest one passed counts.
        batch: factor on the token prices of batch requests.

    ``derived`` holds the classes without a price of their own (see ``FOLLOWS``): in
    windows and steps too they cost what the class that they follow does.

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
    guard: Decimal | None = None
    embedding: Decimal | None = None
    worker_second: Decimal | None = None
    per: int = 1_000_000
    minimum: Decimal = ZERO
    batch: Decimal | None = None
    tenant: str | None = None
    served: str | None = None
    windows: tuple[PriceWindow, ...] = ()
    steps: tuple[PriceStep, ...] = ()
    derived: frozenset[str] = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        derived = frozenset(name for name in FOLLOWS if getattr(self, name) is None)
        object.__setattr__(self, "derived", derived)
        for name in derived:
            followed = FOLLOWS[name]
            object.__setattr__(self, name, getattr(self, followed) if followed else ZERO)
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
        amounts = {
            name: parsing.amount(name, body[name])
            for name in _AMOUNTS
            if body.get(name) is not None
        }
        return cls(
            model=parsing.text(body, "model"),
            currency=body.get("currency", "USD"),
            effective_from=start,
            effective_to=end,
            per=body.get("per", 1_000_000),
            tenant=parsing.optional_text(body, "tenant"),
            served=parsing.optional_text(body, "served"),
            windows=tuple(map(PriceWindow.from_settings, parsing.items(body, "windows"))),
            steps=tuple(map(PriceStep.from_settings, parsing.items(body, "steps"))),
            **amounts,
            **parsing.prices(body),
        )

    @property
    def subject(self) -> tuple[str | None, str]:
        return self.tenant, self.model

    @property
    def label(self) -> str:
        return f"price of model {self.model}" + (f" for {self.tenant}" if self.tenant else "")

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

    def to_json(self) -> dict[str, Any]:
        """What it states, as the settings would say it, and its ``id``."""
        body = {"id": self.id, **self._content()}
        body["effective_to"] = isoformat(self.effective_to) if self.effective_to else None
        return body

    def _content(self) -> dict[str, Any]:
        stated = [name for name in CLASSES if name not in self.derived]
        body: dict[str, Any] = {name: format_amount(self.price(name)) for name in stated}
        body |= {"model": self.model, "currency": self.currency, "per": self.per}
        body["effective_from"] = isoformat(self.effective_from)
        if self.minimum:
            body["minimum"] = format_amount(self.minimum)
        if self.batch is not None:
            body["batch"] = format_amount(self.batch)
        body |= {name: value for name in _TEXTS if (value := getattr(self, name)) is not None}
        for name in _LISTS:
            if parts := getattr(self, name):
                body[name] = [part.to_json() for part in parts]
        return body

    def _validate(self) -> None:
        parsing.check_currency(self.currency)
        if type(self.per) is not int or self.per < 1:
            raise InvalidPrice("'per' must be a whole number of tokens, such as 1000000.")
        parsing.check_span("A price", self.effective_from, self.effective_to)
        if len({window.name for window in self.windows}) != len(self.windows):
            raise InvalidPrice("Two windows of a price have the same name.", param="windows")
        if len({step.above for step in self.steps}) != len(self.steps):
            raise InvalidPrice("Two steps of a price have the same 'above'.", param="steps")
        for name in CLASSES:
            self._validate_price(name, self.price(name))
        for changes in (*self.windows, *self.steps):
            for name, price in changes.prices.items():
                self._validate_price(name, price)

    def _validate_price(self, name: str, price: Decimal) -> None:
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
