"""Billing profiles, invoices and credit notes: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.invoices import service
from gateway.admin.invoices.schemas import (
    BillingProfile,
    CreditNoteCreate,
    InvoiceDetail,
    InvoiceDraft,
    InvoiceFinalise,
    InvoiceFormat,
    InvoiceList,
    InvoiceTable,
    Month,
)
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["invoices"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.INVOICES_READ))]
Writer = Annotated[TenantAccess, Depends(on_tenant(Permission.INVOICES_WRITE))]
InvoiceId = Annotated[str, Path(max_length=64, description="Id or number.")]


@router.get(
    "/tenants/{tenant}/billing-profile",
    summary="Get the billing profile",
    responses=errors(403, 404),
)
async def get_billing_profile(access: Reader, services: Services) -> BillingProfile:
    """Who the tenant is on its invoices."""
    return await service.get_profile(services, access.tenant)


@router.put(
    "/tenants/{tenant}/billing-profile",
    summary="Set the billing profile",
    responses=errors(403, 404),
)
async def put_billing_profile(
    body: BillingProfile, access: Writer, services: Services
) -> BillingProfile:
    """Say who is billed from now on."""
    return await service.put_profile(services, access, body)


@router.get("/tenants/{tenant}/invoices", summary="List invoices", responses=errors(403, 404))
async def list_invoices(
    access: Reader, services: Services, month: Annotated[Month | None, Query()] = None
) -> InvoiceList:
    """The tenant's invoices and credit notes, the newest month first."""
    return await service.list_invoices(services, access.tenant, month)


@router.post(
    "/tenants/{tenant}/invoices",
    summary="Draft an invoice",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def draft_invoice(body: InvoiceDraft, access: Writer, services: Services) -> InvoiceDetail:
    """Draw up a month's invoice, or bring its draft up to date."""
    return await service.draft(services, access, body.month)


@router.get(
    "/tenants/{tenant}/invoices/{invoice_id}",
    summary="Get an invoice",
    responses=errors(403, 404),
)
async def get_invoice(invoice_id: InvoiceId, access: Reader, services: Services) -> InvoiceDetail:
    """An invoice or a credit note with its lines."""
    return await service.get_invoice(services, access.tenant, invoice_id)


@router.get(
    "/tenants/{tenant}/invoices/{invoice_id}/download",
    summary="Download an invoice",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
        **errors(403, 404),
    },
)
async def download_invoice(
    invoice_id: InvoiceId,
    access: Reader,
    services: Services,
    file_format: Annotated[InvoiceFormat, Query(alias="format")] = InvoiceFormat.PDF,
    table: Annotated[InvoiceTable, Query(description="csv, parquet.")] = InvoiceTable.LINES,
) -> Response:
    """An invoice or a credit note as a file; a draft says that it is one."""
    return await service.download(services, access, invoice_id, file_format, table)


@router.post(
    "/tenants/{tenant}/invoices/{invoice_id}/finalise",
    summary="Issue an invoice",
    responses=errors(403, 404, 409),
)
async def finalise_invoice(
    body: InvoiceFinalise, invoice_id: InvoiceId, access: Writer, services: Services
) -> InvoiceDetail:
    """Give a draft its number; from then on it never changes."""
    return await service.finalise(services, access, invoice_id, body)


@router.post(
    "/tenants/{tenant}/invoices/{invoice_id}/credit-notes",
    summary="Issue a credit note",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_credit_note(
    body: CreditNoteCreate, invoice_id: InvoiceId, access: Writer, services: Services
) -> InvoiceDetail:
    """Take back all that is left of a final invoice, an amount, or some of its lines."""
    return await service.credit_note(services, access, invoice_id, body)
