"""Raises: money on top of a limit until an instant, with an author.

The effective limit of a budget is its limit and the raises that are active. A lease
that was granted under a raise expires with it (``Raised.until``), so that the raise
ends at its instant and not a heartbeat later.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import BudgetRaise
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount


@dataclass(frozen=True, slots=True)
class Raised:
    """The active raises of a budget added up; ``until``: when the first of them ends."""

    amount: Decimal = ZERO
    until: datetime | None = None

    def lend_until(self, at: datetime) -> datetime:
        """The earlier of an instant and the end of a raise."""
        return at if self.until is None else min(at, self.until)


NOT_RAISED = Raised()


@dataclass(frozen=True, slots=True)
class RaiseView:
    """A raise as administrators see it: ``scheduled``, ``active``, ``expired`` or ``revoked``."""

    id: str
    budget_id: str
    amount: Decimal
    starts_at: datetime
    expires_at: datetime
    author: str
    reason: str | None
    created_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    status: str

    @classmethod
    def of(cls, row: BudgetRaise, now: datetime) -> "RaiseView":
        return cls(
            id=row.id,
            budget_id=row.budget_id,
            amount=row.amount,
            starts_at=row.starts_at,
            expires_at=row.expires_at,
            author=row.author,
            reason=row.reason,
            created_at=row.created_at,
            revoked_at=row.revoked_at,
            revoked_by=row.revoked_by,
            status=_status(row, now),
        )

    def to_json(self) -> dict[str, Any]:
        names = ("id", "budget_id", "author", "reason", "revoked_by", "status")
        body: dict[str, Any] = {name: getattr(self, name) for name in names}
        body["amount"] = format_amount(self.amount)
        for name in ("starts_at", "expires_at", "created_at", "revoked_at"):
            instant = getattr(self, name)
            body[name] = isoformat(instant) if instant else None
        return body


async def active_raises(
    session: AsyncSession, budget_ids: Collection[str], at: datetime
) -> Mapping[str, Raised]:
    """The raises of an instant by budget; a budget without any is missing."""
    if not budget_ids:
        return {}
    query = select(BudgetRaise.budget_id, BudgetRaise.amount, BudgetRaise.expires_at).where(
        BudgetRaise.budget_id.in_(budget_ids),
        BudgetRaise.starts_at <= at,
        BudgetRaise.expires_at > at,
        BudgetRaise.revoked_at.is_(None),
    )
    found: dict[str, Raised] = {}
    for budget_id, amount, expires_at in await session.execute(query):
        known = found.get(budget_id, NOT_RAISED)
        found[budget_id] = Raised(EXACT.add(known.amount, amount), known.lend_until(expires_at))
    return found


async def raises_of(session: AsyncSession, budget_ids: Collection[str]) -> list[BudgetRaise]:
    """All there ever were, the newest first."""
    query = select(BudgetRaise).where(BudgetRaise.budget_id.in_(budget_ids))
    return list(await session.scalars(query.order_by(BudgetRaise.id.desc())))


async def raises_by_budget(session: AsyncSession) -> dict[str, list[BudgetRaise]]:
    """All there ever were."""
    found: dict[str, list[BudgetRaise]] = {}
    for row in await session.scalars(select(BudgetRaise).order_by(BudgetRaise.id)):
        found.setdefault(row.budget_id, []).append(row)
    return found


def peak(raises: Iterable[BudgetRaise], start: datetime, end: datetime | None) -> Decimal:
    """The most that was on top of the limit at one instant of ``[start, end)``."""
    spans = [(row.starts_at, _ended(row), row.amount) for row in raises]
    most = ZERO
    for instant in {max(begin, start) for begin, _, _ in spans}:
        if end is not None and instant >= end:
            continue
        total = ZERO
        for begin, stop, amount in spans:
            if begin <= instant < stop:
                total = EXACT.add(total, amount)
        most = max(most, total)
    return most


def _ended(row: BudgetRaise) -> datetime:
    return row.expires_at if row.revoked_at is None else min(row.expires_at, row.revoked_at)


def _status(row: BudgetRaise, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if now >= row.expires_at:
        return "expired"
    return "active" if now >= row.starts_at else "scheduled"
