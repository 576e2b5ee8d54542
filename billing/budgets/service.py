"""Budgets as an administrator handles them: create, list with balances, change, archive.

Works within the caller's transaction. After a change the caller tells the
process's keeper (``BudgetKeeper.invalidate``); other processes notice within
``EscrowSettings.refresh``.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.budgets.definitions import validate_budget
from billing.errors import UnknownBudget
from billing.locks import lock_tenants
from billing.models import Budget, BudgetPeriod
from billing.periods import PeriodKind, period_at
from core.clock import Clock, isoformat
from core.ids import new_id
from core.money import EXACT, ZERO, format_amount, parse_amount


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget and its balance in the present period. ``over``: nothing is left."""

    id: str
    tenant: str
    scope: str
    scope_id: str
    period: str
    hard: bool
    limit: Decimal
    currency: str
    spent: Decimal
    leased: Decimal
    starts_at: datetime
    resets_at: datetime | None

    @property
    def remaining(self) -> Decimal:
        """Not yet spent; below zero where a soft budget was passed."""
        return EXACT.subtract(self.limit, self.spent)

    @property
    def over(self) -> bool:
        return self.spent >= self.limit

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("id", "tenant", "scope", "scope_id", "period", "hard", "currency", "over")
        }
        for name in ("limit", "spent", "leased", "remaining"):
            body[name] = format_amount(getattr(self, name))
        body["starts_at"] = isoformat(self.starts_at)
        body["resets_at"] = isoformat(self.resets_at) if self.resets_at else None
        return body


class BudgetService:
    """Budgets of tenants, projects and keys."""

    def __init__(self, clock: Clock, *, currency: str = "USD") -> None:
        self._clock = clock
        self._currency = currency

    async def create(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        limit: Decimal | str,
        period: str = "month",
        hard: bool = True,
        scope: str = "tenant",
        scope_id: str | None = None,
    ) -> BudgetStatus:
        """A new budget; what its scope has spent in the running period counts.

        Raises:
            InvalidBudget, InvalidAmount: a part makes no sense.
        """
        limit = parse_amount(limit)
        validate_budget(scope, period, scope_id if scope_id or scope != "tenant" else tenant, limit)
        budget = Budget(
            id=new_id("bud"),
            tenant=tenant,
            scope=scope,
            scope_id=scope_id or tenant,
            period=period,
            hard=hard,
            limit=limit,
            currency=self._currency,
            created_at=self._clock.now(),
        )
        session.add(budget)
        await session.flush()
        return await self._status(session, budget)

    async def list(self, session: AsyncSession, tenant: str) -> list[BudgetStatus]:
        budgets = await repository.active_budgets(session, [tenant])
        return [await self._status(session, budget) for budget in budgets]

    async def get(self, session: AsyncSession, tenant: str, budget_id: str) -> BudgetStatus:
        """Raises ``UnknownBudget``, also for another tenant's."""
        return await self._status(session, await self._find(session, tenant, budget_id))

    async def change(
        self,
        session: AsyncSession,
        tenant: str,
        budget_id: str,
        *,
        limit: Decimal | str | None = None,
        hard: bool | None = None,
    ) -> BudgetStatus:
        """A new limit or a new strictness, from now on.

        A raised limit holds at once; below what is spent and leased it refuses
        as soon as the leases that are out have come back.
        """
        await lock_tenants(session, [tenant])
        budget = await self._find(session, tenant, budget_id)
        if limit is not None:
            budget.limit = parse_amount(limit)
            validate_budget(budget.scope, budget.period, budget.scope_id, budget.limit)
        if hard is not None:
            budget.hard = hard
        await session.flush()
        return await self._status(session, budget)

    async def archive(self, session: AsyncSession, tenant: str, budget_id: str) -> None:
        """End a budget; its balances stay for the record."""
        await lock_tenants(session, [tenant])
        budget = await self._find(session, tenant, budget_id)
        budget.archived_at = self._clock.now()
        await session.flush()

    async def _find(self, session: AsyncSession, tenant: str, budget_id: str) -> Budget:
        query = select(Budget).where(
            Budget.id == budget_id, Budget.tenant == tenant, Budget.archived_at.is_(None)
        )
        budget = await session.scalar(query)
        if budget is None:
            raise UnknownBudget(f"Tenant {tenant} has no budget {budget_id}; list its budgets.")
        return budget

    async def _status(self, session: AsyncSession, budget: Budget) -> BudgetStatus:
        period = period_at(PeriodKind(budget.period), self._clock.now())
        row = await session.get(BudgetPeriod, repository.period_id(budget.id, period))
        spent = row.spent if row else await repository.spent_within(session, budget, period)
        return BudgetStatus(
            id=budget.id,
            tenant=budget.tenant,
            scope=budget.scope,
            scope_id=budget.scope_id,
            period=budget.period,
            hard=budget.hard,
            limit=budget.limit,
            currency=budget.currency,
            spent=spent,
            leased=row.leased if row else ZERO,
            starts_at=period.starts_at,
            resets_at=period.ends_at,
        )
