"""What is no window, step, calendar, rate, alias or mark-up, and the edges of those that are."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.errors import InvalidPrice, OverlappingPrices
from billing.prices import (
    Alias,
    ExchangeRate,
    HolidayCalendar,
    Markup,
    PriceBook,
    PriceStep,
    PriceVersion,
    PriceWindow,
)

WINDOW = {"name": "peak", "hours": ["09:00-12:00"]}
PRICE = {"model": "m", "effective_from": "2026-01-01", "input": "1", "output": "2"}
RATE = {"currency": "CNY", "rate": "0.14", "effective_from": "2026-01-01"}
ALIAS = {"name": "a", "model": "m", "effective_from": "2026-01-01"}
MARKUP = {"percent": "10", "effective_from": "2026-01-01"}


@pytest.mark.parametrize(
    ("kind", "body", "param"),
    [
        (PriceWindow, WINDOW | {"hours": []}, "hours"),
        (PriceWindow, WINDOW | {"hours": "09:00-12:00"}, "hours"),
        (PriceWindow, WINDOW | {"hours": ["9:00-12:00"]}, "hours"),
        (PriceWindow, WINDOW | {"hours": ["09:00-09:00"]}, "hours"),
        (PriceWindow, WINDOW | {"hours": ["09:00-24:01"]}, "hours"),
        (PriceWindow, WINDOW | {"hours": ["24:00-01:00"]}, "hours"),
        (PriceWindow, WINDOW | {"hours": ["09:60-12:00"]}, "hours"),
        (PriceWindow, WINDOW | {"days": ["monday"]}, "days"),
        (PriceWindow, WINDOW | {"days": []}, "days"),
        (PriceWindow, WINDOW | {"timezone": "Asia/Nowhere"}, "timezone"),
        (PriceWindow, WINDOW | {"timezone": "../etc/passwd"}, "timezone"),
        (PriceWindow, WINDOW | {"name": "x" * 41}, "name"),
        (PriceWindow, WINDOW | {"name": ""}, "name"),
        (PriceWindow, WINDOW | {"factor": 0.5}, "factor"),
        (PriceWindow, WINDOW | {"factor": "-1"}, "factor"),
        (PriceWindow, WINDOW | {"colour": "red"}, "colour"),
        (PriceStep, {"above": 0}, "above"),
        (PriceStep, {"above": "10"}, "above"),
        (PriceStep, {"factor": "2"}, "above"),
        (HolidayCalendar, {"name": "c", "country": "Atlantis"}, "country"),
        (HolidayCalendar, {"name": "c", "dates": ["1 May"]}, "dates"),
        (HolidayCalendar, {"name": "c", "dates": [datetime(2026, 5, 1, tzinfo=UTC)]}, "dates"),
        (HolidayCalendar, {"dates": []}, "name"),
        (ExchangeRate, RATE | {"rate": "0"}, "rate"),
        (ExchangeRate, RATE | {"rate": 0.14}, "rate"),
        (ExchangeRate, RATE | {"quote": "CNY"}, "rate"),
        (ExchangeRate, RATE | {"currency": "yuan"}, "currency"),
        (Alias, ALIAS | {"model": "a"}, "model"),
        (Alias, ALIAS | {"effective_to": "2025-01-01"}, "effective_to"),
        (Markup, MARKUP | {"percent": "-5"}, "percent"),
        (Markup, MARKUP | {"tenant": ""}, "tenant"),
        (PriceVersion, PRICE | {"model": "x" * 201}, "model"),
        (PriceVersion, PRICE | {"input": "1000000000"}, "input"),
        (PriceVersion, PRICE | {"minimum": "1E+30"}, "minimum"),
        (PriceVersion, PRICE | {"windows": WINDOW}, "windows"),
        (PriceVersion, PRICE | {"windows": [WINDOW, WINDOW]}, "windows"),
        (PriceVersion, PRICE | {"steps": [{"above": 5}, {"above": 5}]}, "steps"),
        # An own price of a window or step is exact per token too.
        (PriceVersion, PRICE | {"windows": [WINDOW | {"input": "0.0000000000001"}]}, "input"),
        (PriceVersion, PRICE | {"steps": [{"above": 5, "output": "0.0000000000001"}]}, "output"),
    ],
)
def test_what_is_refused(kind: Any, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidPrice) as caught:
        kind.from_settings(body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ({"exchange_rates": [RATE, RATE | {"rate": "2"}]}, "exchange rate from CNY to USD"),
        ({"aliases": [ALIAS, ALIAS | {"model": "n"}]}, "alias a"),
        ({"markups": [MARKUP, MARKUP]}, "mark-up of every tenant on every model"),
        ({"calendars": [{"name": "c"}, {"name": "c"}]}, "calendars 'c'"),
        (
            {"aliases": [ALIAS | {"effective_to": "2026-03-01"}]}
            | {"markups": [MARKUP | {"effective_to": "2026-03-01"}]},
            None,
        ),
    ],
)
def test_of_two_at_once_the_book_knows_none(more: dict[str, Any], label: str | None) -> None:
    if label is None:
        PriceBook.from_settings([], more=more)
        return
    with pytest.raises(OverlappingPrices, match=label):
        PriceBook.from_settings([], more=more)


def test_a_closed_version_leaves_a_gap_that_an_earlier_open_one_does_not_fill() -> None:
    promotion = {"effective_from": "2026-03-01", "effective_to": "2026-04-01", "input": "0"}
    book = PriceBook.from_settings([PRICE, PRICE | promotion])
    held = [book.held(None, "m", datetime(2026, month, 1, tzinfo=UTC)) for month in (2, 3, 4)]
    assert [version and version.input for version in held] == [Decimal(1), Decimal(0), None]


def test_a_free_batch_is_another_version() -> None:
    versions = [PriceVersion.from_settings(PRICE | extra) for extra in ({}, {"batch": "0"})]
    assert versions[0].id != versions[1].id


def test_a_day_of_a_calendar_has_no_time_zone() -> None:
    calendar = HolidayCalendar.from_settings({"name": "c", "dates": [date(2026, 5, 1)]})
    assert calendar.is_holiday(date(2026, 5, 1))
    assert not calendar.is_holiday(date(2026, 4, 30))
    # 1 May has begun in Shanghai, and not yet in UTC.
    window = PriceWindow.from_settings(
        {"name": "w", "hours": ["00:00-24:00"], "timezone": "Asia/Shanghai", "holidays": "c"}
    )
    evening = datetime(2026, 4, 30, 16, tzinfo=UTC)
    assert not window.holds_at(evening, {"c": calendar})
    assert window.holds_at(evening.replace(hour=15), {"c": calendar})
