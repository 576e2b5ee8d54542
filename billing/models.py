"""Tables of money: budgets, ledger, usage records, prices that were used, jobs.

``ledger_entries`` is append-only, enforced by triggers (``append_only_ddl``).
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Amount, Base, UtcDateTime

# SQLite numbers rows by itself only where the type is exactly INTEGER.
_Sequence = BigInteger().with_variant(Integer, "sqlite")


def _unique_where(name: str, condition: str, *columns: str) -> Index:
    where = text(condition)
    name = f"uq_ledger_entries_{name}"
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


class Budget(Base):
    """How much a tenant, project or key may spend per period."""

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("scope IN ('tenant', 'project', 'key')", name="scope"),
        CheckConstraint("period IN ('day', 'month', 'total')", name="period"),
        Index(None, "tenant"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(8))
    scope_id: Mapped[str] = mapped_column(String(64))
    period: Mapped[str] = mapped_column(String(8))
    hard: Mapped[bool]
    limit: Mapped[Decimal] = mapped_column("limit_amount", Amount)
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BudgetPeriod(Base):
    """The balance of a budget in one period; ``id`` is ``<budget id>/<label>``."""

    __tablename__ = "budget_periods"
    __table_args__ = (Index(None, "budget_id"),)

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id"))
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


class LedgerEntry(Base):
    """One movement of money; never changed, never deleted.

    A ``settle`` or a ``release`` closes a request and there is exactly one.
    An ``adjustment`` has an id of its own and names its request in ``reference``.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("kind IN ('reserve', 'settle', 'release', 'adjustment')", name="kind"),
        # Together they make (request_id, kind) unique, and the closing entry the only one.
        _unique_where("closing", "kind IN ('settle', 'release')", "request_id"),
        _unique_where("opening", "kind IN ('reserve', 'adjustment')", "request_id", "kind"),
        Index(None, "tenant", "at"),
    )

    id: Mapped[int] = mapped_column(_Sequence, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(10))
    tenant: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(String(3))
    reference: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(200))
    author: Mapped[str | None] = mapped_column(String(64))


class UsageRecord(Base):
    """What one settled request consumed and what it cost."""

    __tablename__ = "usage_records"
    __table_args__ = (Index(None, "tenant", "at"),)

    request_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(Date)
    project_id: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(40))
    end_user: Mapped[str | None] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    tier: Mapped[str | None] = mapped_column(String(40))
    upstream: Mapped[str | None] = mapped_column(String(100))
    zone: Mapped[str | None] = mapped_column(String(40))
    trend: Mapped[str | None] = mapped_column(String(40))
    price_version: Mapped[str] = mapped_column(String(40))
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_input_tokens: Mapped[int] = mapped_column(BigInteger)
    cache_write_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger)
    worker_seconds: Mapped[Decimal] = mapped_column(Amount)
    cost: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(String(3))
    estimated: Mapped[bool]


class PriceUnit(Base):
    """A price that a settled request was billed at; kept when the settings move on."""

    __tablename__ = "price_units"

    price_version: Mapped[str] = mapped_column(String(40), primary_key=True)
    token_class: Mapped[str] = mapped_column(String(20), primary_key=True)
    price: Mapped[Decimal] = mapped_column(Amount)
    per: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))


class Job(Base):
    """An export or another long task, its progress and its file."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="status"),
        Index(None, "tenant", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(40))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(10))
    progress: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    file_name: Mapped[str | None] = mapped_column(String(200))
    error_code: Mapped[str | None] = mapped_column(String(60))
    runner: Mapped[str | None] = mapped_column(String(128))
