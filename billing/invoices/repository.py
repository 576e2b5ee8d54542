"""SQL of invoices and their numbers; every query takes the tenant's scope."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import UnknownInvoice
from billing.models import Invoice, InvoiceCounter, InvoiceLine, LedgerEntry

INVOICE, CREDIT_NOTE = "invoice", "credit_note"
DRAFT, FINAL = "draft", "final"


async def get(session: AsyncSession, tenant: str, name: str) -> Invoice:
    """By id or by number, as the database has it now.

    Raises:
        UnknownInvoice: also for another tenant's.
    """
    query = select(Invoice).where(
        Invoice.tenant == tenant, or_(Invoice.id == name, Invoice.number == name)
    )
    found = await session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise UnknownInvoice(f"Tenant {tenant} has no such invoice; list its invoices.")
    return found


async def of_month(session: AsyncSession, tenant: str, month: str) -> Invoice | None:
    """The draft or final invoice of a month."""
    query = select(Invoice).where(
        Invoice.tenant == tenant, Invoice.month == month, Invoice.kind == INVOICE
    )
    return await session.scalar(query.execution_options(populate_existing=True))


async def list_invoices(
    session: AsyncSession, tenant: str, *, month: str | None = None
) -> list[Invoice]:
    """Invoices and credit notes, the newest month first."""
    query = select(Invoice).where(Invoice.tenant == tenant)
    if month is not None:
        query = query.where(Invoice.month == month)
    ordered = query.order_by(Invoice.month.desc(), Invoice.id)
    return list(await session.scalars(ordered))


async def latest_final(session: AsyncSession, tenant: str) -> Invoice | None:
    """The final invoice of the latest month."""
    query = select(Invoice).where(
        Invoice.tenant == tenant, Invoice.kind == INVOICE, Invoice.status == FINAL
    )
    return await session.scalar(query.order_by(Invoice.starts_at.desc()).limit(1))


async def credits_of(session: AsyncSession, invoice: Invoice) -> list[Invoice]:
    """The credit notes about an invoice, in the order of their numbers."""
    query = select(Invoice).where(
        Invoice.tenant == invoice.tenant, Invoice.credits_invoice == invoice.id
    )
    return list(await session.scalars(query.order_by(Invoice.number)))


async def lines_of(session: AsyncSession, invoice_ids: Sequence[str]) -> list[InvoiceLine]:
    query = select(InvoiceLine).where(InvoiceLine.invoice_id.in_(invoice_ids))
    ordered = query.order_by(InvoiceLine.invoice_id, InvoiceLine.position)
    return list(await session.scalars(ordered.execution_options(populate_existing=True)))


async def replace_lines(
    session: AsyncSession, invoice: Invoice, lines: Sequence[InvoiceLine]
) -> None:
    """Only a draft lets its lines go: triggers see to it."""
    await session.flush()
    await session.execute(delete(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id))
    for line in lines:
        line.invoice_id = invoice.id
    session.add_all(lines)
    await session.flush()


async def next_number(session: AsyncSession, series: str) -> str:
    """The next number of a series, such as ``INV-2026-000001``.

    The counter's row stays locked until the transaction ends, and a transaction
    that fails takes its number back: no gap, no number twice.
    """
    table = cast(Table, InvoiceCounter.__table__)
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(series=series, last=1)
    statement = statement.on_conflict_do_update(
        index_elements=["series"], set_={"last": table.c.last + 1}
    )
    last = (await session.execute(statement.returning(table.c.last))).scalar_one()
    return f"{series}-{last:06d}"


async def last_entry(session: AsyncSession) -> int:
    """The highest entry of the whole ledger.

    Under a tenant's lock every entry of the tenant so far is visible, and those
    to come get higher ids: ids are given in order and kept by the lock's holder.
    """
    return await session.scalar(select(func.max(LedgerEntry.id))) or 0
