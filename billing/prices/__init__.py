"""The price book: dated versions, what changes them, and what a usage costs.

``PriceBook.price`` is the way in; it knows neither requests nor budgets.
"""

from billing.prices.book import PriceBook
from billing.prices.calendars import HolidayCalendar
from billing.prices.exchange import ExchangeRate
from billing.prices.modifiers import Alias, Markup
from billing.prices.rate import (
    MINIMUM,
    UNPRICED,
    CostBreakdown,
    CostLine,
    Rate,
    RateFacts,
    line_amount,
)
from billing.prices.version import PriceVersion
from billing.prices.windows import PriceStep, PriceWindow

__all__ = [
    "MINIMUM",
    "UNPRICED",
    "Alias",
    "CostBreakdown",
    "CostLine",
    "ExchangeRate",
    "HolidayCalendar",
    "Markup",
    "PriceBook",
    "PriceStep",
    "PriceVersion",
    "PriceWindow",
    "Rate",
    "RateFacts",
    "line_amount",
]
