"""What changes a version's prices by the time of day and by the length of a prompt.

DeepSeek's peak: Monday to Friday, 09:00-12:00 and 14:00-18:00 in Shanghai, except
Chinese public holidays (api-docs.deepseek.com/quick_start/pricing, October 2026).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing.errors import InvalidPrice
from billing.prices import parsing
from billing.prices.calendars import HolidayCalendar
from billing.usage import CLASSES
from core.money import format_amount

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_FULL_DAY = 24 * 60
_EVERY_DAY = frozenset(range(7))
_LONGEST_NAME = 40  # a column of price_rates
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindow:
    """Hours of the week at other prices: own ones by class, a ``factor`` on the others.

    ``hours`` are minutes of the local day ``[start, end)``; one that ends before it
    starts runs past midnight and belongs to the day on which it started.
    """

    name: str
    hours: tuple[tuple[int, int], ...]
    days: frozenset[int] = _EVERY_DAY
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
        zone = parsing.optional_text(body, "timezone") or "UTC"
        _zone(zone)
        return cls(
            name=parsing.text(body, "name", _LONGEST_NAME),
            hours=_all_hours(body),
            days=_weekdays(body),
            timezone=zone,
            calendar=parsing.optional_text(body, "holidays"),
            factor=_factor(body),
            prices=parsing.prices(body),
        )

    def holds_at(self, at: datetime, calendars: Mapping[str, HolidayCalendar]) -> bool:
        """Whether an instant falls in it."""
        local = at.astimezone(_zone(self.timezone))
        minute, today = local.hour * 60 + local.minute, local.date()
        started = {day for start, end in self.hours for day in _started(start, end, minute, today)}
        return any(self._counts(day, calendars) for day in started)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "hours": [f"{_clock(start)}-{_clock(end)}" for start, end in self.hours],
            "days": [_DAYS[day] for day in sorted(self.days)],
            "timezone": self.timezone,
            "holidays": self.calendar,
            **_changes_to_json(self),
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
        above = body["above"]
        if type(above) is not int or above < 1:
            raise InvalidPrice("'above' must be a whole number of tokens.", param="above")
        return cls(above=above, factor=_factor(body), prices=parsing.prices(body))

    def to_json(self) -> dict[str, Any]:
        return {"above": self.above, **_changes_to_json(self)}


def _changes_to_json(changes: PriceWindow | PriceStep) -> dict[str, Any]:
    own = {name: format_amount(price) for name, price in changes.prices.items()}
    return {"factor": format_amount(changes.factor), **own}


def _factor(body: Mapping[str, Any]) -> Decimal:
    value = body.get("factor")
    return _ONE if value is None else parsing.amount("factor", value)


def _started(start: int, end: int, minute: int, today: date) -> tuple[date, ...]:
    """The day on which hours that hold at this minute of today began; nothing where none do."""
    if start < end:
        return (today,) if start <= minute < end else ()
    if minute >= start:
        return (today,)
    return (today - timedelta(days=1),) if minute < end else ()


def _weekdays(body: Mapping[str, Any]) -> frozenset[int]:
    if body.get("days") is None:
        return _EVERY_DAY
    days = parsing.items(body, "days")
    if not days or any(day not in _DAYS for day in days):
        raise InvalidPrice(f"'days' holds some of {', '.join(_DAYS)}.", param="days")
    return frozenset(_DAYS.index(day) for day in days)


def _all_hours(body: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    hours = tuple(_hours(text) for text in parsing.items(body, "hours"))
    if not hours:
        raise InvalidPrice("A price window needs hours such as 09:00-12:00.", param="hours")
    return hours


def _hours(text: Any) -> tuple[int, int]:
    match = _HOURS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidPrice("Hours are written as 09:00-12:00.", param="hours")
    first, second, third, fourth = map(int, match.groups())
    start, end = first * 60 + second, third * 60 + fourth
    if start == end or end > _FULL_DAY:
        raise InvalidPrice("Hours start and end at different times of a day.", param="hours")
    return start, end


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidPrice(
            f"There is no time zone '{name}'; use one such as Asia/Shanghai.", param="timezone"
        ) from None
