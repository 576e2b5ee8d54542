"""Virtual keys: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.keys import service
from gateway.admin.keys.schemas import (
    VirtualKey,
    VirtualKeyCreate,
    VirtualKeyCreated,
    VirtualKeyList,
)
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["keys"])
Writer = Annotated[TenantAccess, Depends(on_tenant(Permission.KEYS_WRITE))]


@router.get("/tenants/{tenant}/keys", summary="List virtual keys", responses=errors(403, 404))
async def list_keys(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.KEYS_READ))],
    services: Services,
) -> VirtualKeyList:
    """The tenant's virtual keys, oldest first, without their values."""
    return await service.list_keys(services, access.tenant)


@router.post(
    "/tenants/{tenant}/keys",
    summary="Create a virtual key",
    status_code=201,
    responses=errors(403, 404),
)
async def create_key(
    body: VirtualKeyCreate, access: Writer, services: Services
) -> VirtualKeyCreated:
    """Create a key. The answer is the only place where its value is ever shown."""
    return await service.create_key(services, access, body)


@router.delete(
    "/tenants/{tenant}/keys/{key_id}", summary="Revoke a virtual key", responses=errors(403, 404)
)
async def revoke_key(
    key_id: Annotated[str, Path(max_length=64)], access: Writer, services: Services
) -> VirtualKey:
    """Revoke a key for good; revoking it again changes nothing.

    It holds at once in this process and within seconds in other replicas.
    """
    return await service.revoke_key(services, access, key_id)
