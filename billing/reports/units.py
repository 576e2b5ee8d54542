"""The unit prices that requests were billed at, for reports that go by token class."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.models import PriceUnit
from billing.prices import line_amount
from billing.usage import CLASSES

Units = Mapping[tuple[str, str], PriceUnit]
"""By rate id and token class."""


async def units_of(session: AsyncSession, rates: Iterable[str]) -> Units:
    """The recorded prices of some rates."""
    query = select(PriceUnit).where(PriceUnit.price_version.in_(set(rates)))
    return {(unit.price_version, unit.token_class): unit for unit in await session.scalars(query)}


def class_amounts(
    rate: str, quantities: Sequence[Decimal | int], units: Units, *, listed: bool = False
) -> list[tuple[str, Decimal, Decimal]]:
    """Class, quantity and amount of what was used of ``CLASSES``, at the billed prices.

    Args:
        listed: at the list prices instead, without the tenant's override and mark-up.

    Raises:
        LedgerMismatch: a class that was used has no recorded price.
    """
    amounts: list[tuple[str, Decimal, Decimal]] = []
    for name, quantity in zip(CLASSES, map(Decimal, quantities), strict=True):
        if not quantity:
            continue
        unit = units.get((rate, name))
        if unit is None:
            raise LedgerMismatch(
                f"Price version {rate} has no recorded price of {name}; run "
                "'sovgate billing check'."
            )
        price = unit.list_price if listed and unit.list_price is not None else unit.price
        amounts.append((name, quantity, line_amount(quantity, price, unit.per)))
    return amounts
