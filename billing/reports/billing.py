"""The billing report: lines that add up to the ledger, to the last digit.

One line per project, model, tier, price version and token class, priced from
what the requests were billed at; each adjustment is a line of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.ledger.accounts import is_charge, of_kind
from billing.models import LedgerEntry, PriceUnit, UsageRecord
from billing.prices import MINIMUM, line_amount
from billing.reports.source import source
from billing.reports.table import Column, ColumnKind, Table
from billing.reports.usage import validate_span
from billing.usage import CLASSES, TOKEN_CLASSES
from core.clock import isoformat
from core.database import amount_sum
from core.money import EXACT, ZERO, format_amount

_ORDER = {name: number for number, name in enumerate((*CLASSES, MINIMUM))}


@dataclass(frozen=True, slots=True)
class BillingLine:
    """``amount`` = ``quantity`` * ``unit_price`` / ``per``, exactly.

    ``token_class`` is one of ``CLASSES``, ``minimum_charge`` (what minimum charges
    added) or ``adjustment``; these two have a quantity of 1, and an adjustment's
    ``reference`` and ``reason`` say what it corrects and why.
    """

    project_id: str | None
    model: str | None
    tier: str | None
    price_version: str | None
    token_class: str
    quantity: Decimal
    unit_price: Decimal
    per: int
    currency: str
    amount: Decimal
    reference: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BillingReport:
    """A tenant's bill for ``[start, end)``.

    ``last_entry`` is the highest ledger entry in it (0 without any): the same
    span with the same ``last_entry`` is the same bill.
    """

    tenant: str
    start: datetime
    end: datetime
    currency: str
    lines: list[BillingLine]
    total: Decimal
    last_entry: int

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "total": format_amount(self.total),
            "last_entry": self.last_entry,
            "lines": [_line_to_json(line) for line in self.lines],
        }

    def table(self) -> Table:
        columns = [
            Column("tenant"),
            Column("period_start", ColumnKind.INSTANT),
            Column("period_end", ColumnKind.INSTANT),
            *(Column(name) for name in ("project_id", "model", "tier", "price_version")),
            Column("token_class"),
            Column("quantity", ColumnKind.AMOUNT),
            Column("unit_price", ColumnKind.AMOUNT),
            Column("per", ColumnKind.INTEGER),
            Column("currency"),
            Column("amount", ColumnKind.AMOUNT),
            Column("reference"),
            Column("reason"),
        ]
        rows = [[self.tenant, self.start, self.end, *asdict(line).values()] for line in self.lines]
        facts = {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "lines": str(len(self.lines)),
            "total": format_amount(self.total),
            "last_ledger_entry": str(self.last_entry),
        }
        return Table("billing", columns, rows, facts)


async def billing_report(
    session: AsyncSession, tenant: str, start: datetime, end: datetime, *, currency: str = "USD"
) -> BillingReport:
    """The bill of one tenant. Read it in a ``snapshot``: it compares two tables.

    Raises:
        InvalidReport: the span ends before it starts.
        LedgerMismatch: the lines do not add up to the ledger entries.
    """
    validate_span(start, end)
    lines = await _usage_lines(session, tenant, start, end, currency)
    lines += await _adjustment_lines(session, tenant, start, end)
    total, last_entry = await _ledger_total(session, tenant, start, end)
    _require_sum(lines, total, tenant)
    return BillingReport(tenant, start, end, currency, lines, total, last_entry)


async def _ledger_total(
    session: AsyncSession, tenant: str, start: datetime, end: datetime
) -> tuple[Decimal, int]:
    query = select(amount_sum(LedgerEntry.amount), func.max(LedgerEntry.id)).where(
        LedgerEntry.tenant == tenant,
        is_charge(),
        LedgerEntry.at >= start,
        LedgerEntry.at < end,
    )
    total, last_entry = (await session.execute(query)).one()
    return total or ZERO, last_entry or 0


async def _usage_lines(
    session: AsyncSession, tenant: str, start: datetime, end: datetime, currency: str
) -> list[BillingLine]:
    usage = source(start, end)
    groups = [usage.column(name) for name in ("project_id", "model", "tier", "price_version")]
    query = (
        select(
            *groups,
            *(func.sum(usage.column(f"{name}_tokens")) for name in TOKEN_CLASSES),
            amount_sum(usage.column("worker_seconds")),
            amount_sum(usage.column("surcharge")),
        )
        .where(usage.column("tenant") == tenant, *usage.within)
        .group_by(*groups)
    )
    rows = [tuple(row) for row in await session.execute(query)]
    units = await _units(session, {row[3] for row in rows})
    lines = [line for row in rows for line in _lines_of(row[:4], row[4:-1], units)]
    lines += [_minimum_line(row[:4], row[-1], currency) for row in rows if row[-1]]
    return sorted(lines, key=_line_order)


async def _units(
    session: AsyncSession, versions: Iterable[str]
) -> dict[tuple[str, str], PriceUnit]:
    query = select(PriceUnit).where(PriceUnit.price_version.in_(versions))
    return {(unit.price_version, unit.token_class): unit for unit in await session.scalars(query)}


def _lines_of(
    group: Sequence[Any], quantities: Sequence[Any], units: dict[tuple[str, str], PriceUnit]
) -> list[BillingLine]:
    project_id, model, tier, version = group[0], group[1], group[2] or None, group[3]
    lines: list[BillingLine] = []
    for name, quantity in zip(CLASSES, map(Decimal, quantities), strict=True):
        if not quantity:
            continue
        unit = units.get((version, name))
        if unit is None:
            raise LedgerMismatch(
                f"Price version {version} has no recorded price of {name}; run "
                "'sovgate billing check'."
            )
        line = BillingLine(
            project_id=project_id,
            model=model,
            tier=tier,
            price_version=version,
            token_class=name,
            quantity=quantity,
            unit_price=unit.price,
            per=unit.per,
            currency=unit.currency,
            amount=line_amount(quantity, unit.price, unit.per),
        )
        lines.append(line)
    return lines


def _minimum_line(group: Sequence[Any], amount: Decimal, currency: str) -> BillingLine:
    project_id, model, tier, version = group
    return BillingLine(
        project_id=project_id,
        model=model,
        tier=tier or None,
        price_version=version,
        token_class=MINIMUM,
        quantity=Decimal(1),
        unit_price=amount,
        per=1,
        currency=currency,
        amount=amount,
    )


async def _adjustment_lines(
    session: AsyncSession, tenant: str, start: datetime, end: datetime
) -> list[BillingLine]:
    record = UsageRecord
    query = (
        select(LedgerEntry, record.project_id, record.model, record.tier, record.price_version)
        .outerjoin(record, record.request_id == LedgerEntry.reference)
        .where(
            LedgerEntry.tenant == tenant,
            of_kind("adjustment"),
            LedgerEntry.at >= start,
            LedgerEntry.at < end,
        )
        .order_by(LedgerEntry.id)
    )
    return [
        BillingLine(
            *group,
            token_class="adjustment",
            quantity=Decimal(1),
            unit_price=entry.amount,
            per=1,
            currency=entry.currency,
            amount=entry.amount,
            reference=entry.reference,
            reason=entry.reason,
        )
        for entry, *group in await session.execute(query)
    ]


def _require_sum(lines: Sequence[BillingLine], total: Decimal, tenant: str) -> None:
    added = ZERO
    for line in lines:
        added = EXACT.add(added, line.amount)
    if added != total:
        raise LedgerMismatch(
            f"The bill of tenant {tenant} adds up to {format_amount(added)}, its ledger to "
            f"{format_amount(total)}; run 'sovgate billing check'."
        )


def _line_order(line: BillingLine) -> tuple[Any, ...]:
    keys = (line.project_id, line.model, line.tier, line.price_version)
    return (*(key or "" for key in keys), _ORDER[line.token_class])


def _line_to_json(line: BillingLine) -> dict[str, Any]:
    body = asdict(line)
    for name in ("quantity", "unit_price", "amount"):
        body[name] = format_amount(body[name])
    return body
