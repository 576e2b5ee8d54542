"""The check that entries, usage records, balances and leases agree, to the digit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.models import Budget, BudgetLease, BudgetPeriod, LedgerEntry, PriceUnit, UsageRecord
from billing.periods import Period
from billing.prices import line_amount
from billing.reading import snapshot
from billing.usage import TOKEN_CLASSES, WORKER_SECOND
from core.database import Database, amount_sum
from core.money import EXACT, ZERO, format_amount


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """One budget period: what it says and what the entries and leases add up to."""

    period_id: str
    tenant: str
    hard: bool
    limit: Decimal
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
        return self.hard and EXACT.add(self.spent, self.leased) > self.limit

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"period_id": self.period_id, "tenant": self.tenant}
        for name in ("limit", "spent", "entries", "leased", "leases"):
            body[name] = format_amount(getattr(self, name))
        return body | {"hard": self.hard, "ok": self.ok, "passed": self.passed}


@dataclass(frozen=True, slots=True)
class CheckReport:
    """``ok`` when nothing disagrees; ``problems`` are sentences."""

    budgets: list[BudgetCheck]
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        budgets = [budget.to_json() for budget in self.budgets]
        return {"ok": self.ok, "problems": self.problems, "budgets": budgets}


async def run_check(database: Database) -> CheckReport:
    """``check`` in one consistent view of the database, while others write."""
    async with snapshot(database) as session:
        return await check(session)


async def check(session: AsyncSession) -> CheckReport:
    """Compare every balance with the sum of its entries; reads only."""
    budgets = [await _check_period(session, *row) for row in await _periods(session)]
    problems = [_problem(budget) for budget in budgets if not budget.ok]
    problems += await _unclosed(session)
    problems += await _unequal_records(session)
    problems += await _unequal_lines(session)
    return CheckReport(budgets, problems)


async def _periods(session: AsyncSession) -> Sequence[tuple[Budget, BudgetPeriod]]:
    query = select(Budget, BudgetPeriod).join(BudgetPeriod).order_by(BudgetPeriod.id)
    return [(budget, period) for budget, period in await session.execute(query)]


async def _check_period(session: AsyncSession, budget: Budget, row: BudgetPeriod) -> BudgetCheck:
    leases = select(amount_sum(BudgetLease.amount)).where(BudgetLease.period_id == row.id)
    period = Period(row.id, row.starts_at, row.ends_at)
    return BudgetCheck(
        period_id=row.id,
        tenant=budget.tenant,
        hard=budget.hard,
        limit=budget.limit,
        spent=row.spent,
        entries=await repository.spent_within(session, budget, period),
        leased=row.leased,
        leases=await session.scalar(leases) or ZERO,
    )


def _problem(budget: BudgetCheck) -> str:
    return (
        f"Budget period {budget.period_id}: spent {format_amount(budget.spent)} against entries of "
        f"{format_amount(budget.entries)}, leased {format_amount(budget.leased)} against leases of "
        f"{format_amount(budget.leases)}."
    )


async def _unclosed(session: AsyncSession) -> list[str]:
    """Reservations without a settle or release; they are written together, so there are none."""
    closing = select(LedgerEntry.request_id).where(LedgerEntry.kind.in_(("settle", "release")))
    query = select(LedgerEntry.request_id).where(
        LedgerEntry.kind == "reserve", LedgerEntry.request_id.not_in(closing)
    )
    return [
        f"Request {found} has a reservation that is not closed."
        for found in await session.scalars(query)
    ]


async def _unequal_records(session: AsyncSession) -> list[str]:
    """Tenants whose usage records do not cost what their settle entries say."""
    entries = await _sums(
        session,
        select(LedgerEntry.tenant, amount_sum(LedgerEntry.amount), func.count())
        .where(LedgerEntry.kind == "settle")
        .group_by(LedgerEntry.tenant),
    )
    records = await _sums(
        session,
        select(UsageRecord.tenant, amount_sum(UsageRecord.cost), func.count()).group_by(
            UsageRecord.tenant
        ),
    )
    return [
        f"Tenant {tenant}: usage records and settle entries disagree."
        for tenant in sorted(entries.keys() | records.keys())
        if entries.get(tenant) != records.get(tenant)
    ]


async def _sums(session: AsyncSession, query: Any) -> dict[str, tuple[Decimal, int]]:
    rows = [tuple(row) for row in await session.execute(query)]
    return {tenant: (total, count) for tenant, total, count in rows}


async def _unequal_lines(session: AsyncSession) -> list[str]:
    """Price versions under which quantities times prices are not the costs."""
    prices = {
        (unit.price_version, unit.token_class): unit
        for unit in await session.scalars(select(PriceUnit))
    }
    counts = [func.sum(getattr(UsageRecord, f"{name}_tokens")) for name in TOKEN_CLASSES]
    query = select(
        UsageRecord.price_version,
        amount_sum(UsageRecord.cost),
        *counts,
        amount_sum(UsageRecord.worker_seconds),
    ).group_by(UsageRecord.price_version)
    problems: list[str] = []
    for row in await session.execute(query):
        version, cost, *quantities = tuple(row)
        total = ZERO
        for name, quantity in zip((*TOKEN_CLASSES, WORKER_SECOND), quantities, strict=True):
            unit = prices.get((version, name))
            if quantity and unit is not None:
                amount = line_amount(Decimal(quantity), unit.price, unit.per)
                total = EXACT.add(total, amount)
        if total != cost:
            problems.append(f"Price version {version}: costs are not quantity * price.")
    return problems
