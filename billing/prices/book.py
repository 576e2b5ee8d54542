"""The price book: which rate holds for a model, a tenant and an instant.

From the list to a rate, in this order: window, step, batch factor; then the
exchange rate into the ledger's currency; then the tenant's mark-up. A version of
the tenant's own takes the place of the list price and its mark-up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice, MixedCurrencies, OverlappingPrices, UnpricedModel
from billing.prices.exchange import ExchangeRate, ExchangeRates
from billing.prices.modifiers import Alias, Markup
from billing.prices.rate import CostBreakdown, Rate, RateFacts, rounded
from billing.prices.version import PriceVersion
from billing.prices.windows import HolidayCalendar, PriceStep, PriceWindow
from billing.usage import CLASSES, TOKEN_CLASSES, Usage
from core.canonical import digest
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount

_HUNDRED = Decimal(100)
_Owner = tuple[str | None, str]
_ONE = Decimal(1)


class PriceBook:
    """All price versions, looked up by model, tenant and instant.

    Args:
        versions: in any order. An open version ends where the next one starts.
        currency: of the ledger: every rate is in it.

    Raises:
        OverlappingPrices: two versions of a model start together, or one ends
            after the next has started.
        MixedCurrencies: a version in another currency without any exchange rate.
        InvalidPrice: a window names a calendar that is not there.
    """

    def __init__(
        self,
        versions: Iterable[PriceVersion],
        *,
        currency: str = "USD",
        exchange_rates: Iterable[ExchangeRate] = (),
        aliases: Iterable[Alias] = (),
        calendars: Iterable[HolidayCalendar] = (),
        markups: Iterable[Markup] = (),
    ) -> None:
        self.currency = currency
        self.exchange = ExchangeRates(exchange_rates)
        self.aliases = tuple(sorted(aliases, key=lambda alias: alias.effective_from))
        self.calendars = {calendar.name: calendar for calendar in calendars}
        self.markups = tuple(sorted(markups, key=lambda markup: markup.rank, reverse=True))
        self._by_owner: dict[_Owner, list[PriceVersion]] = {}
        self._rates: dict[tuple[Any, ...], Rate] = {}
        for version in sorted(versions, key=lambda version: version.effective_from):
            self._check(version)
            self._append(version)

    @classmethod
    def from_settings(
        cls,
        prices: Sequence[Mapping[str, Any]],
        *,
        currency: str = "USD",
        more: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    ) -> "PriceBook":
        """From the settings' ``prices``; ``more`` holds ``exchange_rates``, ``aliases``,
        ``calendars`` and ``markups``."""
        more = more or {}
        return cls(
            [PriceVersion.from_settings(body) for body in prices],
            currency=currency,
            exchange_rates=map(ExchangeRate.from_settings, more.get("exchange_rates", ())),
            aliases=map(Alias.from_settings, more.get("aliases", ())),
            calendars=map(HolidayCalendar.from_settings, more.get("calendars", ())),
            markups=map(Markup.from_settings, more.get("markups", ())),
        )

    @property
    def versions(self) -> tuple[PriceVersion, ...]:
        return tuple(version for versions in self._by_owner.values() for version in versions)

    def version_for(self, model: str, at: datetime, tenant: str | None = None) -> PriceVersion:
        """The version that holds for a model: the tenant's own one first, then by alias.

        Raises:
            UnpricedModel: none does.
        """
        for name in self._names(model, at):
            for owner in dict.fromkeys((tenant, None)):
                version = self._held((owner, name), at)
                if version is not None:
                    return version
        raise UnpricedModel(
            f"Model {model} has no price at {isoformat(at)}; add one to the price book "
            "(a price of '0' makes it free).",
            param="model",
            model=model,
        )

    def rate(
        self,
        model: str,
        at: datetime,
        *,
        tenant: str | None = None,
        prompt_tokens: int = 0,
        batch: bool = False,
    ) -> Rate:
        """The rate of a request with a prompt of this length, admitted at this instant.

        Raises:
            UnpricedModel: no version holds.
            NoExchangeRate: one does, in a currency that has no rate then.
        """
        version = self.version_for(model, at, tenant)
        if version.tenant is None:
            listed, markup = version, self._markup(tenant, version.model, at)
        else:
            listed, markup = self._listed(version, at), None
        exchange = self.exchange.rate(version.currency, self.currency, at)
        window, step = self._window(version, at), version.step(prompt_tokens)
        key: tuple[Any, ...] = (version.id, window and window.name, step and step.above, batch)
        key += (exchange and exchange.rate, markup and markup.percent)
        if listed is not version:
            # Its list prices change at hours and lengths of their own.
            own = self._window(listed, at), listed.step(prompt_tokens)
            key += (listed.id, own[0] and own[0].name, own[1] and own[1].above)
            key += (self.exchange.rate(listed.currency, self.currency, at),)
        rate = self._rates.get(key)
        if rate is None:
            rate = self._make(version, window, step, batch, exchange, markup)
            if listed is not version:
                others = self._list_prices(listed, at, prompt_tokens, batch, rate.per)
                rate = _with_list_prices(rate, others)
            self._rates[key] = rate
        return rate

    def price(
        self,
        model: str,
        at: datetime,
        usage: Usage,
        *,
        tenant: str | None = None,
        batch: bool = False,
    ) -> CostBreakdown:
        """What a usage costs, exactly (see ``rate`` for what is raised)."""
        prompt = usage.prompt_tokens
        return self.rate(model, at, tenant=tenant, prompt_tokens=prompt, batch=batch).cost(usage)

    def worst_case(
        self,
        model: str,
        at: datetime,
        input_tokens: int,
        max_output_tokens: int,
        *,
        tenant: str | None = None,
        max_worker_seconds: Decimal = ZERO,
    ) -> Decimal:
        """The most that a request of at most so many tokens can cost, whatever step it takes."""
        steps = self.version_for(model, at, tenant).steps
        lengths = [0, *(step.above + 1 for step in steps if step.above < input_tokens)]
        return max(
            self.rate(model, at, tenant=tenant, prompt_tokens=length).worst_case(
                input_tokens, max_output_tokens, max_worker_seconds=max_worker_seconds
            )
            for length in lengths
        )

    def _names(self, model: str, at: datetime) -> list[str]:
        """The name itself, then what it is an alias of at that instant."""
        targets = [a.model for a in self.aliases if a.name == model and a.holds_at(at)]
        return [model, *targets[-1:]]

    def _held(self, owner: _Owner, at: datetime) -> PriceVersion | None:
        versions = self._by_owner.get(owner, [])
        index = bisect_right(versions, at, key=lambda version: version.effective_from) - 1
        return versions[index] if index >= 0 and versions[index].holds_at(at) else None

    def _listed(self, version: PriceVersion, at: datetime) -> PriceVersion:
        """The list price beside a tenant's own; that one itself where there is none."""
        return self._held((None, version.model), at) or version

    def _window(self, version: PriceVersion, at: datetime) -> PriceWindow | None:
        held = (window for window in version.windows if window.holds_at(at, self.calendars))
        return next(held, None)

    def _markup(self, tenant: str | None, model: str, at: datetime) -> Markup | None:
        held = (markup for markup in self.markups if markup.holds_for(tenant, model, at))
        return next(held, None)

    def _make(
        self,
        version: PriceVersion,
        window: PriceWindow | None,
        step: PriceStep | None,
        batch: bool,
        exchange: ExchangeRate | None,
        markup: Markup | None,
    ) -> Rate:
        batch = batch and version.batch is not None
        facts = RateFacts(
            version=version.id,
            model=version.model,
            served=version.served,
            source_currency=version.currency,
            window=window.name if window else None,
            above=step.above if step else None,
            batch=batch,
            exchange_rate=exchange.rate if exchange else None,
            markup_percent=markup.percent if markup else None,
        )
        conversion = exchange.rate if exchange else _ONE
        added = EXACT.add(_ONE, EXACT.divide(markup.percent if markup else ZERO, _HUNDRED))
        listed = _listed_prices(version, window, step, batch)
        return Rate(
            id=_rate_id(version.id, facts),
            facts=facts,
            currency=self.currency,
            per=version.per,
            prices=_scaled(version, listed, EXACT.multiply(conversion, added)),
            list_prices=_scaled(version, listed, conversion),
            minimum=rounded(
                "minimum", EXACT.multiply(version.minimum, EXACT.multiply(conversion, added)), 1
            ),
        )

    def _list_prices(
        self, listed: PriceVersion, at: datetime, prompt_tokens: int, batch: bool, per: int
    ) -> dict[str, Decimal]:
        """The prices of a list version for ``per`` tokens, beside a tenant's own version."""
        exchange = self.exchange.rate(listed.currency, self.currency, at)
        window, step = self._window(listed, at), listed.step(prompt_tokens)
        rate = self._make(listed, window, step, batch, exchange, None)
        return {
            name: EXACT.divide(
                EXACT.multiply(price, Decimal(per if name in TOKEN_CLASSES else 1)),
                Decimal(rate.unit(name)),
            )
            for name, price in rate.prices.items()
        }

    def _check(self, version: PriceVersion) -> None:
        if not self.exchange.knows(version.currency, self.currency):
            raise MixedCurrencies(
                f"The price of {version.model} is in {version.currency}, the ledger in "
                f"{self.currency}: add an exchange rate or state it in {self.currency}.",
                param="currency",
            )
        for window in version.windows:
            if window.calendar is not None and window.calendar not in self.calendars:
                raise InvalidPrice(
                    f"The window '{window.name}' of model {version.model} names the calendar "
                    f"'{window.calendar}', which is not in the price book.",
                    param="holidays",
                )

    def _append(self, version: PriceVersion) -> None:
        versions = self._by_owner.setdefault((version.tenant, version.model), [])
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


