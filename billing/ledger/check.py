"""The check that entries, accounts, usage records, roll-ups, balances and leases agree,
to the digit."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from billing.invoices.check import invoice_problems
from billing.ledger.accounts import PENDING
from billing.ledger.check_budgets import BudgetCheck, check_budgets
from billing.ledger.rollup_check import unequal_days
from billing.models import LedgerBalance, LedgerEntry, PriceUnit, UsageRecord
from billing.prices import line_amount
from billing.reading import snapshot
from billing.usage import TOKEN_CLASSES, WORKER_SECOND
from core.database import Database, amount_sum
from core.money import EXACT, ZERO


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
    budgets = await check_budgets(session)
    problems = [budget.problem for budget in budgets if not budget.ok]
    problems += await _unclosed(session)
    problems += await _unequal_records(session)
    problems += await _unequal_lines(session)
    problems += await _unequal_accounts(session)
    problems += await _unequal_rollups(session)
    problems += await invoice_problems(session)
    return CheckReport(budgets, problems)


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
    return [
        f"Tenant {tenant}: the roll-ups of {day} are not the sums of its usage records."
        for tenant, day in await unequal_days(session)
    ]
