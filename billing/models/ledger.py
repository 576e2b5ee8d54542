"""The ledger: entries that move money between two accounts, and the accounts' balances."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Amount, Base, UtcDateTime

# SQLite numbers rows by itself only where the type is exactly INTEGER.
_Sequence = BigInteger().with_variant(Integer, "sqlite")


def _where(name: str, condition: str, *columns: str, unique: bool = True) -> Index:
    where = text(condition)
    prefix = "uq" if unique else "ix"
    name = f"{prefix}_ledger_entries_{name}"
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


class LedgerEntry(Base):
    """One movement of money from ``credit`` to ``debit``; never changed, never deleted.

    A ``settle`` or a ``release`` closes a request and there is exactly one.
    Every other kind has an id of its own (``adj_``, ``inv_``, ``crn_``) and names
    what it is about in ``reference``. ``reserve`` and ``release`` are pending
    amounts, which no balance counts (``billing.ledger.accounts``).
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('reserve', 'settle', 'release', 'adjustment',"
            " 'invoice', 'exchange', 'rounding', 'tax', 'credit')",
            name="kind",
        ),
        # Together they make (request_id, kind) unique, and the closing entry the only one.
        _where("closing", "kind IN ('settle', 'release')", "request_id"),
        _where("opening", "kind NOT IN ('settle', 'release')", "request_id", "kind"),
        _where("reference", "reference IS NOT NULL", "reference", unique=False),
        _where("organisation", "organisation IS NOT NULL", "organisation", "at", unique=False),
        _where("adjustments", "kind = 'adjustment'", "tenant", "at", unique=False),
        # A bill adds up its entries from this index alone (``accounts.is_charge``).
        Index(
            "ix_ledger_entries_charges",
            "tenant",
            "at",
            sqlite_where=text("kind IN ('settle', 'adjustment')"),
            postgresql_where=text("kind IN ('settle', 'adjustment')"),
            postgresql_include=["amount", "currency", "id"],
        ),
        Index(None, "tenant", "at"),
    )

    id: Mapped[int] = mapped_column(_Sequence, primary_key=True, autoincrement=True)
    request_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(10))
    tenant: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(String(3))
    debit: Mapped[str] = mapped_column(String(12), server_default=text("'unbilled'"))
    credit: Mapped[str] = mapped_column(String(12), server_default=text("'revenue'"))
    organisation: Mapped[str | None] = mapped_column(String(64))
    reference: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(200))
    author: Mapped[str | None] = mapped_column(String(64))


class LedgerBalance(Base):
    """What an account of a tenant holds: its debits less its credits."""

    __tablename__ = "ledger_balances"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(12), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    balance: Mapped[Decimal] = mapped_column(Amount)
