"""Roll-ups: the sums of usage records by hour and dimensions, always equal to the records.

They are moved in the transaction that writes the records, under the tenant's
lock; amounts are added in Python, since SQLite cannot.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageRollup
from billing.usage import TOKEN_CLASSES
from core.money import EXACT

# What identifies a roll-up; what is not known is an empty text.
DIMENSIONS = (
    "tenant",
    "hour",
    "project_id",
    "key_id",
    "model",
    "tier",
    "upstream",
    "zone",
    "trend",
    "price_version",
    "currency",
)
COUNTS = (
    "requests",
    "estimated_requests",
    "cut_requests",
    *(f"{name}_tokens" for name in TOKEN_CLASSES),
)
AMOUNTS = ("worker_seconds", "surcharge", "cost")

Sums = dict[str, dict[str, Any]]


def add_up(records: Iterable[Mapping[str, Any]]) -> Sums:
    """Roll-up rows by id, from usage records as mappings."""
    sums: Sums = {}
    for record in records:
        row = _row(record)
        known = sums.get(row["id"])
        if known is None:
            sums[row["id"]] = row
        else:
            _add(known, row)
    return sums


async def move_rollups(session: AsyncSession, records: Iterable[Mapping[str, Any]]) -> None:
    """Add new usage records to their roll-ups; the caller holds the tenants' locks."""
    sums = add_up(records)
    if not sums:
        return
    table = cast(Table, UsageRollup.__table__)
    found = await session.execute(select(table).where(table.c.id.in_(sums)))
    for stored in found:
        _add(sums[stored.id], stored._asdict())
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=["id"], set_={name: statement.excluded[name] for name in (*COUNTS, *AMOUNTS)}
    )
    await session.execute(statement, _rows(sums))


def _rows(sums: Sums) -> Sequence[dict[str, Any]]:
    return [sums[key] for key in sorted(sums)]


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    hour = _hour(record["at"])
    row: dict[str, Any] = {name: record.get(name) or "" for name in DIMENSIONS}
    row |= {"hour": hour, "day": hour.date()}
    row["requests"] = 1
    row["estimated_requests"] = int(record["estimated"])
    row["cut_requests"] = int(record["ended"] != "completed")
    for name in (*COUNTS[3:], *AMOUNTS):
        row[name] = record[name]
    row["id"] = _id(row)
    return row


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _id(row: Mapping[str, Any]) -> str:
    text = "\0".join(str(row[name]) for name in DIMENSIONS)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _add(row: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name in COUNTS:
        row[name] += other[name]
    for name in AMOUNTS:
        row[name] = EXACT.add(row[name], cast(Decimal, other[name]))
