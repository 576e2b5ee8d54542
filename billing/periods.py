"""Periods of a budget: UTC calendar days, UTC calendar months, or all of time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from billing.errors import InvalidReport


class PeriodKind(StrEnum):
    """How often a budget starts anew."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Period:
    """``[starts_at, ends_at)``; ``label`` is ``2026-11-21``, ``2026-11`` or ``total``."""

    label: str
    starts_at: datetime
    ends_at: datetime | None


def period_at(kind: PeriodKind, at: datetime) -> Period:
    """The period that an instant falls in."""
    at = at.astimezone(UTC)
    if kind is PeriodKind.TOTAL:
        return Period("total", datetime(1970, 1, 1, tzinfo=UTC), None)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind is PeriodKind.DAY:
        return Period(f"{midnight:%Y-%m-%d}", midnight, midnight + timedelta(days=1))
    start = midnight.replace(day=1)
    return Period(f"{start:%Y-%m}", start, _next_month(start))


def month_span(month: str) -> tuple[datetime, datetime]:
    """``2026-11`` -> its first instant and the next month's.

    Raises:
        InvalidReport: the text is no month.
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise InvalidReport("A month is written as 2026-11.", param="month")
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return start, _next_month(start)


def _next_month(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)
