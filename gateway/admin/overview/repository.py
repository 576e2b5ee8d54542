"""The SQL of the overview: counts from the audit trail, money from the ledger's records."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ColumnElement, case, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageRecord
from core.database import amount_sum
from core.money import ZERO
from gateway.audit.models import AuditRecord

_FAILED = ("error", "disconnected", "interrupted")
_INPUT = UsageRecord.input_tokens + UsageRecord.cached_input_tokens + UsageRecord.cache_write_tokens
_OUTPUT = UsageRecord.output_tokens + UsageRecord.reasoning_tokens


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of a span by how they ended."""

    requests: int
    blocked: int
    denied: int
    masked: int
    failed: int


@dataclass(frozen=True, slots=True)
class Spending:
    """One group's part; cost in USD."""

    name: str | None
    requests: int
    input_tokens: int
    output_tokens: int
    cost: Decimal


class OverviewRepository:
    """Sums over some tenants and a span of time."""

    def __init__(self, session: AsyncSession, tenants: Collection[str]) -> None:
        self._session = session
        self._tenants = tenants

    async def counts(self, start: datetime, end: datetime) -> Counts:
        outcome, masked = self._field("outcome"), self._field("masked")
        query = select(
            func.count(),
            _count(outcome == "blocked"),
            _count(outcome == "denied"),
            _count(masked != "{}"),
            _count(outcome.in_(_FAILED)),
        ).where(
            AuditRecord.tenant.in_(self._tenants),
            AuditRecord.kind == "request",
            AuditRecord.time >= start,
            AuditRecord.time < end,
        )
        row = (await self._session.execute(query)).one()
        return Counts(*(value or 0 for value in row))

    async def by_tier(self, start: datetime, end: datetime) -> Sequence[Spending]:
        return await self._by(UsageRecord.tier, start, end)

    async def by_upstream(self, start: datetime, end: datetime) -> Sequence[Spending]:
        return await self._by(UsageRecord.upstream, start, end)

    async def _by(
        self, column: ColumnElement[Any] | Any, start: datetime, end: datetime
    ) -> Sequence[Spending]:
        query = (
            select(
                column,
                func.count(),
                func.sum(_INPUT),
                func.sum(_OUTPUT),
                amount_sum(UsageRecord.cost),
            )
            .where(
                UsageRecord.tenant.in_(self._tenants),
                UsageRecord.at >= start,
                UsageRecord.at < end,
            )
            .group_by(column)
            .order_by(func.count().desc(), column)
        )
        rows = await self._session.execute(query)
        return [
            Spending(name, requests, int(read or 0), int(written or 0), cost or ZERO)
            for name, requests, read, written, cost in rows
        ]

    def _field(self, name: str) -> ColumnElement[Any]:
        """A field of the record's JSON text."""
        if self._session.get_bind().dialect.name == "postgresql":
            return cast(AuditRecord.body, JSONB)[name].astext
        return type_coerce(AuditRecord.body, JSON)[name].as_string()


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))
