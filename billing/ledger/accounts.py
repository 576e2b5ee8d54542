"""Which accounts a ledger entry moves money between, and the balances of those accounts.

Every entry takes its amount from the account ``credit`` and puts it on ``debit``,
so all balances of a tenant add up to zero by construction. A negative amount
moves the other way.

| account | holds |
|---|---|
| ``unbilled`` | what was used and not invoiced yet |
| ``receivable`` | what was invoiced |
| ``revenue`` | what was charged (credit side, so its balance is negative) |
| ``exchange`` | what receivables in one currency became in another |
| ``rounding`` | what invoices were rounded by |
| ``tax`` | tax to pass on |
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, literal_column
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import LedgerBalance, LedgerEntry
from core.batches import add_rows
from core.money import EXACT, ZERO

# kind -> (debit, credit). A reservation is a pending charge; no balance counts it.
POSTINGS = {
    "reserve": ("unbilled", "revenue"),
    "release": ("unbilled", "revenue"),
    "settle": ("unbilled", "revenue"),
    "adjustment": ("unbilled", "revenue"),
    "invoice": ("receivable", "unbilled"),
    # In pairs: out of the receivables of one currency, into those of the other.
    "exchange": ("exchange", "receivable"),
    "rounding": ("receivable", "rounding"),
    "tax": ("receivable", "tax"),
    "credit": ("receivable", "revenue"),
}
PENDING = frozenset({"reserve", "release"})
ACCOUNTS = ("unbilled", "receivable", "revenue", "exchange", "rounding", "tax")

Movement = tuple[str, str, str, Decimal]
"""Tenant, kind, currency, amount."""


def of_kind(*kinds: str, entry: Any = LedgerEntry) -> ColumnElement[bool]:
    """Entries of some kinds, spelled out in the statement.

    With parameters a plan that PostgreSQL keeps could not use a partial index, and a
    month's bill would read every entry of its tenant: seconds in place of milliseconds.
    """
    return entry.kind.in_([literal_column(f"'{kind}'") for kind in kinds if kind in POSTINGS])


def is_charge(entry: Any = LedgerEntry) -> ColumnElement[bool]:
    """What a bill adds up; ``ix_ledger_entries_charges`` holds all it needs."""
    return of_kind("settle", "adjustment", entry=entry)


async def move_accounts(session: AsyncSession, movements: Iterable[Movement]) -> None:
    """Add entries to the balances of their accounts; the caller holds the tenants' locks."""
    totals: dict[tuple[str, str, str], Decimal] = {}
    for tenant, kind, currency, amount in movements:
        moved = (tenant, kind, currency)
        totals[moved] = EXACT.add(totals.get(moved, ZERO), amount)
    changes: dict[tuple[str, str, str], Decimal] = {}
    for (tenant, kind, currency), amount in totals.items():
        if kind in PENDING:
            continue
        debit, credit = POSTINGS[kind]
        # A minus sign would round to the context's 28 digits.
        for account, change in ((debit, amount), (credit, amount.copy_negate())):
            key = (tenant, account, currency)
            changes[key] = EXACT.add(changes.get(key, ZERO), change)
    rows = [
        dict(zip(("tenant", "account", "currency"), key, strict=True), balance=changes[key])
        for key in sorted(changes)
    ]
    await add_rows(session, cast(Table, LedgerBalance.__table__), rows, ("balance",))
