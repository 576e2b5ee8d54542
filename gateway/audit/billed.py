"""Every request that an upstream saw against the ledger: nothing unbilled, nothing unseen.

The audit trail knows whom each request reached and what was charged for it; the
ledger knows what was settled. Billing cannot know the trail, so they meet here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, cast, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageRecord
from billing.reports.proofs import Proof
from billing.reports.reconciliation import ReconciliationReport
from billing.reports.table import Column, ColumnKind, Table
from core.clock import isoformat
from core.database import Amount, amount_sum
from core.money import ZERO
from gateway.audit.models import AuditRecord

LIMIT = 1000
# How long after its start a record may join the trail and still be looked for.
_LATE = timedelta(days=7)
_TRAIL, _LEDGER = "audit trail", "usage records"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Requests that one side alone knows: how many, and the first of them."""

    count: int
    requests: list[tuple[str, datetime, str | None, str]]  # id, at, upstream, outcome


@dataclass(frozen=True, slots=True)
class SeenByUpstreams:
    """Requests of a span that the trail says an upstream saw.

    Args:
        billed: those that the ledger has settled, with their costs on both sides.
        free: those that were not charged for: the upstream failed before it answered.
        lost: those that the trail has a cost of and the ledger does not: none may be.
        unseen: settled requests without a record of an upstream: none may be.
    """

    billed: int
    trail_cost: Decimal
    ledger_cost: Decimal
    free: Unmatched
    lost: Unmatched
    unseen: Unmatched

    def proofs(self) -> list[Proof]:
        """That every request is on both sides, at the same cost."""
        in_trail = Decimal(self.billed + self.lost.count)
        in_ledger = Decimal(self.billed + self.unseen.count)
        return [
            Proof("requests charged for", _TRAIL, in_trail, _LEDGER, in_ledger),
            Proof("cost of those in both", _TRAIL, self.trail_cost, _LEDGER, self.ledger_cost),
        ]

    def table(self) -> Table:
        columns = [
            Column("finding"),
            Column("request_id"),
            Column("at", ColumnKind.INSTANT),
            Column("upstream"),
            Column("outcome"),
        ]
        sides = {"lost": self.lost, "unseen": self.unseen, "not charged": self.free}
        rows = [[name, *row] for name, side in sides.items() for row in side.requests]
        facts = {f"requests_{name}": str(side.count) for name, side in sides.items()}
        return Table("upstreams", columns, rows, facts | {"requests_billed": str(self.billed)})


async def seen_by_upstreams(
    session: AsyncSession, tenant: str | None, start: datetime, end: datetime, *, limit: int = LIMIT
) -> SeenByUpstreams:
    """Compare trail and ledger of ``[start, end)``, a request dated as its settlement.

    Args:
        tenant: ``None`` for all of them.
        limit: of each list of requests.
    """
    trail = _Trail(session, tenant, start, end)
    billed, ledger_cost, trail_cost = await trail.billed()
    return SeenByUpstreams(
        billed,
        trail_cost,
        ledger_cost,
        free=await trail.unsettled(limit, priced=False),
        lost=await trail.unsettled(limit, priced=True),
        unseen=await trail.unseen(limit),
    )


async def with_trail(
    session: AsyncSession, report: ReconciliationReport, *, limit: int = LIMIT
) -> ReconciliationReport:
    """The sheet with what the audit trail knows beside it."""
    seen = await seen_by_upstreams(session, report.tenant, report.start, report.end, limit=limit)
    return report.plus(seen.proofs(), seen.table())


class _Trail:
    """The queries over one tenant and span."""

    def __init__(
        self, session: AsyncSession, tenant: str | None, start: datetime, end: datetime
    ) -> None:
        self._session = session
        self._start, self._end = start, end
        self._tenant = tenant
        self._upstream = self._field("upstream")
        self._cost = self._field("cost")
        self._cache = self._field("cache")
        self._started = self._field("started_at")
        self._same = and_(
            UsageRecord.request_id == AuditRecord.request_id,
            UsageRecord.tenant == AuditRecord.tenant,
        )

    async def billed(self) -> tuple[int, Decimal, Decimal]:
        """Requests on both sides, and their costs in the ledger and in the trail."""
        query = (
            select(func.count(), amount_sum(UsageRecord.cost), amount_sum(cast(self._cost, Amount)))
            .join(UsageRecord, self._same)
            .where(*self._seen(), *self._dated())
        )
        count, ledger, trail = (await self._session.execute(query)).one()
        return int(count), ledger or ZERO, trail or ZERO

    async def unsettled(self, limit: int, *, priced: bool) -> Unmatched:
        """In the trail and not in the ledger."""
        within = [
            *self._seen(),
            UsageRecord.request_id.is_(None),
            self._started >= isoformat(self._start),
            self._started < isoformat(self._end),
            self._cost.is_not(None) if priced else self._cost.is_(None),
        ]
        joined = select(func.count()).outerjoin(UsageRecord, self._same).where(*within)
        columns = (AuditRecord.request_id, self._started, self._upstream, self._field("outcome"))
        listed = select(*columns).outerjoin(UsageRecord, self._same).where(*within)
        listed = listed.order_by(AuditRecord.tenant, AuditRecord.seq).limit(limit)
        rows = await self._session.execute(listed)
        count = await self._session.scalar(joined.select_from(AuditRecord))
        return Unmatched(
            int(count or 0),
            [(name, datetime.fromisoformat(at), by, outcome) for name, at, by, outcome in rows],
        )

    async def unseen(self, limit: int) -> Unmatched:
        """In the ledger, and in the trail not at all, or with neither upstream nor cache."""
        known = (
            select(AuditRecord.seq)
            .where(
                AuditRecord.tenant == UsageRecord.tenant,
                AuditRecord.request_id == UsageRecord.request_id,
                self._was_served(),
            )
            .exists()
        )
        within = [*self._dated(), ~known]
        count = await self._session.scalar(
            select(func.count(UsageRecord.request_id)).where(*within)
        )
        columns = (UsageRecord.request_id, UsageRecord.at, UsageRecord.upstream, UsageRecord.ended)
        listed = select(*columns).where(*within).order_by(UsageRecord.at, UsageRecord.request_id)
        found = await self._session.execute(listed.limit(limit))
        return Unmatched(int(count or 0), [(row[0], row[1], row[2], row[3]) for row in found])

    def _seen(self) -> Sequence[ColumnElement[bool]]:
        """Records of requests that an upstream or the cache answered, which joined in time."""
        conditions: list[ColumnElement[bool]] = [
            AuditRecord.kind == "request",
            AuditRecord.time >= self._start,
            AuditRecord.time < self._end + _LATE,
            self._was_served(),
        ]
        return conditions if self._tenant is None else [*conditions, self._of(AuditRecord.tenant)]

    def _was_served(self) -> ColumnElement[bool]:
        return or_(self._upstream.is_not(None), self._cache.is_not(None))

    def _dated(self) -> Sequence[ColumnElement[bool]]:
        """Settlements of the span."""
        conditions = [UsageRecord.at >= self._start, UsageRecord.at < self._end]
        return conditions if self._tenant is None else [*conditions, self._of(UsageRecord.tenant)]

    def _of(self, column: Any) -> ColumnElement[bool]:
        return column == self._tenant

    def _field(self, name: str) -> ColumnElement[Any]:
        """A field of the record's JSON text."""
        if self._session.get_bind().dialect.name == "postgresql":
            return cast(AuditRecord.body, JSONB)[name].astext
        return type_coerce(AuditRecord.body, JSON)[name].as_string()
