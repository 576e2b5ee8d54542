"""Invoices and credit notes, their lines and numbers, and who is billed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Amount, Base, UtcDateTime

_OF_A_MONTH = text("kind = 'invoice'")


class BillingProfile(Base):
    """Who a tenant is on paper: name, address, tax, currency, cost centres of its projects."""

    __tablename__ = "billing_profiles"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    legal_name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(Text)
    tax_id: Mapped[str | None] = mapped_column(String(60))
    email: Mapped[str | None] = mapped_column(String(254))
    currency: Mapped[str] = mapped_column(String(3))
    tax_label: Mapped[str | None] = mapped_column(String(40))
    tax_percent: Mapped[Decimal] = mapped_column(Amount)
    payment_days: Mapped[int]
    cost_centres: Mapped[dict[str, str]] = mapped_column(JSON)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(String(64))


class InvoiceCounter(Base):
    """The last number given in a series (``INV-2026``): no gap, no number twice."""

    __tablename__ = "invoice_counters"

    series: Mapped[str] = mapped_column(String(20), primary_key=True)
    last: Mapped[int]


class Invoice(Base):
    """A tenant's bill of one month, or a credit note about one; a final one never changes.

    ``subtotal`` is the exact sum of its ledger entries in ``currency``; ``net``,
    ``rounding``, ``tax`` and ``total`` are in ``payable_currency``: ``net`` is
    subtotal * exchange_rate (to 18 places) + rounding, in its minor unit. ``last_entry``
    is the highest ledger entry that it can hold.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("kind IN ('invoice', 'credit_note')", name="kind"),
        CheckConstraint("status IN ('draft', 'final')", name="status"),
        Index(None, "tenant", "month"),
        Index("uq_invoices_number", "number", unique=True),
        Index(
            "uq_invoices_month",
            "tenant",
            "month",
            unique=True,
            sqlite_where=_OF_A_MONTH,
            postgresql_where=_OF_A_MONTH,
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(8))
    number: Mapped[str | None] = mapped_column(String(40))
    month: Mapped[str] = mapped_column(String(7))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    currency: Mapped[str] = mapped_column(String(3))
    subtotal: Mapped[Decimal] = mapped_column(Amount)
    payable_currency: Mapped[str] = mapped_column(String(3))
    exchange_rate: Mapped[Decimal | None] = mapped_column(Amount)
    exchange_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    exchange_source: Mapped[str | None] = mapped_column(String(200))
    net: Mapped[Decimal] = mapped_column(Amount)
    rounding: Mapped[Decimal] = mapped_column(Amount)
    tax_label: Mapped[str | None] = mapped_column(String(40))
    tax_percent: Mapped[Decimal] = mapped_column(Amount)
    tax: Mapped[Decimal] = mapped_column(Amount)
    total: Mapped[Decimal] = mapped_column(Amount)
    last_entry: Mapped[int] = mapped_column(BigInteger)
    seller: Mapped[dict[str, Any]] = mapped_column(JSON)
    buyer: Mapped[dict[str, Any]] = mapped_column(JSON)
    credits_invoice: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"))
    reason: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    issued_by: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    digest: Mapped[str | None] = mapped_column(String(71))


class InvoiceLine(Base):
    """``amount`` = ``quantity`` * ``unit_price`` / ``per``, exactly, in the ledger's currency."""

    __tablename__ = "invoice_lines"

    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    month: Mapped[str] = mapped_column(String(7))
    project_id: Mapped[str | None] = mapped_column(String(40))
    cost_centre: Mapped[str | None] = mapped_column(String(60))
    model: Mapped[str | None] = mapped_column(String(200))
    tier: Mapped[str | None] = mapped_column(String(40))
    price_version: Mapped[str | None] = mapped_column(String(40))
    token_class: Mapped[str] = mapped_column(String(20))
    description: Mapped[str] = mapped_column(String(300))
    quantity: Mapped[Decimal] = mapped_column(Amount)
    unit_price: Mapped[Decimal] = mapped_column(Amount)
    per: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal] = mapped_column(Amount)
    reference: Mapped[str | None] = mapped_column(String(64))
