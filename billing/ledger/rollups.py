"""Roll-ups: the sums of usage records by hour and by day, and by dimensions; always equal to them.

They are moved in the transaction that writes the records, under the tenant's lock.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageDay, UsageRollup
from billing.usage import TOKEN_CLASSES
from core.batches import add_rows
from core.money import EXACT, ZERO

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
DAY_DIMENSIONS = tuple("day" if name == "hour" else name for name in DIMENSIONS)
COUNTS = (
    "requests",
    "estimated_requests",
    "cut_requests",
    *(f"{name}_tokens" for name in TOKEN_CLASSES),
)
AMOUNTS = ("worker_seconds", "surcharge", "cost")

_TEXTS = tuple(name for name in DIMENSIONS if name != "hour")
_TOKENS = COUNTS[3:]
_texts = itemgetter(*_TEXTS)

Row = dict[str, Any]
Sums = dict[str, Row]
Groups = dict[tuple[Any, ...], Row]
_PAUSE = 64  # records added up before others get the event loop


def add_up(records: Iterable[Mapping[str, Any]]) -> Sums:
    """Roll-up rows by id, from usage records as mappings."""
    groups: Groups = {}
    _group(groups, records)
    return {row["id"]: row for row in groups.values()}


def days_of(hours: Iterable[Mapping[str, Any]]) -> Sums:
    """Roll-ups of days by id, from roll-ups of hours."""
    groups: dict[tuple[Any, ...], Row] = {}
    for hour in hours:
        key = tuple(hour[name] for name in DAY_DIMENSIONS)
        day = groups.get(key)
        if day is None:
            day = {name: value for name, value in hour.items() if name != "hour"}
            groups[key] = day | {"id": rollup_id(hour, DAY_DIMENSIONS)}
            continue
        for name in COUNTS:
            day[name] += hour[name]
        for name in AMOUNTS:
            day[name] = EXACT.add(day[name], hour[name])
    return {row["id"]: row for row in groups.values()}


async def move_rollups(session: AsyncSession, records: Iterable[Mapping[str, Any]]) -> None:
    """Add new usage records to their roll-ups; the caller holds the tenants' locks."""
    hours = await _add_up_in_steps(list(records))
    for model, sums in ((UsageRollup, hours), (UsageDay, days_of(hours.values()))):
        rows = [sums[key] for key in sorted(sums)]
        await add_rows(session, cast(Table, model.__table__), rows, (*COUNTS, *AMOUNTS))


async def _add_up_in_steps(records: Sequence[Mapping[str, Any]]) -> Sums:
    groups: Groups = {}
    for start in range(0, len(records), _PAUSE):
        await asyncio.sleep(0)  # requests share this event loop
        _group(groups, records[start : start + _PAUSE])
    return {row["id"]: row for row in groups.values()}


def _group(groups: Groups, records: Iterable[Mapping[str, Any]]) -> None:
    for record in records:
        at, texts = record["at"].astimezone(UTC), _texts(record)
        if None in texts:
            texts = tuple(text or "" for text in texts)
        key = (at.toordinal(), at.hour, texts)
        row = groups.get(key)
        if row is None:
            row = groups[key] = _row(_hour(at), *texts)
        _add(row, record)


def _row(hour: datetime, *texts: str) -> Row:
    row: Row = dict(zip(_TEXTS, texts, strict=True))
    row |= {"hour": hour, "day": hour.date()}
    row |= dict.fromkeys(COUNTS, 0) | dict.fromkeys(AMOUNTS, ZERO)
    return row | {"id": rollup_id(row)}


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def rollup_id(row: Mapping[str, Any], dimensions: Iterable[str] = DIMENSIONS) -> str:
    text = "\0".join([str(row[name]) for name in dimensions])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _add(row: Row, record: Mapping[str, Any]) -> None:
    row["requests"] += 1
    row["estimated_requests"] += record["estimated"]
    row["cut_requests"] += record["ended"] != "completed"
    for name in _TOKENS:
        if count := record[name]:
            row[name] += count
    for name in AMOUNTS:
        if amount := record[name]:
            row[name] = EXACT.add(row[name], amount)
