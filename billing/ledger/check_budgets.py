"""The part of the check that concerns budgets: balances against raw entries and leases.

Adds up ledger entries, never the roll-ups and records that balances are opened from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, null, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets.raises import peak, raises_by_budget
from billing.models import Budget, BudgetLease, BudgetPeriod, BudgetRaise, LedgerEntry, UsageRecord
from core.database import amount_sum
from core.money import EXACT, ZERO, format_amount


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """One budget period: what it says and what the entries and leases add up to.

    ``tenant`` is the budget's owner; ``raised`` is the most that raises put on top of
    the limit at one time of the period.
    """

    period_id: str
    tenant: str
    hard: bool
    limit: Decimal
    raised: Decimal
    spent: Decimal
    entries: Decimal
    leased: Decimal
    leases: Decimal

    @property
    def ok(self) -> bool:
        return self.spent == self.entries and self.leased == self.leases

    @property
    def passed(self) -> bool:
        """More is out than the limit: a limit was lowered, or a cost passed its reservation."""
        limit = EXACT.add(self.limit, self.raised)
        return self.hard and EXACT.add(self.spent, self.leased) > limit

    @property
    def problem(self) -> str:
        return (
            f"Budget period {self.period_id}: spent {format_amount(self.spent)} against entries of "
            f"{format_amount(self.entries)}, leased {format_amount(self.leased)} against leases of "
            f"{format_amount(self.leases)}."
        )

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"period_id": self.period_id, "tenant": self.tenant}
        for name in ("limit", "raised", "spent", "entries", "leased", "leases"):
            body[name] = format_amount(getattr(self, name))
        return body | {"hard": self.hard, "ok": self.ok, "passed": self.passed}


async def check_budgets(session: AsyncSession) -> list[BudgetCheck]:
    """Every period of every budget."""
    query = select(Budget, BudgetPeriod).join(BudgetPeriod).order_by(BudgetPeriod.id)
    groups: dict[tuple[str, datetime], list[tuple[Budget, BudgetPeriod]]] = {}
    for budget, period in await session.execute(query):
        groups.setdefault((budget.id, period.starts_at), []).append((budget, period))
    leases = await _leases(session)
    raises = await raises_by_budget(session)
    found: list[BudgetCheck] = []
    for rows in groups.values():
        entries = await _entries(session, *rows[0])
        found += [_check(budget, period, entries, leases, raises) for budget, period in rows]
    return sorted(found, key=lambda one: one.period_id)


def _check(
    budget: Budget,
    row: BudgetPeriod,
    entries: Mapping[str | None, Decimal],
    leases: Mapping[str, Decimal],
    raises: Mapping[str, Sequence[BudgetRaise]],
) -> BudgetCheck:
    return BudgetCheck(
        period_id=row.id,
        tenant=budget.tenant,
        hard=budget.hard,
        limit=budget.limit,
        raised=peak(raises.get(budget.id, ()), row.starts_at, row.ends_at),
        spent=row.spent,
        entries=entries.get(row.end_user, ZERO),
        leased=row.leased,
        leases=leases.get(row.id, ZERO),
    )


async def _leases(session: AsyncSession) -> dict[str, Decimal]:
    query = select(BudgetLease.period_id, amount_sum(BudgetLease.amount))
    rows = await session.execute(query.group_by(BudgetLease.period_id))
    return {row[0]: row[1] for row in rows}


async def _entries(
    session: AsyncSession, budget: Budget, row: BudgetPeriod
) -> dict[str | None, Decimal]:
    """The sums of the entries of one budget and period: by end user, or under ``None``."""
    sums: dict[str | None, Decimal] = {}
    for kind, request in (
        ("settle", LedgerEntry.request_id),
        ("adjustment", LedgerEntry.reference),
    ):
        query = _sums(budget, request).where(
            LedgerEntry.kind == kind,
            LedgerEntry.at >= row.starts_at,
            LedgerEntry.at < row.ends_at if row.ends_at else true(),
        )
        for end_user, total in await session.execute(query):
            if total is not None:
                sums[end_user] = EXACT.add(sums.get(end_user, ZERO), total)
    return sums


def _sums(budget: Budget, request: Any) -> Select[str | None, Decimal]:
    nobody: Any = null()
    total = amount_sum(LedgerEntry.amount)
    if budget.scope == "organisation":
        return select(nobody, total).where(LedgerEntry.organisation == budget.scope_id)
    if budget.scope == "tenant":
        return select(nobody, total).where(LedgerEntry.tenant == budget.tenant)
    named: dict[str, ColumnElement[bool]] = {
        "project": UsageRecord.project_id == budget.scope_id,
        "key": UsageRecord.key_id == budget.scope_id,
        "end_user": UsageRecord.end_user.is_not(None),
    }
    query = (
        select(UsageRecord.end_user if budget.scope == "end_user" else nobody, total)
        .join(UsageRecord, UsageRecord.request_id == request)
        .where(LedgerEntry.tenant == budget.tenant, named[budget.scope])
    )
    return query.group_by(UsageRecord.end_user) if budget.scope == "end_user" else query
