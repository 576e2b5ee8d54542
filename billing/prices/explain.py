"""Why a request costs what it costs: the version, what changed its prices, and each product."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.prices.book import PriceBook
from billing.prices.making import stated_prices
from billing.prices.rate import CostBreakdown, CostLine, Rate
from billing.prices.version import PriceVersion
from billing.usage import CLASSES, Usage
from core.clock import isoformat
from core.money import format_amount


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rate of a request and its cost.

    Args:
        names: the model that was asked for, and what it is an alias of.
        stated: prices by class in the version's own currency, before batch,
            exchange rate and mark-up.
    """

    names: tuple[str, ...]
    at: datetime
    tenant: str | None
    version: PriceVersion
    rate: Rate
    cost: CostBreakdown
    stated: Mapping[str, Decimal]

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.names[0],
            "priced_as": self.version.model,
            "at": isoformat(self.at),
            "tenant": self.tenant,
            "version": self.version.to_json(),
            "rate": {"id": self.rate.id, **self._circumstances()},
            "prices": [self._price(name) for name in CLASSES],
            "per": self.rate.per,
            "minimum": format_amount(self.rate.minimum),
            "currency": self.rate.currency,
            "lines": [_line(line) for line in self.cost.lines],
            "total": format_amount(self.cost.total),
        }

    def _circumstances(self) -> dict[str, Any]:
        facts = self.rate.facts
        return {
            "window": facts.window,
            "above": facts.above,
            "batch": facts.batch,
            "exchange_rate": _text(facts.exchange_rate),
            "markup_percent": _text(facts.markup_percent),
        }

    def _price(self, name: str) -> dict[str, Any]:
        return {
            "token_class": name,
            "version": format_amount(self.version.price(name)),
            "stated": format_amount(self.stated[name]),
            "list_price": format_amount(self.rate.list_prices[name]),
            "price": format_amount(self.rate.prices[name]),
        }


def explain(
    book: PriceBook,
    model: str,
    at: datetime,
    usage: Usage,
    *,
    tenant: str | None = None,
    batch: bool = False,
) -> Explanation:
    """The rate in force, and what a usage comes to.

    Raises:
        UnpricedModel: no version holds.
        NoExchangeRate: one does, in a currency that has no rate then.
    """
    version = book.version_for(model, at, tenant)
    rate = book.rate(model, at, tenant=tenant, prompt_tokens=usage.prompt_tokens, batch=batch)
    windows = {window.name: window for window in version.windows}
    return Explanation(
        names=tuple(book.names(model, at)),
        at=at,
        tenant=tenant,
        version=version,
        rate=rate,
        cost=rate.cost(usage),
        stated=stated_prices(
            version, windows.get(rate.facts.window or ""), version.step(usage.prompt_tokens)
        ),
    )


def _line(line: CostLine) -> dict[str, Any]:
    return {
        "token_class": line.name,
        "quantity": format_amount(line.quantity),
        "price": format_amount(line.price),
        "per": line.per,
        "amount": format_amount(line.amount),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)
