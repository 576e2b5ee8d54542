"""The audit trail: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.audit import service
from gateway.admin.audit.schemas import AuditPage
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["audit"])


@router.get("/tenants/{tenant}/audit", summary="Audit records", responses=errors(403, 404))
async def list_audit_records(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.AUDIT_READ))],
    services: Services,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        int | None, Query(ge=1, description="Only records with a smaller 'seq'.")
    ] = None,
) -> AuditPage:
    """The tenant's audit records, newest first."""
    return await service.page(services, access.tenant, limit, before)
