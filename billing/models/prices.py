"""Prices: what administrators put into the book, and what was really billed at."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Amount, Base, UtcDateTime


class PriceBookEntry(Base):
    """A price version, exchange rate, alias, calendar or mark-up; ``body`` as in the settings.

    Never changed: a new entry takes its place, and the old one is archived.
    """

    __tablename__ = "price_book_entries"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('price', 'exchange_rate', 'alias', 'calendar', 'markup')", name="kind"
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(200))
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    archived_by: Mapped[str | None] = mapped_column(String(64))


class PriceRate(Base):
    """What made the unit prices of a rate: its version, and what changed the list price."""

    __tablename__ = "price_rates"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200))
    served: Mapped[str | None] = mapped_column(String(200))
    window: Mapped[str | None] = mapped_column(String(40))
    above: Mapped[int | None] = mapped_column(BigInteger)
    batch: Mapped[bool] = mapped_column(Boolean)
    source_currency: Mapped[str] = mapped_column(String(3))
    exchange_rate: Mapped[Decimal | None] = mapped_column(Amount)
    markup_percent: Mapped[Decimal | None] = mapped_column(Amount)


class PriceUnit(Base):
    """A price that a settled request was billed at; kept when the settings move on.

    ``price_version`` is the rate's id; ``list_price`` is the price without the
    tenant's override and mark-up.
    """

    __tablename__ = "price_units"

    price_version: Mapped[str] = mapped_column(String(40), primary_key=True)
    token_class: Mapped[str] = mapped_column(String(20), primary_key=True)
    price: Mapped[Decimal] = mapped_column(Amount)
    list_price: Mapped[Decimal | None] = mapped_column(Amount)
    per: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
