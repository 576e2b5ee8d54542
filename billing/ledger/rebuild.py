"""Compares a tenant's roll-ups with its usage records, and makes them anew.

It works month by month, so that memory is bounded whatever the ledger holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import Table, delete, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.rollup_check import unequal_sums_of_days
from billing.ledger.rollups import AMOUNTS, COUNTS, DIMENSIONS, days_of, rollup_id
from billing.locks import lock_tenants
from billing.models import UsageDay, UsageRecord, UsageRollup
from billing.periods import month_span
from billing.reports.source import Source, hour_text, month_text
from core.batches import insert_new
from core.database import amount_sum

_TABLE = cast(Table, UsageRollup.__table__)
_TEXTS = tuple(name for name in DIMENSIONS if name != "hour")
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Roll-ups of a tenant's month by id: as the records have it, and as they are stored."""

    right: Mapping[str, Mapping[str, Any]]
    stored: Mapping[str, Mapping[str, Any]]

    @property
    def missing(self) -> set[str]:
        return self.right.keys() - self.stored.keys()

    @property
    def surplus(self) -> set[str]:
        return self.stored.keys() - self.right.keys()

    @property
    def wrong(self) -> set[str]:
        both = self.right.keys() & self.stored.keys()
        return {key for key in both if self.right[key] != self.stored[key]}

    @property
    def days(self) -> set[date]:
        """On which something differs."""
        ids = self.missing | self.surplus | self.wrong
        return {(self.right.get(key) or self.stored[key])["day"] for key in ids}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many roll-ups of a tenant were right, missing, wrong, or of no record at all."""

    tenant: str
    right: int = 0
    missing: int = 0
    wrong: int = 0
    surplus: int = 0

    @property
    def changed(self) -> int:
        return self.missing + self.wrong + self.surplus

    def to_json(self) -> dict[str, Any]:
        names = ("right", "missing", "wrong", "surplus")
        return {"tenant": self.tenant, **{name: getattr(self, name) for name in names}}


async def compare_rollups(session: AsyncSession, tenant: str) -> Rebuilt:
    """What ``rebuild_rollups`` would put right; reads only."""
    total = Rebuilt(tenant)
    for _, month in await months_of_usage(session, tenant):
        total = _counted(total, await compare_month(session, tenant, month))
    return total


async def rebuild_rollups(session: AsyncSession, tenant: str) -> Rebuilt:
    """Put the roll-ups of one tenant right, under its lock; only what is wrong is written."""
    await lock_tenants(session, [tenant])
    total = Rebuilt(tenant)
    for _, month in await months_of_usage(session, tenant):
        found = await compare_month(session, tenant, month)
        gone = sorted(found.surplus | found.wrong)
        for first in range(0, len(gone), _BATCH):
            ids = gone[first : first + _BATCH]
            await session.execute(delete(_TABLE).where(_TABLE.c.id.in_(ids)))
        new = [found.right[key] for key in sorted(found.missing | found.wrong)]
        for first in range(0, len(new), _BATCH):
            await insert_new(session, _TABLE, new[first : first + _BATCH])
        total = _counted(total, found)
    for day in await unequal_sums_of_days(session, tenant):
        await _rebuild_day(session, tenant, day)
    return total


async def _rebuild_day(session: AsyncSession, tenant: str, day: date) -> None:
    start = datetime.combine(day, time(tzinfo=UTC))
    hours = select(_TABLE).where(
        _TABLE.c.tenant == tenant, _TABLE.c.hour >= start, _TABLE.c.hour < start + timedelta(days=1)
    )
    rows = list(days_of(row._asdict() for row in await session.execute(hours)).values())
    await session.execute(delete(UsageDay).where(UsageDay.tenant == tenant, UsageDay.day == day))
    for first in range(0, len(rows), _BATCH):
        await insert_new(session, cast(Table, UsageDay.__table__), rows[first : first + _BATCH])


async def months_of_usage(
    session: AsyncSession, tenant: str | None = None
) -> list[tuple[str, str]]:
    """Tenants and the months in which they have usage records or roll-ups."""
    parts = [
        select(table.tenant, month_text(table.day))
        .where(table.tenant == tenant if tenant else table.tenant.is_not(None))
        .distinct()
        for table in (UsageRecord, UsageRollup)
    ]
    return sorted((owner, month) for owner, month in await session.execute(union(*parts)))


async def compare_month(session: AsyncSession, tenant: str, month: str) -> Comparison:
    start, end = month_span(month)
    stored = select(_TABLE).where(
        _TABLE.c.tenant == tenant, _TABLE.c.hour >= start, _TABLE.c.hour < end
    )
    rows = [row._asdict() for row in await session.execute(stored)]
    right = await _from_records(session, tenant, start, end)
    return Comparison(right, {row["id"]: row for row in rows})


async def _from_records(
    session: AsyncSession, tenant: str, start: datetime, end: datetime
) -> dict[str, dict[str, Any]]:
    records = Source(UsageRecord, start, end)
    texts = [records.dimension(name) for name in _TEXTS]
    hour = hour_text(UsageRecord.at)
    query = (
        select(
            hour,
            UsageRecord.day,
            *texts,
            records.requests,
            records.estimated_requests,
            records.cut_requests,
            *(func.sum(getattr(UsageRecord, name)) for name in COUNTS[3:]),
            *(amount_sum(getattr(UsageRecord, name)) for name in AMOUNTS),
        )
        .where(UsageRecord.tenant == tenant, *records.within)
        .group_by(hour, UsageRecord.day, *texts)
    )
    names = ("hour", "day", *_TEXTS, *COUNTS, *AMOUNTS)
    found = await session.execute(query)
    rows = [_row(dict(zip(names, values, strict=True))) for values in found]
    return {row["id"]: row for row in rows}


def _row(values: dict[str, Any]) -> dict[str, Any]:
    values["hour"] = datetime.fromisoformat(values["hour"])
    values |= {name: int(values[name]) for name in COUNTS}
    return values | {"id": rollup_id(values)}


def _counted(total: Rebuilt, found: Comparison) -> Rebuilt:
    missing, wrong, surplus = len(found.missing), len(found.wrong), len(found.surplus)
    return Rebuilt(
        total.tenant,
        total.right + len(found.right) - missing - wrong,
        total.missing + missing,
        total.wrong + wrong,
        total.surplus + surplus,
    )
