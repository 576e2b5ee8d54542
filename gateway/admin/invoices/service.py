"""Invoices with audit records; what stands on them is billing's."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoices import profile as profiles
from billing.invoices.credits import credit
from billing.invoices.document import InvoiceDocument
from billing.invoices.loading import export
from billing.invoices.service import InvoiceService
from billing.models import Invoice as Row
from core.money import format_amount, parse_amount
from gateway.admin.access import TenantAccess
from gateway.admin.invoices.schemas import (
    BillingProfile,
    CreditNoteCreate,
    Invoice,
    InvoiceDetail,
    InvoiceFinalise,
    InvoiceFormat,
    InvoiceList,
    InvoiceTable,
)
from gateway.admin.services import AdminServices
from gateway.admin.trail import masked_note, record

_MEDIA_TYPES = {
    InvoiceFormat.PDF: "application/pdf",
    InvoiceFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    InvoiceFormat.CSV: "text/csv; charset=utf-8",
    InvoiceFormat.PARQUET: "application/vnd.apache.parquet",
    InvoiceFormat.JSON: "application/json",
}
_AMOUNTS = ("subtotal", "net", "rounding", "tax_percent", "tax", "total")
_FACTS = ("id", "tenant", "kind", "status", "number", "month", "currency", "payable_currency")
_FACTS += ("tax_label", "credits_invoice", "reason", "created_at", "issued_at", "due_at", "digest")


async def get_profile(services: AdminServices, tenant: str) -> BillingProfile:
    async with services.database.session() as session:
        return _profile_view(await profiles.get_profile(session, tenant))


async def put_profile(
    services: AdminServices, access: TenantAccess, body: BillingProfile
) -> BillingProfile:
    fields: dict[str, Any] = body.model_dump()
    fields["tax_percent"] = parse_amount(body.tax_percent)
    after = profiles.Profile(**fields)
    actor, tenant = access.actor, access.tenant
    async with services.database.transaction() as session:
        before = await profiles.find_profile(session, tenant)
        await profiles.put_profile(session, services.clock, tenant, after, author=actor.user_id)
        await record(
            services,
            session,
            actor,
            action="billing_profile.put",
            target=tenant,
            tenant=tenant,
            before=before.to_json() if before else None,
            after=after.to_json(),
        )
    return _profile_view(after)


async def list_invoices(services: AdminServices, tenant: str, month: str | None) -> InvoiceList:
    async with services.database.session() as session:
        rows = await _invoices(services).of_tenant(session, tenant, month=month)
    return InvoiceList(items=[Invoice(**_fields(row)) for row in rows])


async def get_invoice(services: AdminServices, tenant: str, name: str) -> InvoiceDetail:
    async with services.database.session() as session:
        return _detail(await _invoices(services).get(session, tenant, name))


async def draft(services: AdminServices, access: TenantAccess, month: str) -> InvoiceDetail:
    async with services.database.transaction() as session:
        document = await _invoices(services).draft(
            session, access.tenant, month, author=access.actor.user_id
        )
        await _record(services, session, access, "invoice.draft", document)
    return _detail(document)


async def finalise(
    services: AdminServices, access: TenantAccess, name: str, body: InvoiceFinalise
) -> InvoiceDetail:
    expected = None if body.expected_total is None else parse_amount(body.expected_total)
    async with services.database.transaction() as session:
        document = await _invoices(services).finalise(
            session,
            access.tenant,
            name,
            author=access.actor.user_id,
            expected_total=expected,
            force=body.force,
        )
        await _record(services, session, access, "invoice.finalise", document, body.reason)
    return _detail(document)


async def credit_note(
    services: AdminServices, access: TenantAccess, name: str, body: CreditNoteCreate
) -> InvoiceDetail:
    reason = await masked_note(services, body.reason)
    async with services.database.transaction() as session:
        document = await credit(
            session,
            services.clock,
            services.invoice_terms,
            access.tenant,
            name,
            reason=reason,
            author=access.actor.user_id,
            amount=None if body.amount is None else parse_amount(body.amount),
            positions=body.lines,
        )
        await _record(services, session, access, "invoice.credit", document, reason)
    return _detail(document)


async def download(
    services: AdminServices,
    access: TenantAccess,
    name: str,
    file_format: InvoiceFormat,
    table: InvoiceTable,
) -> Response:
    """The file; recorded before its first byte leaves."""
    with tempfile.TemporaryDirectory() as folder:
        path, font = Path(folder) / "invoice", services.invoice_terms.font
        document = await export(
            services.database, access.tenant, name, path, file_format, table=table, font=font
        )
        content = await asyncio.to_thread(path.read_bytes)
    async with services.database.transaction() as session:
        await _record(services, session, access, "invoice.download", document, file_format.value)
    headers = {"Content-Disposition": f'attachment; filename="{document.name}.{file_format}"'}
    return Response(content, media_type=_MEDIA_TYPES[file_format], headers=headers)


def _invoices(services: AdminServices) -> InvoiceService:
    return InvoiceService(services.clock, services.invoice_terms)


async def _record(
    services: AdminServices,
    session: AsyncSession,
    access: TenantAccess,
    action: str,
    document: InvoiceDocument,
    reason: str | None = None,
) -> None:
    await record(
        services,
        session,
        access.actor,
        action=action,
        target=document.invoice.id,
        tenant=access.tenant,
        after=document.content(),
        reason=reason,
    )


def _profile_view(profile: profiles.Profile) -> BillingProfile:
    return BillingProfile(**profile.to_json())


def _fields(row: Row) -> dict[str, Any]:
    body: dict[str, Any] = {name: getattr(row, name) for name in _FACTS}
    body |= {name: format_amount(getattr(row, name)) for name in _AMOUNTS}
    rate = row.exchange_rate
    return body | {"exchange_rate": None if rate is None else format_amount(rate)}


def _detail(document: InvoiceDocument) -> InvoiceDetail:
    body = document.to_json()
    names = ("seller", "buyer", "credits_number", "credit_notes", "lines", "cost_centres")
    return InvoiceDetail(**_fields(document.invoice), **{name: body[name] for name in names})
