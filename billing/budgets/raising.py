"""Temporary raises as an administrator handles them: give, list, revoke.

Works within the caller's transaction, like ``BudgetService``. Nothing has to be told to
the keeper: whoever leases looks at the raises then. A revoked raise is noticed by the
next heartbeat, which returns what is leased beyond the limit.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets.periods import review_periods
from billing.budgets.raises import RaiseView, raises_of
from billing.budgets.service import find_budget
from billing.errors import InvalidBudget, UnknownRaise
from billing.locks import lock_tenants
from billing.models import BudgetRaise
from core.clock import Clock
from core.ids import new_id
from core.money import parse_amount

_MOST_CHARACTERS = 200


class RaiseService:
    """Raises of the budgets of tenants and organisations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def give(
        self,
        session: AsyncSession,
        owner: str,
        budget_id: str,
        *,
        amount: Decimal | str,
        expires_at: datetime,
        author: str,
        starts_at: datetime | None = None,
        reason: str | None = None,
    ) -> RaiseView:
        """Add to a budget's limit until an instant; raises add up.

        Args:
            starts_at: ``None``: now. What was in force before now cannot be changed.

        Raises:
            UnknownBudget: the owner has no such budget.
            InvalidBudget, InvalidAmount: not positive, or an expiry that has passed.
        """
        await lock_tenants(session, [owner])
        budget = await find_budget(session, owner, budget_id)
        amount, now = parse_amount(amount), self._clock.now()
        starts_at = max(starts_at or now, now)
        _check(amount, starts_at, expires_at, reason)
        row = BudgetRaise(
            id=new_id("rai"),
            budget_id=budget.id,
            amount=amount,
            starts_at=starts_at,
            expires_at=expires_at,
            author=author,
            reason=reason,
            created_at=now,
        )
        session.add(row)
        await session.flush()
        return RaiseView.of(row, now)

    async def list(self, session: AsyncSession, owner: str, budget_id: str) -> list[RaiseView]:
        """All raises of a budget, the newest first. Raises ``UnknownBudget``."""
        budget = await find_budget(session, owner, budget_id)
        now = self._clock.now()
        return [RaiseView.of(row, now) for row in await raises_of(session, [budget.id])]

    async def revoke(
        self, session: AsyncSession, owner: str, budget_id: str, raise_id: str, *, author: str
    ) -> RaiseView:
        """End a raise now; one that has ended stays as it is.

        Raises:
            UnknownBudget, UnknownRaise
        """
        await lock_tenants(session, [owner])
        budget = await find_budget(session, owner, budget_id)
        query = select(BudgetRaise).where(
            BudgetRaise.id == raise_id, BudgetRaise.budget_id == budget.id
        )
        row = await session.scalar(query)
        if row is None:
            raise UnknownRaise(f"Budget {budget_id} has no raise {raise_id}; list its raises.")
        now = self._clock.now()
        if row.revoked_at is None and now < row.expires_at:
            row.revoked_at, row.revoked_by = now, author
            await session.flush()
            await review_periods(session, budget, now)
        return RaiseView.of(row, now)


def _check(amount: Decimal, starts_at: datetime, expires_at: datetime, reason: str | None) -> None:
    if amount <= 0:
        raise InvalidBudget("A raise is more than nothing.", param="amount")
    if expires_at <= starts_at:
        raise InvalidBudget("A raise expires after it starts, and after now.", param="expires_at")
    if reason is not None and len(reason) > _MOST_CHARACTERS:
        raise InvalidBudget(f"A reason has at most {_MOST_CHARACTERS} characters.", param="reason")
