"""Budgets, their balances, what processes have leased of them, raises and alerts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Amount, Base, UtcDateTime


class Budget(Base):
    """How much an organisation, tenant, project, key or end user may spend per period.

    ``tenant`` of an organisation's budget is ``@`` and the organisation's name.
    ``scope_id`` ``*`` of an end user's budget bounds each end user on their own.
    ``alerts``: ``{thresholds: [percent], webhooks: [name], emails: [address]}``.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint(
            "scope IN ('organisation', 'tenant', 'project', 'key', 'end_user')", name="scope"
        ),
        CheckConstraint("period IN ('day', 'month', 'total')", name="period"),
        Index(None, "tenant"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(12))
    scope_id: Mapped[str] = mapped_column(String(64))
    period: Mapped[str] = mapped_column(String(8))
    hard: Mapped[bool]
    limit: Mapped[Decimal] = mapped_column("limit_amount", Amount)
    currency: Mapped[str] = mapped_column(String(3))
    alerts: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BudgetPeriod(Base):
    """The balance of a budget in one period; ``id`` is ``<budget id>/<label>[/<end user>]``."""

    __tablename__ = "budget_periods"
    __table_args__ = (Index(None, "budget_id"),)

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id"))
    end_user: Mapped[str | None] = mapped_column(String(64))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    spent: Mapped[Decimal] = mapped_column(Amount)
    leased: Mapped[Decimal] = mapped_column(Amount)
    over_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recalled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BudgetLease(Base):
    """Money of a period that one process may spend without asking."""

    __tablename__ = "budget_leases"
    __table_args__ = (Index(None, "period_id"), Index(None, "holder"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    period_id: Mapped[str] = mapped_column(ForeignKey("budget_periods.id"))
    holder: Mapped[str] = mapped_column(String(128))
    amount: Mapped[Decimal] = mapped_column(Amount)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    serial: Mapped[int]


class BudgetRaise(Base):
    """Money on top of a budget's limit until an instant, with its author."""

    __tablename__ = "budget_raises"
    __table_args__ = (Index(None, "budget_id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id"))
    amount: Mapped[Decimal] = mapped_column(Amount)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(64))


class BudgetAlert(Base):
    """A threshold (percent of the limit) that a period's spending has reached, once.

    ``delivered`` names the targets that have it, so that a retry asks only the others.
    """

    __tablename__ = "budget_alerts"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'sent', 'failed')", name="status"),
        UniqueConstraint("period_id", "threshold"),
        Index(None, "tenant", "at"),
        Index(None, "status", "next_attempt_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id"))
    period_id: Mapped[str] = mapped_column(ForeignKey("budget_periods.id"))
    threshold: Mapped[int]
    spent: Mapped[Decimal] = mapped_column(Amount)
    limit: Mapped[Decimal] = mapped_column("limit_amount", Amount)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error_code: Mapped[str | None] = mapped_column(String(60))
    delivered: Mapped[list[str]] = mapped_column(JSON, default=list)
