"""The check that entries, accounts, usage records, roll-ups, balances and leases agree,
to the digit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from billing.budgets import repository
from billing.invoices.check import invoice_problems
from billing.ledger.accounts import PENDING
from billing.ledger.rebuild import compare_month, months_of_usage
from billing.models import (
    Budget,
    BudgetLease,
    BudgetPeriod,
    LedgerBalance,
    LedgerEntry,
    PriceUnit,
    UsageRecord,
)
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
    problems += await _unequal_accounts(session)
    problems += await _unequal_rollups(session)
    problems += await invoice_problems(session)
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
    closing = aliased(LedgerEntry)
    closed = exists().where(
        closing.request_id == LedgerEntry.request_id, closing.kind.in_(("settle", "release"))
    )
    # As NOT IN it would be quadratic: the closing entries do not fit into work_mem.
    query = select(LedgerEntry.request_id).where(LedgerEntry.kind == "reserve", ~closed)
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
        amount_sum(UsageRecord.surcharge),
        *counts,
        amount_sum(UsageRecord.worker_seconds),
    ).group_by(UsageRecord.price_version)
    problems: list[str] = []
    for row in await session.execute(query):
        version, cost, total, *quantities = tuple(row)
        for name, quantity in zip((*TOKEN_CLASSES, WORKER_SECOND), quantities, strict=True):
            unit = prices.get((version, name))
            if quantity and unit is not None:
                amount = line_amount(Decimal(quantity), unit.price, unit.per)
                total = EXACT.add(total, amount)
        if total != cost:
            problems.append(f"Price version {version}: costs are not quantity * price.")
    return problems


async def _unequal_accounts(session: AsyncSession) -> list[str]:
    """Accounts whose balance is not their debits less their credits, or that do not cancel out."""
    added: dict[tuple[str, str, str], Decimal] = {}
    for column, sign in ((LedgerEntry.debit, Decimal(1)), (LedgerEntry.credit, Decimal(-1))):
        query = (
            select(LedgerEntry.tenant, column, LedgerEntry.currency, amount_sum(LedgerEntry.amount))
            .where(LedgerEntry.kind.not_in(PENDING))
            .group_by(LedgerEntry.tenant, column, LedgerEntry.currency)
        )
        for tenant, account, currency, total in await session.execute(query):
            key = (tenant, account, currency)
            added[key] = EXACT.add(added.get(key, ZERO), EXACT.multiply(sign, total))
    rows = await session.scalars(select(LedgerBalance))
    stored = {(row.tenant, row.account, row.currency): row.balance for row in rows}
    problems = [
        f"Account {account} of tenant {tenant}: its balance in {currency} is not the sum of its "
        "entries."
        for tenant, account, currency in sorted(added.keys() | stored.keys())
        if added.get((tenant, account, currency), ZERO)
        != stored.get((tenant, account, currency), ZERO)
    ]
    for tenant in sorted({key[0] for key in stored}):
        amounts = [balance for key, balance in stored.items() if key[0] == tenant]
        if sum(amounts, ZERO):
            problems.append(f"Tenant {tenant}: its accounts do not cancel out.")
    return problems


async def _unequal_rollups(session: AsyncSession) -> list[str]:
    """Days of tenants with a roll-up that is not the sum of its usage records."""
    return [
        f"Tenant {tenant}: the roll-ups of {day} are not the sums of its usage records."
        for tenant, month in await months_of_usage(session)
        for day in sorted((await compare_month(session, tenant, month)).days)
    ]
