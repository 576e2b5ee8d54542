"""Requests that somebody should look at: without a price, counted by us, or cut short."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageRecord
from billing.prices import UNPRICED
from billing.reports import grouping
from billing.reports.source import Source
from billing.reports.table import Cell, Column, ColumnKind, Table
from billing.reports.traffic import Tenants
from core.clock import isoformat
from core.database import amount_sum
from core.money import ZERO, format_amount

# What makes a request notable, by the name of its list.
NOTABLE: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {
        "unpriced": UsageRecord.price_version == UNPRICED,
        "estimated": UsageRecord.estimated.is_(True),
        "cut": UsageRecord.ended != "completed",
    }
)
LIMIT = 1000


@dataclass(frozen=True, slots=True)
class NotableRequest:
    """One request: where it ran, what it used, how it ended."""

    request_id: str
    tenant: str
    at: datetime
    model: str
    upstream: str | None
    input_tokens: int
    output_tokens: int
    cost: Decimal
    ended: str

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            name: getattr(self, name) for name in ("request_id", "tenant", "model", "upstream")
        }
        body |= {"at": isoformat(self.at), "cost": format_amount(self.cost), "ended": self.ended}
        return body | {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}

    def cells(self) -> list[Cell]:
        head: list[Cell] = [self.request_id, self.tenant, self.at, self.model, self.upstream]
        return [*head, self.input_tokens, self.output_tokens, self.cost, self.ended]


@dataclass(frozen=True, slots=True)
class NotableRequests:
    """A list of one kind: ``count`` and ``cost`` are of all, ``requests`` the first of them."""

    kind: str
    count: int
    cost: Decimal
    requests: list[NotableRequest]

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "count": self.count,
            "cost": format_amount(self.cost),
            "requests": [request.to_json() for request in self.requests],
        }

    def table(self) -> Table:
        columns = [
            Column("request_id"),
            Column("tenant"),
            Column("at", ColumnKind.INSTANT),
            Column("model"),
            Column("upstream"),
            Column("input_tokens", ColumnKind.INTEGER),
            Column("output_tokens", ColumnKind.INTEGER),
            Column("cost", ColumnKind.AMOUNT),
            Column("ended"),
        ]
        facts = {f"{self.kind}_count": str(self.count)}
        facts |= {f"{self.kind}_listed": str(len(self.requests))}
        facts[f"{self.kind}_cost"] = format_amount(self.cost)
        return Table(self.kind, columns, [one.cells() for one in self.requests], facts)


async def notable_requests(
    session: AsyncSession,
    tenant: Tenants,
    start: datetime,
    end: datetime,
    kind: str,
    *,
    limit: int = LIMIT,
) -> NotableRequests:
    """One of ``NOTABLE``, the earliest first."""
    record = UsageRecord
    within = grouping.conditions(Source(UsageRecord, start, end), tenant, {})
    within.append(NOTABLE[kind])
    totals = select(func.count(), amount_sum(record.cost)).where(*within)
    count, cost = (await session.execute(totals)).one()
    query = select(record).where(*within).order_by(record.at, record.request_id).limit(limit)
    rows = (await session.scalars(query)) if count else ()
    return NotableRequests(kind, int(count), cost or ZERO, [_request(row) for row in rows])


def _request(row: UsageRecord) -> NotableRequest:
    read = row.input_tokens + row.cached_input_tokens + row.cache_write_tokens
    return NotableRequest(
        request_id=row.request_id,
        tenant=row.tenant,
        at=row.at,
        model=row.model,
        upstream=row.upstream,
        input_tokens=read + row.embedding_tokens,
        output_tokens=row.output_tokens + row.reasoning_tokens,
        cost=row.cost,
        ended=row.ended,
    )
