"""Capacity planning: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.permissions import Permission
from gateway.admin.plan import service
from gateway.admin.plan.schemas import CapacityPlan
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["usage"])


@router.get(
    "/tenants/{tenant}/plan", summary="Plan own hardware for a month", responses=errors(403, 404)
)
async def get_plan(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.USAGE_READ))],
    services: Services,
    month: Annotated[
        str | None, Query(description="YYYY-MM (UTC) of the usage; the present one by default.")
    ] = None,
    basis: Annotated[str, Query(description="Prices of devices: rental or ownership.")] = "rental",
) -> CapacityPlan:
    """Devices that would serve the tenant's traffic of a month, their cost, and break-even."""
    return await service.plan(services, access.tenant, month, basis)
