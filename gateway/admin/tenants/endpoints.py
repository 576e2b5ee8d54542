"""Tenants: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.admin.access import Actor, TenantAccess, globally, on_tenant, somewhere
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.admin.tenants import service
from gateway.admin.tenants.schemas import Tenant, TenantCreate, TenantList, TenantUpdate

router = APIRouter(tags=["tenants"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.TENANTS_READ))]
Writer = Annotated[TenantAccess, Depends(on_tenant(Permission.TENANTS_WRITE))]


@router.get("/tenants", summary="List tenants", responses=errors(403))
async def list_tenants(
    actor: Annotated[Actor, Depends(somewhere(Permission.TENANTS_READ))], services: Services
) -> TenantList:
    """The tenants that the account has a role for, by name."""
    return await service.list_tenants(services, actor)


@router.post(
    "/tenants", summary="Create a tenant", status_code=201, responses=errors(403, 404, 409)
)
async def create_tenant(
    body: TenantCreate,
    actor: Annotated[Actor, Depends(globally(Permission.TENANTS_GOVERN))],
    services: Services,
) -> Tenant:
    """Create a tenant with its 'default' project. Needs a global role."""
    return await service.create_tenant(services, actor, body)


@router.get("/tenants/{tenant}", summary="Get a tenant", responses=errors(403, 404))
async def get_tenant(access: Reader, services: Services) -> Tenant:
    """One tenant."""
    return await service.get_tenant(services, access.tenant)


@router.patch("/tenants/{tenant}", summary="Change a tenant", responses=errors(403, 404))
async def update_tenant(body: TenantUpdate, access: Writer, services: Services) -> Tenant:
    """Rename, suspend or activate a tenant, or change its policy or limits.

    A suspension holds at once in this process and within seconds in other replicas.
    """
    return await service.update_tenant(services, access, body)
