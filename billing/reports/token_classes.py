"""Rows of the usage report by token class, with what each class cost."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing.prices import MINIMUM
from billing.reports.grouping import TOKEN_CLASS
from billing.reports.units import class_amounts, units_of
from billing.reports.usage_rows import Group, UsageRow
from billing.usage import CLASSES, TOKEN_CLASSES
from core.money import ZERO

CLASS_ORDER = {name: number for number, name in enumerate((*CLASSES, MINIMUM))}


async def by_token_class(
    session: AsyncSession, rows: Iterable[UsageRow], names: Sequence[str], group_by: Sequence[str]
) -> dict[Group, UsageRow]:
    """A row per token class at the billed prices; ``minimum_charge`` is what those added.

    Args:
        names: groups of ``rows``, the price version among them.
        group_by: groups of the answer, the token class among them.

    Raises:
        LedgerMismatch: a class that was used has no recorded price.
    """
    rows, rate = list(rows), names.index("price_version")
    units = await units_of(session, {row.group[rate] or "" for row in rows})
    classes: dict[Group, UsageRow] = {}
    for row in rows:
        values = dict(zip(names, row.group, strict=True))
        quantities = (*row.tokens, row.worker_seconds)
        parts = class_amounts(row.group[rate] or "", quantities, units)
        if row.surcharge:
            parts.append((MINIMUM, ZERO, row.surcharge))
        for name, quantity, cost in parts:
            group = tuple((values | {TOKEN_CLASS: name})[key] for key in group_by)
            part = _class_row(group, name, quantity, cost)
            known = classes.get(group)
            classes[group] = part if known is None else known.plus(part)
    return classes


def _class_row(group: Group, name: str, quantity: Decimal, cost: Decimal) -> UsageRow:
    return UsageRow(
        group,
        requests=None,
        estimated_requests=None,
        cut_requests=None,
        unpriced_requests=None,
        tokens=tuple(int(quantity) if one == name else 0 for one in TOKEN_CLASSES),
        worker_seconds=ZERO if name in TOKEN_CLASSES else quantity,
        surcharge=cost if name == MINIMUM else ZERO,
        cost=cost,
    )
