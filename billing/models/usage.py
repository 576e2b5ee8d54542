"""What requests consumed: a row per settled request, and their sums by hour."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Date, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Amount, Base, UtcDateTime

_ZERO = text("0")
_ZERO_AMOUNT = text("'0'")


class UsageRecord(Base):
    """What one settled request consumed and what it cost.

    ``price_version`` is the id of its rate; ``surcharge`` is what a minimum charge
    added to quantity * price; ``ended`` says how the request ended.
    """

    __tablename__ = "usage_records"
    __table_args__ = (
        Index(None, "tenant", "at"),
        Index(
            "ix_usage_records_end_user_at",
            "end_user",
            "at",
            sqlite_where=text("end_user IS NOT NULL"),
            postgresql_where=text("end_user IS NOT NULL"),
        ),
    )

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
    guard_tokens: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    embedding_tokens: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    worker_seconds: Mapped[Decimal] = mapped_column(Amount)
    surcharge: Mapped[Decimal] = mapped_column(Amount, server_default=_ZERO_AMOUNT)
    cost: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(String(3))
    estimated: Mapped[bool]
    ended: Mapped[str] = mapped_column(String(12), server_default=text("'completed'"))


class _Sums:
    """Dimensions and sums; a dimension that is not known is empty.

    ``id`` is a digest of the dimensions. Kept in the transaction that writes the
    records, so the sums are always equal to them.
    """

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    day: Mapped[date] = mapped_column(Date)
    project_id: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200))
    tier: Mapped[str] = mapped_column(String(40))
    upstream: Mapped[str] = mapped_column(String(100))
    zone: Mapped[str] = mapped_column(String(40))
    trend: Mapped[str] = mapped_column(String(40))
    price_version: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    requests: Mapped[int] = mapped_column(BigInteger)
    estimated_requests: Mapped[int] = mapped_column(BigInteger)
    cut_requests: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_input_tokens: Mapped[int] = mapped_column(BigInteger)
    cache_write_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger)
    guard_tokens: Mapped[int] = mapped_column(BigInteger)
    embedding_tokens: Mapped[int] = mapped_column(BigInteger)
    worker_seconds: Mapped[Decimal] = mapped_column(Amount)
    surcharge: Mapped[Decimal] = mapped_column(Amount)
    cost: Mapped[Decimal] = mapped_column(Amount)


class UsageRollup(_Sums, Base):
    """The sums of usage records with the same dimensions in the same UTC hour."""

    __tablename__ = "usage_rollups"
    __table_args__ = (Index(None, "tenant", "hour"),)

    hour: Mapped[datetime] = mapped_column(UtcDateTime)


class UsageDay(_Sums, Base):
    """The sums of a UTC day: a month of a busy tenant is read from a tenth of the rows."""

    __tablename__ = "usage_days"
    __table_args__ = (Index(None, "tenant", "day"),)
