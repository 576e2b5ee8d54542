"""Amounts, dates and units as people read them; exact, and the same in every place."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from billing.invoices.currencies import minor_places
from billing.models import InvoiceLine
from billing.usage import TOKEN_CLASSES, WORKER_SECOND
from core.money import EXACT, format_amount

MINUS = "\N{MINUS SIGN}"
# As wide as a digit, and as a point.
_FIGURE_SPACE, _POINT_SPACE = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MILLION = 1_000_000


def number(amount: Decimal, least: int = 0) -> str:
    """All digits, in groups of three, with ``least`` places after the point at least.

    >>> number(Decimal("-1234567.5"), 2).replace(MINUS, "-")
    '-1,234,567.50'
    """
    text = format_amount(amount.copy_abs())
    whole, _, places = text.partition(".")
    places = places.ljust(least, "0")
    sign = MINUS if amount < 0 else ""
    return f"{sign}{int(whole):,}" + (f".{places}" if places else "")


def money(amount: Decimal, currency: str) -> str:
    """An amount that can be paid, in its minor unit: ``1,234.50 EUR``."""
    return f"{number(amount, minor_places(currency))} {currency}"


def aligned(texts: Sequence[str]) -> list[str]:
    """Padded with spaces as wide as digits, so that points stand below each other."""
    places = [len(text.partition(".")[2]) for text in texts]
    most = max(places, default=0)
    return [
        text + (_POINT_SPACE if most and not own else "") + _FIGURE_SPACE * (most - own)
        for text, own in zip(texts, places, strict=True)
    ]


def unit_price(line: InvoiceLine) -> str:
    """``0.27 per 1M``, ``0.0003 per second``; empty where a line is one amount."""
    if line.token_class == WORKER_SECOND:
        return f"{number(line.unit_price)} per second"
    if line.token_class not in TOKEN_CLASSES:
        return ""
    price = EXACT.divide(EXACT.multiply(line.unit_price, Decimal(_MILLION)), Decimal(line.per))
    if EXACT.multiply(price, Decimal(line.per)) == EXACT.multiply(
        line.unit_price, Decimal(_MILLION)
    ):
        return f"{number(price, 2)} per 1M"
    return f"{number(line.unit_price, 2)} per {line.per:,}"


def quantity(line: InvoiceLine) -> str:
    """Tokens or seconds; empty where a line is one amount."""
    if line.token_class == WORKER_SECOND:
        return f"{number(line.quantity)} s"
    return number(line.quantity) if line.token_class in TOKEN_CLASSES else ""


def day(at: datetime) -> str:
    """``30 November 2026`` (UTC)."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def period(start: datetime, end: datetime) -> str:
    """``1 to 30 November 2026``: the last day counts."""
    last = end - timedelta(days=1)
    return f"{start.day} to {day(last)}"


def month(text: str) -> str:
    """``2026-11`` -> ``November 2026``."""
    year, _, number_of = text.partition("-")
    return f"{_MONTHS[int(number_of) - 1]} {year}"
