"""What a single cell of a FOCUS file must look like, and what it means."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.focus.columns import FocusColumn, Kind
from billing.focus.currencies import CURRENCIES

Value = str | Decimal | datetime | dict[str, Any] | None

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_UNIT = re.compile(r"([1-9][0-9]* )?(Tokens|Seconds)")
_PLACEHOLDERS = frozenset({"null", "none", "nan", "n/a", "na", "not applicable", "-", "unknown"})
_CURRENCY_COLUMNS = frozenset({"BillingCurrency", "PricingCurrency", "x_SourceCurrency"})
_UNIT_COLUMNS = frozenset({"PricingUnit", "ConsumedUnit"})
_PLACES, _DIGITS = 18, 38

CELL_RULES = {
    "not-null": "A column that is never null has a value in every row.",
    "no-placeholder": "No value is made of spaces, or a word such as NULL or N/A in place of none.",
    "allowed-value": "A column with a list of values holds one of them, spelled as it is there.",
    "decimal-format": "A number is plain: digits, one decimal point, a minus where it is negative.",
    "decimal-range": "A number has at most 38 digits, 18 of them after the point.",
    "instant-format": "An instant is real, in UTC, and written as 2026-11-01T00:00:00Z.",
    "key-value": "A key-value column holds a JSON object of plain values, each key once.",
    "currency-code": "A currency is a national one of ISO 4217, in capitals.",
    "unit-format": "A unit is Tokens or Seconds, with the number of them that a price is for.",
}


class BadCell(Exception):
    """A cell that breaks the rule of this id."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def read_cell(column: FocusColumn, text: str) -> Value:
    """The value that a cell of CSV stands for; ``None`` for an empty one.

    Raises:
        BadCell: it breaks one of ``CELL_RULES``.
    """
    if not text:
        if not column.nullable:
            raise BadCell("not-null")
        return None
    if not text.strip() or text.strip().casefold() in _PLACEHOLDERS:
        raise BadCell("no-placeholder")
    if column.kind is Kind.DECIMAL:
        return _decimal(text)
    if column.kind is Kind.INSTANT:
        return _instant(text)
    if column.kind is Kind.JSON:
        return _key_value(text)
    _check_text(column, text)
    return text


def _check_text(column: FocusColumn, text: str) -> None:
    if column.allowed and text not in column.allowed:
        raise BadCell("allowed-value")
    if column.name in _CURRENCY_COLUMNS and text not in CURRENCIES:
        raise BadCell("currency-code")
    if column.name in _UNIT_COLUMNS and not _UNIT.fullmatch(text):
        raise BadCell("unit-format")


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise BadCell("decimal-format")
    whole, places = text.removeprefix("-").split(".")
    if len(places) > _PLACES or len(whole) > _DIGITS - _PLACES:
        raise BadCell("decimal-range")
    return Decimal(text)


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise BadCell("instant-format")
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadCell("instant-format") from None


def _key_value(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text, object_pairs_hook=_once)
    except ValueError:
        raise BadCell("key-value") from None
    if not isinstance(body, dict) or any(isinstance(v, dict | list) for v in body.values()):
        raise BadCell("key-value")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError("a key stands twice")
    return body
