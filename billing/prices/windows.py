"""What changes a version's prices by the time of day and by the length of a prompt.

DeepSeek's peak: Monday to Friday, 09:00-12:00 and 14:00-18:00 in Shanghai, except
Chinese public holidays (api-docs.deepseek.com/quick_start/pricing, October 2026).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing.errors import InvalidPrice
from billing.prices import parsing
from billing.usage import CLASSES, TOKEN_CLASSES
from core.money import EXACT, format_amount

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_FULL_DAY = 24 * 60
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """Days on which a window does not hold.

    Args:
        dates: holidays by date.
        country: ISO code whose public holidays count too (package ``holidays``).
        working_days: days that are no holiday, whatever ``country`` says.
    """

    name: str
    dates: frozenset[date] = frozenset()
    country: str | None = None
    working_days: frozenset[date] = frozenset()

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "HolidayCalendar":
        parsing.only(body, "A calendar", {"name", "dates", "country", "working_days"})
        parsing.needed(body, "A calendar", ["name"])
        country = body.get("country")
        if country is not None:
            _known_country(country)
        return cls(
            body["name"], _dates(body.get("dates")), country, _dates(body.get("working_days"))
        )

    def is_holiday(self, day: date) -> bool:
        if day in self.working_days:
            return False
        return day in self.dates or (
            self.country is not None and day in _public_holidays(self.country, day.year)
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dates": sorted(day.isoformat() for day in self.dates),
            "country": self.country,
            "working_days": sorted(day.isoformat() for day in self.working_days),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindow:
    """Hours of the week at other prices: own ones by class, a ``factor`` on the others.

    ``hours`` are minutes of the local day ``[start, end)``; one that ends before it
    starts runs past midnight and belongs to the day on which it started.
    """

    name: str
    hours: tuple[tuple[int, int], ...]
    days: frozenset[int] = frozenset(range(7))
    timezone: str = "UTC"
    calendar: str | None = None
    factor: Decimal = _ONE
    prices: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "PriceWindow":
        """``{name, hours: ["09:00-12:00"], days, timezone, holidays, factor, <class>: price}``."""
        allowed = {"name", "hours", "days", "timezone", "holidays", "factor", *CLASSES}
        parsing.only(body, "A price window", allowed)
        parsing.needed(body, "A price window", ["name", "hours"])
        zone = body.get("timezone", "UTC")
        _zone(zone)
        return cls(
            name=body["name"],
            hours=tuple(_hours(text) for text in body["hours"]),
            days=_weekdays(body.get("days")),
            timezone=zone,
            calendar=body.get("holidays"),
            factor=parsing.factor("factor", body.get("factor", "1")),
            prices=parsing.prices(body),
        )

    def holds_at(self, at: datetime, calendars: Mapping[str, HolidayCalendar]) -> bool:
        """Whether an instant falls in it."""
        local = at.astimezone(_zone(self.timezone))
        minute = local.hour * 60 + local.minute
        for start, end in self.hours:
            if start < end:
                if start <= minute < end and self._counts(local.date(), calendars):
                    return True
            elif minute >= start:
                if self._counts(local.date(), calendars):
                    return True
            elif minute < end and self._counts(local.date() - timedelta(days=1), calendars):
                return True
        return False

    def apply(self, prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
        return _changed(prices, self.factor, self.prices)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "hours": [f"{_clock(start)}-{_clock(end)}" for start, end in self.hours],
            "days": [_DAYS[day] for day in sorted(self.days)],
            "timezone": self.timezone,
            "holidays": self.calendar,
            "factor": format_amount(self.factor),
            **{name: format_amount(price) for name, price in self.prices.items()},
        }

    def _counts(self, day: date, calendars: Mapping[str, HolidayCalendar]) -> bool:
        if day.weekday() not in self.days:
            return False
        return self.calendar is None or not calendars[self.calendar].is_holiday(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """Other prices for the whole request where its prompt has more than ``above`` tokens."""

    above: int
    factor: Decimal = _ONE
    prices: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "PriceStep":
        """``{above: 272000, factor, <class>: price}``."""
        parsing.only(body, "A price step", {"above", "factor", *CLASSES})
        parsing.needed(body, "A price step", ["above"])
        if type(body["above"]) is not int or body["above"] < 1:
            raise InvalidPrice("'above' must be a whole number of tokens.", param="above")
        factor = parsing.factor("factor", body.get("factor", "1"))
        return cls(above=body["above"], factor=factor, prices=parsing.prices(body))

    def apply(self, prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
        return _changed(prices, self.factor, self.prices)

    def to_json(self) -> dict[str, Any]:
        own = {name: format_amount(price) for name, price in self.prices.items()}
        return {"above": self.above, "factor": format_amount(self.factor), **own}


def _changed(
    prices: Mapping[str, Decimal], factor: Decimal, own: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """Own prices where there are any, else the price times the factor; time has its own only."""
    changed = dict(prices)
    for name in TOKEN_CLASSES:
        changed[name] = EXACT.multiply(prices[name], factor)
    return changed | dict(own)


def _dates(values: Any) -> frozenset[date]:
    return frozenset(parsing.instant("dates", value).date() for value in values or ())


def _weekdays(values: Any) -> frozenset[int]:
    if values is None:
        return frozenset(range(7))
    for value in values:
        if value not in _DAYS:
            raise InvalidPrice(f"A day of the week is one of {', '.join(_DAYS)}.", param="days")
    return frozenset(_DAYS.index(value) for value in values)


def _hours(text: Any) -> tuple[int, int]:
    match = _HOURS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidPrice("Hours are written as 09:00-12:00.", param="hours")
    first, second, third, fourth = map(int, match.groups())
    start, end = first * 60 + second, third * 60 + fourth
    if start == end or max(start, end) > _FULL_DAY:
        raise InvalidPrice("Hours start and end at different times of a day.", param="hours")
    return start, end


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        raise InvalidPrice(
            f"There is no time zone '{name}'; use one such as Asia/Shanghai.", param="timezone"
        ) from None


def _known_country(country: str) -> None:
    try:
        _public_holidays(country, 2026)
    except NotImplementedError:
        raise InvalidPrice(
            f"No public holidays are known of '{country}'; list 'dates' instead.", param="country"
        ) from None


@lru_cache(maxsize=256)
def _public_holidays(country: str, year: int) -> frozenset[date]:
    import holidays  # only where a calendar names a country

    return frozenset(holidays.country_holidays(country, years=year))
