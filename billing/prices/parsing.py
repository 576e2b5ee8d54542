"""Fields of price settings: exact amounts, dates, and no field that nobody knows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.errors import InvalidPrice
from billing.usage import CLASSES
from core.money import InvalidAmount, parse_amount

_LONGEST_TEXT = 200
# Far above any price, and small enough that costs fit into the ledger's 20 digits.
_TOO_MUCH = Decimal(10**9)


def only(body: Mapping[str, Any], what: str, allowed: Collection[str]) -> None:
    """Raises ``InvalidPrice`` for a field that is not allowed."""
    if unknown := sorted(set(body) - set(allowed)):
        raise InvalidPrice(f"{what} has no field '{unknown[0]}'.", param=unknown[0])


def needed(body: Mapping[str, Any], what: str, names: Collection[str]) -> None:
    """Raises ``InvalidPrice`` for a field that is missing."""
    for name in names:
        if body.get(name) is None:
            raise InvalidPrice(f"{what} needs the field '{name}'.", param=name)


def text(body: Mapping[str, Any], name: str, longest: int = _LONGEST_TEXT) -> str:
    """A field that is there and holds some text."""
    value = body[name]
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise InvalidPrice(f"'{name}' must be a text of 1 to {longest} characters.", param=name)
    return value


def optional_text(body: Mapping[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else text(body, name)


def items(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A field that holds a list; empty where it is missing."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InvalidPrice(f"'{name}' must be a list.", param=name)
    return value


def amount(name: str, value: Any) -> Decimal:
    """An exact decimal from 0 up and below a billion; floats are refused."""
    try:
        parsed = parse_amount(value)
    except InvalidAmount as error:
        raise InvalidPrice(f"'{name}': {error.message}", param=name) from None
    if parsed < 0:
        raise InvalidPrice(f"'{name}' must not be negative.", param=name)
    if parsed >= _TOO_MUCH:
        raise InvalidPrice(f"'{name}' must be below a billion.", param=name)
    return parsed


def prices(body: Mapping[str, Any]) -> dict[str, Decimal]:
    """The prices by class that a body states."""
    return {name: amount(name, body[name]) for name in CLASSES if body.get(name) is not None}


def day(name: str, value: Any) -> date:
    """A day of a calendar, which has no time zone: a date or ``YYYY-MM-DD``."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidPrice(f"'{name}' holds days such as 2026-10-01.", param=name) from None


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
    """Raises ``InvalidPrice`` for what is no ISO 4217 code by its form."""
    plain = isinstance(currency, str) and currency.isascii() and currency.isalpha()
    if not plain or len(currency) != 3 or not currency.isupper():
        raise InvalidPrice("A currency is three capital letters, such as USD.", param="currency")
