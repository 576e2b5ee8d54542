"""Keeps what a rate is made of, once: its facts, and its unit prices by class."""

from collections.abc import Iterable
from typing import Any, cast

from msgspec.structs import asdict
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import PriceRate, PriceUnit
from billing.prices import MINIMUM, CostBreakdown
from core.batches import insert_new


async def record_rates(session: AsyncSession, breakdowns: Iterable[CostBreakdown]) -> None:
    """Insert the rates and unit prices that are not known yet."""
    units: dict[tuple[str, str], dict[str, Any]] = {}
    rates: dict[str, dict[str, Any]] = {}
    for breakdown in breakdowns:
        rate = breakdown.price_version
        if breakdown.facts is not None:
            rates[rate] = {"id": rate, **asdict(breakdown.facts)}
        for line in breakdown.lines:
            if line.name != MINIMUM:  # it has no unit price
                units[rate, line.name] = {
                    "price_version": rate,
                    "token_class": line.name,
                    "price": line.price,
                    "list_price": line.price if line.list_price is None else line.list_price,
                    "per": line.per,
                    "currency": breakdown.currency,
                }
    await insert_new(
        session, cast(Table, PriceUnit.__table__), [units[key] for key in sorted(units)]
    )
    await insert_new(
        session, cast(Table, PriceRate.__table__), [rates[key] for key in sorted(rates)]
    )
