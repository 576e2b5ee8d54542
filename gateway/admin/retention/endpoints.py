"""Stored bodies, legal holds, erasures, removals: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.retention import service
from gateway.admin.retention.schemas import (
    BodyRead,
    Erasure,
    ErasureCreate,
    Hold,
    HoldCreate,
    HoldList,
    HoldRelease,
    Removals,
    StoredBodies,
)
from gateway.admin.services import Services

router = APIRouter(tags=["retention"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.AUDIT_READ))]
Opener = Annotated[TenantAccess, Depends(on_tenant(Permission.AUDIT_BODIES))]
Holder = Annotated[TenantAccess, Depends(on_tenant(Permission.AUDIT_HOLD))]
Eraser = Annotated[TenantAccess, Depends(on_tenant(Permission.AUDIT_ERASE))]
RequestId = Annotated[str, Path(max_length=64, description="Of the request.")]
HoldId = Annotated[str, Path(max_length=40)]


@router.post(
    "/tenants/{tenant}/audit/bodies/{request_id}",
    summary="Open a stored body",
    responses=errors(403, 404, 410),
)
async def open_stored_body(
    request_id: RequestId, body: BodyRead, access: Opener, services: Services
) -> StoredBodies:
    """The masked prompt and answer of a request. A POST, since it leaves a record."""
    return await service.open_body(services, access, request_id, body)


@router.get("/tenants/{tenant}/audit/holds", summary="List legal holds", responses=errors(403, 404))
async def list_holds(access: Reader, services: Services) -> HoldList:
    """All holds, those that were released among them; newest first."""
    return await service.list_holds(services, access)


@router.post(
    "/tenants/{tenant}/audit/holds",
    summary="Make a legal hold",
    status_code=201,
    responses=errors(403, 404),
)
async def create_hold(body: HoldCreate, access: Holder, services: Services) -> Hold:
    """From now on neither retention nor erasure touches what it matches."""
    return await service.create_hold(services, access, body)


@router.post(
    "/tenants/{tenant}/audit/holds/{hold_id}/release",
    summary="Release a legal hold",
    responses=errors(403, 404),
)
async def release_hold(
    hold_id: HoldId, body: HoldRelease, access: Holder, services: Services
) -> Hold:
    """What is due is removed by the next run of retention."""
    return await service.release_hold(services, access, hold_id, body)


@router.post(
    "/tenants/{tenant}/audit/erasures",
    summary="Erase an end user",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def erase_end_user(body: ErasureCreate, access: Eraser, services: Services) -> Erasure:
    """Destroy the keys of the person's bodies and of what their conversations remember."""
    return await service.erase(services, access, body)


@router.get(
    "/tenants/{tenant}/audit/removals", summary="What was removed", responses=errors(403, 404)
)
async def get_removals(access: Reader, services: Services) -> Removals:
    """How long the trail is kept, and the signed statements of what was removed of it."""
    return await service.removals(services, access)