def _listed_prices(
    version: PriceVersion, window: PriceWindow | None, step: PriceStep | None, batch: bool
) -> dict[str, Decimal]:
    prices = {name: version.price(name) for name in CLASSES}
    if window is not None:
        prices = window.apply(prices)
    if step is not None:
        prices = step.apply(prices)
    if batch and version.batch is not None:
        for name in TOKEN_CLASSES:
            prices[name] = EXACT.multiply(prices[name], version.batch)
    return prices


def _scaled(
    version: PriceVersion, prices: Mapping[str, Decimal], by: Decimal
) -> dict[str, Decimal]:
    return {
        name: rounded(name, EXACT.multiply(price, by), version.unit(name))
        for name, price in prices.items()
    }


def _with_list_prices(rate: Rate, list_prices: Mapping[str, Decimal]) -> Rate:
    return Rate(
        id=rate.id,
        facts=rate.facts,
        currency=rate.currency,
        per=rate.per,
        prices=rate.prices,
        list_prices=list_prices,
        minimum=rate.minimum,
    )


def _rate_id(version_id: str, facts: RateFacts) -> str:
    """The version's id, and a digest of what changed its prices where something did."""
    changes = {
        "window": facts.window,
        "above": facts.above,
        "batch": facts.batch,
        "exchange_rate": _text(facts.exchange_rate),
        "markup_percent": _text(facts.markup_percent),
    }
    if not any(changes.values()):
        return version_id
    return f"{version_id}.{digest(changes)[7:15]}"


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)
