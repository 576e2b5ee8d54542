"""Dated exchange rates: what one unit of a currency is worth in another from an instant on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice, NoExchangeRate
from billing.prices import parsing
from billing.prices.timeline import timelines
from core.clock import isoformat
from core.money import format_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRate:
    """``1 currency = rate quote`` from ``effective_from`` on, until the next one."""

    currency: str
    quote: str
    rate: Decimal
    effective_from: datetime
    source: str | None = None

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "ExchangeRate":
        """``{currency: CNY, quote: USD, rate: "0.14", effective_from: 2026-11-01, source}``."""
        fields = {"currency", "quote", "rate", "effective_from", "source"}
        parsing.only(body, "An exchange rate", fields)
        parsing.needed(body, "An exchange rate", ["currency", "rate", "effective_from"])
        rate = parsing.amount("rate", body["rate"])
        quote = body.get("quote", "USD")
        for currency in (body["currency"], quote):
            parsing.check_currency(currency)
        if not rate or body["currency"] == quote:
            raise InvalidPrice("An exchange rate is above 0, between two currencies.", param="rate")
        return cls(
            currency=body["currency"],
            quote=quote,
            rate=rate,
            effective_from=parsing.instant("effective_from", body["effective_from"]),
            source=parsing.optional_text(body, "source"),
        )

    @property
    def effective_to(self) -> None:
        """Open: a rate ends where the next one of its pair starts."""
        return None

    @property
    def subject(self) -> tuple[str, str]:
        return self.currency, self.quote

    @property
    def label(self) -> str:
        return f"exchange rate from {self.currency} to {self.quote}"

    def to_json(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "quote": self.quote,
            "rate": format_amount(self.rate),
            "effective_from": isoformat(self.effective_from),
            "source": self.source,
        }


class ExchangeRates:
    """Rates by pair of currencies and instant. No rate is inverted: that would round."""

    def __init__(self, rates: Iterable[ExchangeRate]) -> None:
        self.by_pair = timelines(rates)

    def __iter__(self) -> Iterator[ExchangeRate]:
        return (rate for timeline in self.by_pair.values() for rate in timeline)

    def knows(self, currency: str, quote: str) -> bool:
        return currency == quote or (currency, quote) in self.by_pair

    def rate(self, currency: str, quote: str, at: datetime) -> ExchangeRate | None:
        """The rate that holds at an instant; ``None`` within one currency.

        Raises:
            NoExchangeRate: none does.
        """
        if currency == quote:
            return None
        timeline = self.by_pair.get((currency, quote))
        rate = None if timeline is None else timeline.at(at)
        if rate is None:
            raise NoExchangeRate(
                f"There is no exchange rate from {currency} to {quote} at {isoformat(at)}; add one "
                "to the price book.",
                currency=currency,
                quote=quote,
            )
        return rate
