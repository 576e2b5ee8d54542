"""The usage report: requests, tokens, worker-seconds and cost, grouped as asked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidReport
from billing.reports import grouping
from billing.reports.grouping import TOKEN_CLASS
from billing.reports.source import Source, sources
from billing.reports.table import Column, ColumnKind, Table
from billing.reports.token_classes import CLASS_ORDER, by_token_class
from billing.reports.usage_rows import AMOUNTS, REQUESTS, TOKENS, Group, UsageRow
from core.clock import isoformat
from core.database import amount_sum
from core.money import format_amount


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What a tenant used in ``[start, end)``; ``tenant`` is ``None`` for several."""

    tenant: str | None
    start: datetime
    end: datetime
    currency: str
    group_by: tuple[str, ...]
    rows: list[UsageRow]
    total: UsageRow

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "group_by": list(self.group_by),
            "rows": [
                dict(zip(self.group_by, row.group, strict=True)) | row.sums() for row in self.rows
            ],
            "total": self.total.sums(),
        }

    def table(self) -> Table:
        columns = [Column(name) for name in self.group_by]
        columns += [Column(name, ColumnKind.INTEGER) for name in (*REQUESTS, *TOKENS)]
        columns += [Column(name, ColumnKind.AMOUNT) for name in AMOUNTS]
        facts = {
            "tenant": self.tenant or "",
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "requests": str(self.total.requests),
            "total": format_amount(self.total.cost),
        }
        return Table("usage", columns, [row.cells() for row in self.rows], facts)


async def usage_report(
    session: AsyncSession,
    tenant: str | Collection[str] | None,
    start: datetime,
    end: datetime,
    *,
    group_by: Sequence[str] = ("model",),
    only: Mapping[str, str] | None = None,
    currency: str = "USD",
    records_only: bool = False,
) -> UsageReport:
    """Usage by some of ``GROUPS``; the instants are of admission.

    Args:
        tenant: one, several, or all of them (``None``).
        only: values of ``grouping.FILTERS`` by name.
        currency: of the report where nothing was used.
        records_only: read no roll-ups, to compare the two.

    Raises:
        InvalidReport: an unknown group or filter, a span that ends before it starts,
            or costs in two currencies.
    """
    validate_span(start, end)
    only = only or {}
    grouping.validate_groups(group_by, only)
    names = [name for name in group_by if name != TOKEN_CLASS]
    by_class = TOKEN_CLASS in group_by
    if by_class and "price_version" not in names:
        names.append("price_version")
    records_only = records_only or grouping.needs_records(group_by, only)
    rows: dict[Group, UsageRow] = {}
    by_hour = "hour" in group_by
    for part in sources(start, end, records_only=records_only, by_hour=by_hour):
        for row, found in await _read(session, part, names, tenant, only):
            currency = _one_currency(currency, found, first=not rows)
            known = rows.get(row.group)
            rows[row.group] = row if known is None else known.plus(row)
    total = _added(rows.values())
    if by_class:
        rows = await by_token_class(session, rows.values(), names, group_by)
    ordered = sorted(rows.values(), key=lambda row: _order(row.group, group_by))
    label = tenant if isinstance(tenant, str) else None
    return UsageReport(label, start, end, currency, tuple(group_by), ordered, total)


def validate_span(start: datetime, end: datetime) -> None:
    """Raises ``InvalidReport`` unless ``start`` lies before ``end``."""
    if start >= end:
        raise InvalidReport("A report must end after it starts.", param="to")


async def _read(
    session: AsyncSession,
    part: Source,
    names: Sequence[str],
    tenant: str | Collection[str] | None,
    only: Mapping[str, str],
) -> list[tuple[UsageRow, str]]:
    """The rows of one source, each with its currency."""
    groups = [grouping.column(part, name) for name in names]
    query = (
        select(
            part.requests,
            part.estimated_requests,
            part.cut_requests,
            part.unpriced_requests,
            *(func.sum(part.column(name)) for name in TOKENS),
            *(amount_sum(part.column(name)) for name in AMOUNTS),
            part.column("currency"),
            *groups,
        )
        .where(*grouping.conditions(part, tenant, only))
        .group_by(part.column("currency"), *groups)
    )
    return [_row(values) for values in await session.execute(query)]


def _row(values: Sequence[Any]) -> tuple[UsageRow, str]:
    counts = [int(count) for count in values[: len(REQUESTS) + len(TOKENS)]]
    amounts = values[len(counts) : len(counts) + len(AMOUNTS)]
    currency, *group = values[len(counts) + len(AMOUNTS) :]
    row = UsageRow(
        tuple(v.isoformat() if isinstance(v, date) else v or None for v in group),
        **dict(zip(REQUESTS, counts, strict=False)),
        tokens=tuple(counts[len(REQUESTS) :]),
        **dict(zip(AMOUNTS, amounts, strict=True)),
    )
    return row, currency


def _one_currency(known: str, found: str, *, first: bool) -> str:
    if not first and known != found:
        raise InvalidReport(
            f"The span holds costs in {known} and in {found}, which do not add up; ask for the "
            "time before and after the change apart.",
            param="from",
        )
    return found


def _added(rows: Iterable[UsageRow]) -> UsageRow:
    total = UsageRow(())
    for row in rows:
        total = total.plus(row)
    return total


def _order(group: Group, group_by: Sequence[str]) -> list[tuple[int, str]]:
    """By name; token classes as on a bill."""
    return [
        (CLASS_ORDER[value or ""] if name == TOKEN_CLASS else 0, value or "")
        for name, value in zip(group_by, group, strict=True)
    ]
