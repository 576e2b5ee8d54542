"""How a rate is made from a version: from the list to what a request pays, step by step.

Of each class, in this order:

1. its price: the step's own, else the window's own, else the version's. A class
   without any price of its own costs what the class that it follows does;
2. times the window's factor and the step's, each unless it states a price itself,
   times the batch factor;
3. times the exchange rate into the ledger's currency: the list price;
4. plus the mark-up: the price.

3 and 4 are rounded half-even to 18 places per token (12 per worker-second), once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.prices.exchange import ExchangeRate
from billing.prices.modifiers import Markup
from billing.prices.rate import Rate, RateFacts, line_amount, rounded
from billing.prices.version import FOLLOWS, PriceVersion
from billing.prices.windows import PriceStep, PriceWindow
from billing.usage import CLASSES, TOKEN_CLASSES
from core.canonical import digest
from core.money import EXACT, format_amount

_ONE = Decimal(1)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """All that can change what a version lists.

    Args:
        listed: the list price beside a tenant's own version, if there is one.
    """

    window: PriceWindow | None = None
    step: PriceStep | None = None
    batch: bool = False
    exchange: ExchangeRate | None = None
    markup: Markup | None = None
    listed: Rate | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Two of them with the same key make the same rate of a version."""
        return (
            self.window and self.window.name,
            self.step and self.step.above,
            self.batch,
            self.exchange and self.exchange.rate,
            self.markup and self.markup.percent,
            self.listed and self.listed.id,
        )


def make_rate(version: PriceVersion, currency: str, under: Circumstances) -> Rate:
    """The rate in the ledger's currency."""
    facts = _facts(version, under)
    prices = stated_prices(version, under.window, under.step, batch=under.batch)
    converted = under.exchange.rate if under.exchange else _ONE
    paid = EXACT.multiply(converted, _marked_up(under.markup))
    if under.listed is None:
        list_prices = _scaled(version, prices, converted)
    else:
        list_prices = _per(under.listed, version.per)
    return Rate(
        id=_rate_id(facts, currency, under.listed),
        facts=facts,
        currency=currency,
        per=version.per,
        prices=_scaled(version, prices, paid),
        list_prices=list_prices,
        minimum=rounded("minimum", EXACT.multiply(version.minimum, paid), 1),
    )


def stated_prices(
    version: PriceVersion,
    window: PriceWindow | None = None,
    step: PriceStep | None = None,
    *,
    batch: bool = False,
) -> dict[str, Decimal]:
    """By class, in the version's currency and for its ``per``: not rounded."""
    prices = {name: _stated(version, window, step, name) for name in CLASSES}
    if batch and version.batch is not None:
        for name in TOKEN_CLASSES:
            prices[name] = EXACT.multiply(prices[name], version.batch)
    return prices


def _stated(
    version: PriceVersion, window: PriceWindow | None, step: PriceStep | None, name: str
) -> Decimal:
    changes = [change for change in (step, window) if change is not None]
    own = [change.prices[name] for change in changes if name in change.prices]
    followed = FOLLOWS.get(name)
    if not own and followed is not None and name in version.derived:
        return _stated(version, window, step, followed)
    price = own[0] if own else version.price(name)
    if name in TOKEN_CLASSES:  # time has no factor
        for change in changes:
            if name not in change.prices:
                price = EXACT.multiply(price, change.factor)
    return price


def _facts(version: PriceVersion, under: Circumstances) -> RateFacts:
    return RateFacts(
        version=version.id,
        model=version.model,
        served=version.served,
        source_currency=version.currency,
        window=under.window.name if under.window else None,
        above=under.step.above if under.step else None,
        batch=under.batch,
        exchange_rate=under.exchange.rate if under.exchange else None,
        markup_percent=under.markup.percent if under.markup else None,
    )


def _marked_up(markup: Markup | None) -> Decimal:
    return _ONE if markup is None else EXACT.add(_ONE, EXACT.divide(markup.percent, _HUNDRED))


def _scaled(
    version: PriceVersion, prices: Mapping[str, Decimal], by: Decimal
) -> dict[str, Decimal]:
    return {
        name: rounded(name, EXACT.multiply(price, by), version.unit(name))
        for name, price in prices.items()
    }


def _per(rate: Rate, per: int) -> dict[str, Decimal]:
    """A rate's prices for another number of tokens: exact, since a price per token is."""
    return {
        name: line_amount(Decimal(per), price, rate.per) if name in TOKEN_CLASSES else price
        for name, price in rate.prices.items()
    }


def _rate_id(facts: RateFacts, currency: str, listed: Rate | None) -> str:
    """The version's id, and a digest of what changed its prices where something did.

    ``price_units`` keeps the prices of an id for ever, so that an id must say all.
    """
    changes = {
        "window": facts.window,
        "above": facts.above,
        "batch": facts.batch,
        "exchange_rate": _text(facts.exchange_rate),
        "markup_percent": _text(facts.markup_percent),
        "list": listed and listed.id,
    }
    if not any(changes.values()):
        return facts.version
    return f"{facts.version}.{digest(changes | {'currency': currency})[7:19]}"


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)
