"""Finds roll-ups that are not the sums of their usage records, inside the database.

Records and roll-ups of hours are added up together by hour and dimensions, counts of
the one side as positive and of the other as negative numbers, so that what remains is
wrong; roll-ups of hours and of days likewise. It does not look at the ids of roll-ups:
``rebuild`` does.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, case, cast, func, literal, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.rollups import AMOUNTS, COUNTS, DIMENSIONS
from billing.models import UsageDay, UsageRecord, UsageRollup
from billing.reports.source import hour_text
from core.database import Amount, amount_sum

_TEXTS = tuple(name for name in DIMENSIONS if name != "hour")
_TOKENS = COUNTS[3:]

_Rows = Select[*tuple[Any, ...]]


async def unequal_days(session: AsyncSession) -> list[tuple[str, date]]:
    """Tenants and days on which something differs."""
    found: list[tuple[str, date]] = []
    for tenant in await _tenants(session):
        days = await _differing(session, _records(tenant), _hours(tenant, -1), "hour")
        days |= await _differing(session, _hours(tenant, 1), _days(tenant))
        found += [(tenant, day) for day in sorted(days)]
    return found


async def unequal_sums_of_days(session: AsyncSession, tenant: str) -> list[date]:
    """Days whose roll-ups are not the sums of those of their hours."""
    return sorted(await _differing(session, _hours(tenant, 1), _days(tenant)))


async def _tenants(session: AsyncSession) -> list[str]:
    names: set[str] = set()
    for table in (UsageRecord, UsageRollup, UsageDay):
        names.update(await session.scalars(select(table.tenant).distinct()))
    return sorted(names)


async def _differing(session: AsyncSession, left: _Rows, right: _Rows, *keys: str) -> set[date]:
    both = union_all(left, right).subquery()
    wrong = [func.sum(both.c[name]) != 0 for name in COUNTS]
    # SQLite cannot subtract amounts, so the sides stand beside each other.
    wrong += [
        amount_sum(both.c[f"{name}_left"]) != amount_sum(both.c[f"{name}_right"])
        for name in AMOUNTS
    ]
    groups = select(both.c.day).group_by(*(both.c[name] for name in ("day", *keys, *_TEXTS)))
    return set(await session.scalars(groups.having(or_(*wrong))))


def _records(tenant: str) -> _Rows:
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
        *_amounts(record, 1),
    ).where(record.tenant == tenant)


def _hours(tenant: str, sign: int) -> _Rows:
    hour = hour_text(UsageRollup.hour).label("hour")
    return select(hour, *_sums(UsageRollup, sign)).where(UsageRollup.tenant == tenant)


def _days(tenant: str) -> _Rows:
    return select(literal("").label("hour"), *_sums(UsageDay, -1)).where(UsageDay.tenant == tenant)


def _sums(table: type[UsageRollup] | type[UsageDay], sign: int) -> Iterable[Any]:
    yield table.day
    yield from (getattr(table, name).label(name) for name in _TEXTS)
    yield from ((sign * getattr(table, name)).label(name) for name in COUNTS)
    yield from _amounts(table, sign)


def _amounts(table: Any, sign: int) -> Iterable[Any]:
    """Left and right columns of every amount; the other side's are empty."""
    for name in AMOUNTS:
        own, none = getattr(table, name), cast(null(), Amount)
        yield (own if sign > 0 else none).label(f"{name}_left")
        yield (none if sign > 0 else own).label(f"{name}_right")
