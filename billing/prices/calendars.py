"""Holidays: the days on which a price window does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from billing.errors import InvalidPrice
from billing.prices import parsing


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """Days on which a window does not hold.

    Args:
        dates: holidays by date.
        country: ISO code whose public holidays count too (package ``holidays``: what
            a government has announced, and for later years what the law says).
        working_days: days that are no holiday, whatever ``country`` says.
    """

    name: str
    dates: frozenset[date] = frozenset()
    country: str | None = None
    working_days: frozenset[date] = frozenset()

    @classmethod
    def from_settings(cls, body: Mapping[str, Any]) -> "HolidayCalendar":
        """``{name: china, country: CN, dates: [2027-02-11], working_days: []}``."""
        parsing.only(body, "A calendar", {"name", "dates", "country", "working_days"})
        parsing.needed(body, "A calendar", ["name"])
        country = parsing.optional_text(body, "country")
        if country is not None:
            _check_country(country)
        return cls(
            name=parsing.text(body, "name"),
            dates=_days(body, "dates"),
            country=country,
            working_days=_days(body, "working_days"),
        )

    @property
    def subject(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        return f"calendar {self.name}"

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


def _days(body: Mapping[str, Any], name: str) -> frozenset[date]:
    return frozenset(parsing.day(name, value) for value in parsing.items(body, name))


def _check_country(country: str) -> None:
    import holidays  # only where a calendar names a country

    try:
        holidays.country_holidays(country)
    except NotImplementedError:
        raise InvalidPrice(
            f"No public holidays are known of '{country}'; list 'dates' instead.", param="country"
        ) from None


@lru_cache(maxsize=256)
def _public_holidays(country: str, year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays(country, years=year))
