"""Budgets as an administrator handles them: create, list with balances, change, archive.

Works within the caller's transaction. After a change the caller tells the
process's keeper (``BudgetKeeper.invalidate``); other processes notice within
``EscrowSettings.refresh``.
"""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.alerts.rule import AlertRule
from billing.budgets import repository
from billing.budgets.definitions import validate_budget
from billing.budgets.periods import review_periods
from billing.budgets.status import BudgetStatus, statuses
from billing.errors import UnknownBudget
from billing.locks import lock_tenants
from billing.models import Budget
from core.clock import Clock
from core.ids import new_id
from core.money import parse_amount

__all__ = ["BudgetService", "BudgetStatus", "find_budget"]

NO_ALERTS = AlertRule()


class BudgetService:
    """Budgets of organisations, tenants, projects, keys and end users.

    An owner is a tenant's name, or ``@`` and an organisation's
    (``billing.budgets.scopes.organisation_owner``).

    Args:
        webhooks: the names that the settings have for alerts.
    """

    def __init__(
        self, clock: Clock, *, currency: str = "USD", webhooks: frozenset[str] = frozenset()
    ) -> None:
        self._clock = clock
        self._currency = currency
        self._webhooks = webhooks

    async def create(
        self,
        session: AsyncSession,
        owner: str,
        *,
        limit: Decimal | str,
        period: str = "month",
        hard: bool = True,
        scope: str = "tenant",
        scope_id: str | None = None,
        alerts: AlertRule = NO_ALERTS,
    ) -> BudgetStatus:
        """A new budget; what its scope has spent in the running period counts.

        Args:
            scope_id: the project or key, or an end user's pseudonym (``*``: one budget
                for each of them); left out for the whole owner.

        Raises:
            InvalidBudget, InvalidAmount: a part makes no sense.
        """
        limit = parse_amount(limit)
        if scope_id is None and scope in ("organisation", "tenant"):
            scope_id = owner.removeprefix("@")
        validate_budget(owner, scope, period, scope_id, limit)
        alerts.require_known(self._webhooks)
        budget = Budget(
            id=new_id("bud"),
            tenant=owner,
            scope=scope,
            scope_id=scope_id,
            period=period,
            hard=hard,
            limit=limit,
            currency=self._currency,
            alerts=alerts.stored,
            created_at=self._clock.now(),
        )
        session.add(budget)
        await session.flush()
        return await self._status(session, budget)

    async def list(self, session: AsyncSession, owner: str) -> list[BudgetStatus]:
        budgets = await repository.active_budgets(session, [owner])
        return await statuses(session, budgets, self._clock.now())

    async def get(self, session: AsyncSession, owner: str, budget_id: str) -> BudgetStatus:
        """Raises ``UnknownBudget``, also for another owner's."""
        return await self._status(session, await find_budget(session, owner, budget_id))

    async def change(
        self,
        session: AsyncSession,
        owner: str,
        budget_id: str,
        *,
        limit: Decimal | str | None = None,
        hard: bool | None = None,
        alerts: AlertRule | None = None,
    ) -> BudgetStatus:
        """A new limit, a new strictness or new alerts (none: ``AlertRule()``), from now on.

        A raised limit holds at once; below what is spent and leased it refuses
        as soon as the leases that are out have come back. Thresholds that the
        spending is beyond already are noted now, each once in a period.
        """
        await lock_tenants(session, [owner])
        budget = await find_budget(session, owner, budget_id)
        if limit is not None:
            budget.limit = parse_amount(limit)
            validate_budget(owner, budget.scope, budget.period, budget.scope_id, budget.limit)
        if hard is not None:
            budget.hard = hard
        if alerts is not None:
            alerts.require_known(self._webhooks)
            budget.alerts = alerts.stored
        await session.flush()
        await review_periods(session, budget, self._clock.now())
        return await self._status(session, budget)

    async def archive(self, session: AsyncSession, owner: str, budget_id: str) -> None:
        """End a budget; its balances stay for the record."""
        await lock_tenants(session, [owner])
        budget = await find_budget(session, owner, budget_id)
        budget.archived_at = self._clock.now()
        await session.flush()

    async def _status(self, session: AsyncSession, budget: Budget) -> BudgetStatus:
        (status,) = await statuses(session, [budget], self._clock.now())
        return status


async def find_budget(session: AsyncSession, owner: str, budget_id: str) -> Budget:
    """Raises ``UnknownBudget``, also for another owner's."""
    query = select(Budget).where(
        Budget.id == budget_id, Budget.tenant == owner, Budget.archived_at.is_(None)
    )
    budget = await session.scalar(query)
    if budget is None:
        kind = "Organisation" if owner.startswith("@") else "Tenant"
        name = owner.removeprefix("@")
        raise UnknownBudget(f"{kind} {name} has no budget {budget_id}; list its budgets.")
    return budget
