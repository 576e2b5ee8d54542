"""The price book: dated versions, what changes them, and what a usage costs.

``PriceBook.price`` is the way in; it knows neither requests nor budgets.
"""

from billing.prices.book import PriceBook
from billing.prices.exchange import ExchangeRate
from billing.prices.modifiers import Alias, Markup
from billing.prices.rate import MINIMUM, CostBreakdown, CostLine, Rate, RateFacts, line_amount
from billing.prices.version import PriceVersion
from billing.prices.windows import HolidayCalendar, PriceStep, PriceWindow

__all__ = [
    "MINIMUM",
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
