"""Usage: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.schemas import Instant
from gateway.admin.services import Services
from gateway.admin.usage import service
from gateway.admin.usage.schemas import Usage, UsageGroup

router = APIRouter(tags=["usage"])


@router.get("/tenants/{tenant}/usage", summary="Usage of a tenant", responses=errors(403, 404))
async def get_usage(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.USAGE_READ))],
    services: Services,
    start: Annotated[
        Instant | None, Query(alias="from", description="Inclusive; 30 days ago by default.")
    ] = None,
    end: Annotated[
        Instant | None, Query(alias="to", description="Exclusive; now by default.")
    ] = None,
    group_by: Annotated[UsageGroup, Query()] = UsageGroup.DAY,
) -> Usage:
    """Settled tokens, worker time and cost from the ledger."""
    return await service.usage(services, access.tenant, start, end, group_by)
