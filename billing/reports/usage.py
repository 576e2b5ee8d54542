"""The usage report: requests, tokens, worker-seconds and cost, grouped as asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidReport
from billing.models import UsageRecord
from billing.reports.table import Cell, Column, ColumnKind, Table
from billing.usage import TOKEN_CLASSES
from core.clock import isoformat
from core.database import amount_sum
from core.money import EXACT, ZERO, format_amount

_GROUPS = {
    "model": UsageRecord.model,
    "tier": UsageRecord.tier,
    "trend": UsageRecord.trend,
    "upstream": UsageRecord.upstream,
    "zone": UsageRecord.zone,
    "project": UsageRecord.project_id,
    "key": UsageRecord.key_id,
    "day": UsageRecord.day,
}
GROUPS = tuple(_GROUPS)
_TOKENS = tuple(f"{name}_tokens" for name in TOKEN_CLASSES)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One group: its values in the order of ``group_by``, and its sums."""

    group: tuple[str | None, ...]
    requests: int
    estimated_requests: int
    tokens: tuple[int, ...]
    worker_seconds: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What a tenant used in ``[start, end)``. ``total`` is the sum of the rows."""

    tenant: str
    start: datetime
    end: datetime
    currency: str
    group_by: tuple[str, ...]
    rows: list[UsageRow]

    @property
    def total(self) -> UsageRow:
        columns = zip(*(row.tokens for row in self.rows), strict=True)
        seconds = cost = ZERO
        for row in self.rows:
            seconds = EXACT.add(seconds, row.worker_seconds)
            cost = EXACT.add(cost, row.cost)
        return UsageRow(
            group=(),
            requests=sum(row.requests for row in self.rows),
            estimated_requests=sum(row.estimated_requests for row in self.rows),
            tokens=tuple(map(sum, columns)) if self.rows else (0,) * len(_TOKENS),
            worker_seconds=seconds,
            cost=cost,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "group_by": list(self.group_by),
            "rows": [
                dict(zip(self.group_by, row.group, strict=True)) | _sums(row) for row in self.rows
            ],
            "total": _sums(self.total),
        }

    def table(self) -> Table:
        columns = [Column(name) for name in self.group_by]
        columns += [Column(n, ColumnKind.INTEGER) for n in ("requests", "estimated_requests")]
        columns += [Column(name, ColumnKind.INTEGER) for name in _TOKENS]
        columns += [Column("worker_seconds", ColumnKind.AMOUNT), Column("cost", ColumnKind.AMOUNT)]
        facts = {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "total": format_amount(self.total.cost),
        }
        return Table("usage", columns, [_cells(row) for row in self.rows], facts)


async def usage_report(
    session: AsyncSession,
    tenant: str,
    start: datetime,
    end: datetime,
    *,
    group_by: Sequence[str] = ("model",),
    currency: str = "USD",
) -> UsageReport:
    """Usage of one tenant by some of ``GROUPS``; the instants are of admission.

    Raises:
        InvalidReport: an unknown group, or a span that ends before it starts.
    """
    validate_span(start, end)
    for name in group_by:
        if name not in _GROUPS:
            raise InvalidReport(f"Group by {', '.join(GROUPS)}, not by '{name}'.", param="group_by")
    groups: list[Any] = [_GROUPS[name] for name in group_by]
    query = (
        select(
            func.count(),
            func.sum(cast(UsageRecord.estimated, Integer)),
            *(func.sum(getattr(UsageRecord, name)) for name in _TOKENS),
            amount_sum(UsageRecord.worker_seconds),
            amount_sum(UsageRecord.cost),
            *groups,
        )
        .where(UsageRecord.tenant == tenant, UsageRecord.at >= start, UsageRecord.at < end)
        .group_by(*groups)
    )
    rows = [_row(values) for values in await session.execute(query) if values[0]]
    rows.sort(key=lambda row: [value or "" for value in row.group])
    return UsageReport(tenant, start, end, currency, tuple(group_by), rows)


def validate_span(start: datetime, end: datetime) -> None:
    """Raises ``InvalidReport`` unless ``start`` lies before ``end``."""
    if start >= end:
        raise InvalidReport("A report must end after it starts.", param="to")


def _row(values: Sequence[Any]) -> UsageRow:
    tokens, rest = values[2 : 2 + len(_TOKENS)], values[2 + len(_TOKENS) :]
    seconds, cost, *group = rest
    return UsageRow(
        group=tuple(v.isoformat() if isinstance(v, date) else v for v in group),
        requests=int(values[0]),
        estimated_requests=int(values[1]),
        tokens=tuple(int(count) for count in tokens),
        worker_seconds=seconds,
        cost=cost,
    )


def _sums(row: UsageRow) -> dict[str, Any]:
    return {
        "requests": row.requests,
        "estimated_requests": row.estimated_requests,
        **dict(zip(_TOKENS, row.tokens, strict=True)),
        "worker_seconds": format_amount(row.worker_seconds),
        "cost": format_amount(row.cost),
    }


def _cells(row: UsageRow) -> list[Cell]:
    head: list[Cell] = [*row.group, row.requests, row.estimated_requests]
    return [*head, *row.tokens, row.worker_seconds, row.cost]
