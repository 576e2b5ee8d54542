"""Finds roll-ups that are not the sums of their usage records, inside the database.

Records and roll-ups are added up together by hour and dimensions, counts of the one
side as positive and of the other as negative numbers, so that what remains is wrong.
It does not look at the ids of roll-ups: ``rebuild`` does.
"""

from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, case, cast, func, literal, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.rollups import AMOUNTS, COUNTS, DIMENSIONS
from billing.models import UsageRecord, UsageRollup
from billing.reports.source import hour_text
from core.database import Amount, amount_sum

_TEXTS = tuple(name for name in DIMENSIONS if name != "hour")
_TOKENS = COUNTS[3:]
_KEYS = ("hour", "day", *_TEXTS)


async def unequal_days(session: AsyncSession) -> list[tuple[str, date]]:
    """Tenants and days on which something differs."""
    found: list[tuple[str, date]] = []
    for tenant in await _tenants(session):
        both = union_all(_records(tenant), _rollups(tenant)).subquery()
        keys = [both.c[name] for name in _KEYS]
        wrong = [func.sum(both.c[name]) != 0 for name in COUNTS]
        # SQLite cannot subtract amounts, so the sides stand beside each other.
        wrong += [
            amount_sum(both.c[f"{name}_raw"]) != amount_sum(both.c[f"{name}_rolled"])
            for name in AMOUNTS
        ]
        groups = select(both.c.day).group_by(*keys).having(or_(*wrong)).subquery()
        days = select(groups.c.day).distinct().order_by(groups.c.day)
        found += [(tenant, day) for day in await session.scalars(days)]
    return found


async def _tenants(session: AsyncSession) -> list[str]:
    names: set[str] = set()
    for table in (UsageRecord, UsageRollup):
        names.update(await session.scalars(select(table.tenant).distinct()))
    return sorted(names)


def _records(tenant: str) -> Select[*tuple[Any, ...]]:
    record = UsageRecord
    counts = {
        "requests": literal(1),
        "estimated_requests": cast(record.estimated, Integer),
        "cut_requests": case((record.ended != "completed", 1), else_=0),
        **{name: getattr(record, name) for name in _TOKENS},
    }
    return select(
        hour_text(record.at).label("hour"),
        record.day,
        *(func.coalesce(getattr(record, name), "").label(name) for name in _TEXTS),
        *(counts[name].label(name) for name in COUNTS),
        *(getattr(record, name).label(f"{name}_raw") for name in AMOUNTS),
        *(cast(null(), Amount).label(f"{name}_rolled") for name in AMOUNTS),
    ).where(record.tenant == tenant)


def _rollups(tenant: str) -> Select[*tuple[Any, ...]]:
    rollup = UsageRollup
    return select(
        hour_text(rollup.hour).label("hour"),
        rollup.day,
        *(getattr(rollup, name).label(name) for name in _TEXTS),
        *((-getattr(rollup, name)).label(name) for name in COUNTS),
        *(cast(null(), Amount).label(f"{name}_raw") for name in AMOUNTS),
        *(getattr(rollup, name).label(f"{name}_rolled") for name in AMOUNTS),
    ).where(rollup.tenant == tenant)
