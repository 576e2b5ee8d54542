"""Two ways to the same figure, side by side: ledger, usage records, roll-ups, invoices."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.invoices.check import totals_held
from billing.ledger.accounts import PENDING, is_charge
from billing.models import Invoice, LedgerBalance, LedgerEntry
from billing.reports.table import Cell, Column, ColumnKind, Table
from billing.reports.traffic import Tenants
from billing.reports.usage import UsageReport, usage_report
from billing.reports.usage_rows import UsageRow
from core.database import amount_sum
from core.money import EXACT, ZERO, format_amount


@dataclass(frozen=True, slots=True)
class Proof:
    """A figure from two sources; ``None`` where a source cannot tell."""

    what: str
    left_source: str
    left: Decimal | None
    right_source: str
    right: Decimal | None

    @property
    def equal(self) -> bool:
        return self.left is not None and self.left == self.right

    @property
    def difference(self) -> Decimal | None:
        if self.left is None or self.right is None:
            return None
        return EXACT.subtract(self.left, self.right)

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "left_source": self.left_source,
            "left": _text(self.left),
            "right_source": self.right_source,
            "right": _text(self.right),
            "difference": _text(self.difference),
            "equal": self.equal,
        }

    def cells(self) -> list[Cell]:
        verdict = "equal" if self.equal else "different"
        sides: list[Cell] = [self.left_source, self.left, self.right_source, self.right]
        return [self.what, *sides, self.difference, verdict]


@dataclass(frozen=True, slots=True)
class Charges:
    """What the ledger charged in a span: requests, and corrections dated in it."""

    settled_requests: int
    settled: Decimal
    adjustments: int
    adjusted: Decimal

    @property
    def total(self) -> Decimal:
        return EXACT.add(self.settled, self.adjusted)

    def to_json(self) -> dict[str, Any]:
        return {
            "settled_requests": self.settled_requests,
            "settled": format_amount(self.settled),
            "adjustments": self.adjustments,
            "adjusted": format_amount(self.adjusted),
            "total": format_amount(self.total),
        }


def proofs_table(proofs: list[Proof]) -> Table:
    columns = [
        Column("what"),
        Column("left_source"),
        Column("left", ColumnKind.AMOUNT),
        Column("right_source"),
        Column("right", ColumnKind.AMOUNT),
        Column("difference", ColumnKind.AMOUNT),
        Column("verdict"),
    ]
    return Table("proofs", columns, [proof.cells() for proof in proofs])


async def charges(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime
) -> Charges:
    """The ledger's sums of a span, by kind."""
    query = (
        select(LedgerEntry.kind, func.count(), amount_sum(LedgerEntry.amount))
        .where(
            *_of(tenant),
            is_charge(),
            LedgerEntry.at >= start,
            LedgerEntry.at < end,
        )
        .group_by(LedgerEntry.kind)
    )
    found = {row[0]: (int(row[1]), row[2]) for row in await session.execute(query)}
    nothing = (0, ZERO)
    return Charges(*found.get("settle", nothing), *found.get("adjustment", nothing))


async def ledger_proofs(
    session: AsyncSession,
    tenant: Tenants,
    start: datetime,
    end: datetime,
    charged: Charges,
) -> list[Proof]:
    """Ledger against records, records against roll-ups, prices against costs."""
    records = await usage_report(session, tenant, start, end, group_by=(), records_only=True)
    rolled = await usage_report(session, tenant, start, end, group_by=())
    raw, sums = records.total, rolled.total
    ledger, usage, rollups = "settle entries", "usage records", "roll-ups"
    return [
        Proof(
            "requests", ledger, Decimal(charged.settled_requests), usage, Decimal(raw.requests or 0)
        ),
        Proof("cost", ledger, charged.settled, usage, raw.cost),
        Proof("requests", usage, Decimal(raw.requests or 0), rollups, Decimal(sums.requests or 0)),
        Proof("tokens", usage, _tokens(raw), rollups, _tokens(sums)),
        Proof("worker-seconds", usage, raw.worker_seconds, rollups, sums.worker_seconds),
        Proof("cost", usage, raw.cost, rollups, sums.cost),
        Proof("cost", usage, raw.cost, "quantity * price", await _priced(session, records)),
    ]


async def account_proofs(session: AsyncSession, tenant: str) -> list[Proof]:
    """Each balance of a tenant against the sum of its entries, of all time."""
    sums: dict[tuple[str, str], Decimal] = {}
    for column, sign in ((LedgerEntry.debit, 1), (LedgerEntry.credit, -1)):
        query = (
            select(column, LedgerEntry.currency, amount_sum(LedgerEntry.amount))
            .where(LedgerEntry.tenant == tenant, LedgerEntry.kind.not_in(PENDING))
            .group_by(column, LedgerEntry.currency)
        )
        for row in await session.execute(query):
            key = (row[0], row[1])
            sums[key] = EXACT.add(sums.get(key, ZERO), sign * row[2])
    rows = await session.scalars(select(LedgerBalance).where(LedgerBalance.tenant == tenant))
    stored = {(row.account, row.currency): row.balance for row in rows}
    return [
        Proof(
            f"{account}, {currency}",
            "entries",
            sums.get((account, currency), ZERO),
            "balance",
            stored.get((account, currency), ZERO),
        )
        for account, currency in sorted(sums.keys() | stored.keys())
    ]


async def invoice_proofs(
    session: AsyncSession, tenant: str, start: datetime, end: datetime
) -> list[Proof]:
    """Each final invoice of a month in the span against the entries that it holds."""
    query = select(Invoice).where(
        Invoice.tenant == tenant, Invoice.kind == "invoice", Invoice.status == "final"
    )
    finals = list(await session.scalars(query.order_by(Invoice.starts_at)))
    return [
        Proof("charged", "entries on it", total, str(invoice.number), invoice.subtotal)
        for invoice, total in await totals_held(session, tenant, finals)
        if start < invoice.ends_at and invoice.starts_at < end
    ]


async def _priced(session: AsyncSession, records: UsageReport) -> Decimal | None:
    """What quantities at the recorded prices come to; ``None`` where a price is missing."""
    try:
        report = await usage_report(
            session,
            records.tenant,
            records.start,
            records.end,
            group_by=("token_class",),
            records_only=True,
        )
    except LedgerMismatch:
        return None
    return sum((row.cost for row in report.rows), ZERO)


def _tokens(row: UsageRow) -> Decimal:
    return Decimal(sum(row.tokens))


def _of(tenant: Tenants) -> list[ColumnElement[bool]]:
    if tenant is None:
        return []
    if isinstance(tenant, str):
        return [LedgerEntry.tenant == tenant]
    return [LedgerEntry.tenant.in_(tenant)]


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)
