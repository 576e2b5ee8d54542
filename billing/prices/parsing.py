"""Fields of price settings: exact amounts, dates, and no field that nobody knows."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice
from billing.usage import CLASSES
from core.money import InvalidAmount, parse_amount


def only(body: Mapping[str, Any], what: str, allowed: Collection[str]) -> None:
    """Raises ``InvalidPrice`` for a field that is not allowed."""
    if unknown := sorted(set(body) - set(allowed)):
        raise InvalidPrice(f"{what} has no field '{unknown[0]}'.", param=unknown[0])


def needed(body: Mapping[str, Any], what: str, names: Collection[str]) -> None:
    """Raises ``InvalidPrice`` for a field that is missing."""
    for name in names:
        if body.get(name) is None:
            raise InvalidPrice(f"{what} needs the field '{name}'.", param=name)


def amount(name: str, value: Any) -> Decimal:
    """An exact decimal from 0 up; floats are refused."""
    try:
        parsed = parse_amount(value)
    except InvalidAmount as error:
        raise InvalidPrice(f"'{name}': {error.message}", param=name) from None
    if parsed < 0:
        raise InvalidPrice(f"'{name}' must not be negative.", param=name)
    return parsed


def factor(name: str, value: Any) -> Decimal:
    """A multiplier; floats are refused."""
    return amount(name, value)


def prices(body: Mapping[str, Any]) -> dict[str, Decimal]:
    """The prices by class that a body states."""
    return {name: amount(name, body[name]) for name in CLASSES if body.get(name) is not None}


def instant(name: str, value: Any) -> datetime:
    """A date (its first instant in UTC) or an instant; ISO 8601 text or the object."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        parsed = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidPrice(f"'{name}' must be a date such as 2026-01-01.", param=name) from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def span(body: Mapping[str, Any]) -> tuple[datetime, datetime | None]:
    """``effective_from`` and ``effective_to`` of a body."""
    start = instant("effective_from", body["effective_from"])
    end = body.get("effective_to")
    return start, None if end is None else instant("effective_to", end)


def check_span(what: str, start: datetime, end: datetime | None) -> None:
    """Raises ``InvalidPrice`` for naive or reversed dates."""
    if start.tzinfo is None or (end is not None and end.tzinfo is None):
        raise InvalidPrice(f"The dates of {what} need a time zone.")
    if end is not None and end <= start:
        raise InvalidPrice(f"{what} must end after it starts.", param="effective_to")


def check_currency(currency: Any) -> None:
    if not isinstance(currency, str) or len(currency) != 3 or not currency.isupper():
        raise InvalidPrice("A currency is three capital letters, such as USD.", param="currency")
