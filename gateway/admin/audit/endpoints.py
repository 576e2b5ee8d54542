"""The audit trail: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.audit import service
from gateway.admin.audit.schemas import (
    AuditIntegrity,
    AuditPage,
    AuditQuery,
    AuditRecordDetails,
    AuditVerification,
)
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["audit"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.AUDIT_READ))]
Exporter = Annotated[TenantAccess, Depends(on_tenant(Permission.EXPORTS_AUDIT))]
RecordId = Annotated[str, Path(max_length=64, description="Its number or request id.")]


@router.get("/tenants/{tenant}/audit", summary="Audit records", responses=errors(403, 404))
async def list_audit_records(
    access: Reader, services: Services, query: Annotated[AuditQuery, Query()]
) -> AuditPage:
    """The tenant's audit records, newest first."""
    return await service.page(services, access.tenant, query)


@router.get(
    "/tenants/{tenant}/audit/integrity", summary="Integrity of a chain", responses=errors(403, 404)
)
async def get_audit_integrity(access: Reader, services: Services) -> AuditIntegrity:
    """Where the tenant's chain ends, what is signed of it, and how it verified last."""
    return await service.integrity(services, access.tenant)


@router.post(
    "/tenants/{tenant}/audit/verify",
    summary="Verify a chain",
    status_code=202,
    responses=errors(403, 404),
)
async def verify_audit_chain(access: Reader, services: Services) -> AuditVerification:
    """Start to verify the tenant's whole chain against its checkpoints, as a job."""
    return await service.verify(services, access)


@router.get(
    "/tenants/{tenant}/audit/records/{record_id}",
    summary="Get an audit record",
    responses=errors(403, 404),
)
async def get_audit_record(
    record_id: RecordId, access: Reader, services: Services
) -> AuditRecordDetails:
    """One record, and the first checkpoint that covers it."""
    return await service.details(services, access.tenant, record_id)


@router.get(
    "/tenants/{tenant}/audit/records/{record_id}/proof",
    summary="Prove an audit record",
    response_class=Response,
    responses={
        200: {"description": "The proof.", "content": {"application/json": {}}},
        **errors(403, 404, 409),
    },
)
async def get_audit_proof(record_id: RecordId, access: Exporter, services: Services) -> Response:
    """A file that `sovgate audit verify` takes: the record is in the signed chain."""
    name, content = await service.proof(services, access, record_id)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/json", headers=headers)
