"""What was spent within a budget's scope and period, from sums that are kept anyway.

Periods are made of full UTC days, so roll-ups of days are never cut. The ledger's check
adds up raw entries instead (``billing.ledger.check_budgets``). Expects the owner's lock,
so that no entry slips in between.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import is_charge, of_kind
from billing.models import Budget, LedgerEntry, UsageDay, UsageRecord
from billing.periods import Period
from core.database import amount_sum
from core.money import EXACT, ZERO

_MOST_AT_ONCE = 5000


async def spent_within(session: AsyncSession, budget: Budget, period: Period) -> Decimal:
    """Settled and adjusted: what ``BudgetPeriod.spent`` of this period must be.

    Not for end users' budgets, which have a balance per end user.
    """
    if budget.scope == "organisation":
        return await _of_organisation(session, budget.scope_id, period)
    settled = select(amount_sum(UsageDay.cost)).where(
        UsageDay.tenant == budget.tenant,
        UsageDay.day >= period.starts_at.date(),
        UsageDay.day < period.ends_at.date() if period.ends_at else true(),
    )
    adjusted = select(amount_sum(LedgerEntry.amount)).where(*_adjustments(budget.tenant, period))
    if budget.scope != "tenant":
        name = "project_id" if budget.scope == "project" else "key_id"
        settled = settled.where(getattr(UsageDay, name) == budget.scope_id)
        adjusted = adjusted.join(
            UsageRecord, UsageRecord.request_id == LedgerEntry.reference
        ).where(getattr(UsageRecord, name) == budget.scope_id)
    return EXACT.add(await session.scalar(settled) or ZERO, await session.scalar(adjusted) or ZERO)


async def spent_by_end_users(
    session: AsyncSession, tenant: str, period: Period, end_users: Collection[str]
) -> dict[str, Decimal]:
    """The same by end user of a tenant; zero for who spent nothing."""
    spent = dict.fromkeys(end_users, ZERO)
    names = sorted(spent)
    for first in range(0, len(names), _MOST_AT_ONCE):
        of_these = UsageRecord.end_user.in_(names[first : first + _MOST_AT_ONCE])
        settled = select(UsageRecord.end_user, amount_sum(UsageRecord.cost)).where(
            UsageRecord.tenant == tenant, of_these, *_within(UsageRecord.at, period)
        )
        adjusted = (
            select(UsageRecord.end_user, amount_sum(LedgerEntry.amount))
            .join(LedgerEntry, LedgerEntry.reference == UsageRecord.request_id)
            .where(UsageRecord.tenant == tenant, of_these, *_adjustments(tenant, period))
        )
        for query in (settled, adjusted):
            for name, amount in await session.execute(query.group_by(UsageRecord.end_user)):
                if name is not None:
                    spent[name] = EXACT.add(spent[name], amount)
    return spent


async def _of_organisation(session: AsyncSession, organisation: str, period: Period) -> Decimal:
    query = select(amount_sum(LedgerEntry.amount)).where(
        LedgerEntry.organisation == organisation,
        is_charge(),
        *_within(LedgerEntry.at, period),
    )
    return await session.scalar(query) or ZERO


def _adjustments(tenant: str, period: Period) -> tuple[ColumnElement[bool], ...]:
    return (
        of_kind("adjustment"),
        LedgerEntry.tenant == tenant,
        *_within(LedgerEntry.at, period),
    )


def _days(period: Period) -> tuple[ColumnElement[bool], ...]:
    day = UsageDay.day
    ends = day < period.ends_at.date() if period.ends_at else true()
    return day >= period.starts_at.date(), ends


def _within(column: Any, period: Period) -> tuple[ColumnElement[bool], ...]:
    return (
        column >= period.starts_at,
        column < period.ends_at if period.ends_at else true(),
    )
