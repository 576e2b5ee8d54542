"""The price book: which rate holds for a model, a tenant and an instant.

A version of the tenant's own takes the place of the list price and its mark-up;
``making`` says how the parts come together.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.errors import (
    InvalidPrice,
    MixedCurrencies,
    NoExchangeRate,
    OverlappingPrices,
    UnpricedModel,
)
from billing.prices.calendars import HolidayCalendar
from billing.prices.exchange import ExchangeRate, ExchangeRates
from billing.prices.making import Circumstances, make_rate
from billing.prices.modifiers import Alias, Markup
from billing.prices.rate import CostBreakdown, Rate
from billing.prices.timeline import Dated, Timeline, timelines
from billing.prices.version import PriceVersion
from billing.prices.windows import PriceWindow
from billing.usage import Usage
from core.clock import isoformat
from core.money import ZERO

_REMEMBERED = 2048  # rates looked up lately


class PriceBook:
    """All price versions, looked up by model, tenant and instant.

    Args:
        versions: in any order. An open version ends where the next one starts.
        currency: of the ledger: every rate is in it.

    Raises:
        OverlappingPrices: two versions of a model start together, or one ends
            after the next has started; the same of rates, aliases and mark-ups.
        MixedCurrencies: a version in another currency without any exchange rate.
        InvalidPrice: a window names a calendar that is not there.
    """

    def __init__(
        self,
        versions: Iterable[PriceVersion] = (),
        *,
        currency: str = "USD",
        exchange_rates: Iterable[ExchangeRate] = (),
        aliases: Iterable[Alias] = (),
        calendars: Iterable[HolidayCalendar] = (),
        markups: Iterable[Markup] = (),
    ) -> None:
        self.currency = currency
        self.exchange = ExchangeRates(exchange_rates)
        self.calendars = _by_name(calendars)
        self._aliases = timelines(aliases)
        self._markups = timelines(markups)
        self._prices = timelines(versions)
        self._dated: Mapping[type, Mapping[Hashable, Timeline[Any]]] = {
            PriceVersion: self._prices,
            ExchangeRate: self.exchange.by_pair,
            Alias: self._aliases,
            Markup: self._markups,
        }
        self._rates: dict[tuple[object, ...], Rate] = {}
        # By second: what holds at its beginning holds throughout, but for seconds within which
        # something starts or ends.
        self._held: dict[tuple[int, str, str | None, bool], Rate] = {}
        self._broken = _broken_seconds(
            item
            for by_subject in self._dated.values()
            for timeline in by_subject.values()
            for item in timeline
        )
        for version in self.versions:
            self._check(version)

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
        return tuple(version for timeline in self._prices.values() for version in timeline)

    def version_for(self, model: str, at: datetime, tenant: str | None = None) -> PriceVersion:
        """The version that holds for a model: the tenant's own one first, then by alias.

        Raises:
            UnpricedModel: none does.
        """
        for name in self.names(model, at):
            for owner in dict.fromkeys((tenant, None)):
                version = self.held(owner, name, at)
                if version is not None:
                    return version
        raise UnpricedModel(
            f"Model {model} has no price at {isoformat(at)}; add one to the price book "
            "(a price of '0' makes it free).",
            param="model",
            model=model,
        )

    def held(self, tenant: str | None, model: str, at: datetime) -> PriceVersion | None:
        """The version of exactly this owner and name (``None``: the list price)."""
        timeline = self._prices.get((tenant, model))
        return None if timeline is None else timeline.at(at)

    def in_force(self, item: Dated, at: datetime) -> bool:
        """Whether this version, exchange rate, alias or mark-up is the one that holds."""
        timeline = self._dated[type(item)].get(item.subject)
        return timeline is not None and timeline.at(at) == item

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
        second = int(at.timestamp())
        key = (second, model, tenant, batch)
        rate = self._held.get(key)
        if rate is None:
            rate = self._look_up(model, at, tenant, prompt_tokens, batch)
            if second not in self._broken and not self._has_steps(model, at, tenant):
                if len(self._held) >= _REMEMBERED:
                    self._held.clear()
                self._held[key] = rate
        return rate

    def _has_steps(self, model: str, at: datetime, tenant: str | None) -> bool:
        """Whether the length of a prompt matters, for the price or for the list price."""
        version = self.version_for(model, at, tenant)
        listed = self.held(None, version.model, at)
        return bool(version.steps) or (listed is not None and bool(listed.steps))

    def _look_up(
        self, model: str, at: datetime, tenant: str | None, prompt_tokens: int, batch: bool
    ) -> Rate:
        version = self.version_for(model, at, tenant)
        if version.tenant is None:
            markup = self._markup(tenant, version.model, at)
            return self._rate(version, at, prompt_tokens, batch, markup=markup)
        listed = self._list_rate(version.model, at, prompt_tokens, batch)
        return self._rate(version, at, prompt_tokens, batch, listed=listed)

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
        max_guard_tokens: int = 0,
        batch: bool = False,
    ) -> Decimal:
        """The most that a request of at most so many tokens can cost, whatever step it takes."""
        rate = self._held.get((int(at.timestamp()), model, tenant, batch))
        if rate is not None:
            return rate.worst_case(
                input_tokens,
                max_output_tokens,
                max_worker_seconds=max_worker_seconds,
                max_guard_tokens=max_guard_tokens,
            )
        steps = self.version_for(model, at, tenant).steps
        lengths = [0, *(step.above + 1 for step in steps if step.above < input_tokens)]
        return max(
            self.rate(model, at, tenant=tenant, prompt_tokens=length, batch=batch).worst_case(
                input_tokens,
                max_output_tokens,
                max_worker_seconds=max_worker_seconds,
                max_guard_tokens=max_guard_tokens,
            )
            for length in lengths
        )

    def names(self, model: str, at: datetime) -> list[str]:
        """The name itself, then what it is an alias of at that instant, and so on."""
        names = [model]
        while (timeline := self._aliases.get(names[-1])) is not None:
            alias = timeline.at(at)
            if alias is None or alias.model in names:
                break
            names.append(alias.model)
        return names

    def _markup(self, tenant: str | None, model: str, at: datetime) -> Markup | None:
        """The closest one that holds: the tenant's before the model's before everybody's."""
        for subject in ((tenant, model), (tenant, None), (None, model), (None, None)):
            timeline = self._markups.get(subject)
            markup = None if timeline is None else timeline.at(at)
            if markup is not None:
                return markup
        return None

    def _rate(
        self,
        version: PriceVersion,
        at: datetime,
        prompt_tokens: int,
        batch: bool,
        *,
        markup: Markup | None = None,
        listed: Rate | None = None,
    ) -> Rate:
        under = Circumstances(
            window=self._window(version, at),
            step=version.step(prompt_tokens),
            batch=batch and version.batch is not None,
            exchange=self.exchange.rate(version.currency, self.currency, at),
            markup=markup,
            listed=listed,
        )
        key = (version.id, *under.key)
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = make_rate(version, self.currency, under)
        return rate

    def _list_rate(self, model: str, at: datetime, prompt_tokens: int, batch: bool) -> Rate | None:
        """The list price beside a tenant's own, which holds without it."""
        version = self.held(None, model, at)
        try:
            return None if version is None else self._rate(version, at, prompt_tokens, batch)
        except NoExchangeRate:
            return None

    def _window(self, version: PriceVersion, at: datetime) -> PriceWindow | None:
        held = (window for window in version.windows if window.holds_at(at, self.calendars))
        return next(held, None)

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


def _broken_seconds(items: Iterable[Dated]) -> frozenset[int]:
    """The whole seconds within which one of these begins or ends."""
    instants = (
        instant
        for item in items
        for instant in (item.effective_from, item.effective_to)
        if instant is not None and instant.microsecond
    )
    return frozenset(int(instant.timestamp()) for instant in instants)


def _by_name(calendars: Iterable[HolidayCalendar]) -> dict[str, HolidayCalendar]:
    by_name: dict[str, HolidayCalendar] = {}
    for calendar in calendars:
        if calendar.name in by_name:
            raise OverlappingPrices(
                f"There are two calendars '{calendar.name}'; replace the first one.", param="name"
            )
        by_name[calendar.name] = calendar
    return by_name
