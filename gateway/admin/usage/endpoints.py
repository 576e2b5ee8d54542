"""Usage: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import Actor, TenantAccess, on_tenant, somewhere
from gateway.admin.permissions import Permission, scope
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.admin.spans import FromQuery, ToQuery
from gateway.admin.usage import service
from gateway.admin.usage.schemas import Usage, UsageGroup
from gateway.admin.usage.service import Filters, Grouping

router = APIRouter(tags=["usage"])


def _grouping(
    group_by: Annotated[UsageGroup, Query()] = UsageGroup.DAY,
    then_by: Annotated[UsageGroup | None, Query(description="A second level.")] = None,
) -> Grouping:
    return Grouping(group_by, then_by)


def _filters(
    project: Annotated[str | None, Query(max_length=64, description="Id.")] = None,
    key: Annotated[str | None, Query(max_length=64, description="Id.")] = None,
    user: Annotated[str | None, Query(max_length=64, description="Pseudonym.")] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    tier: Annotated[str | None, Query(max_length=40)] = None,
    trend: Annotated[str | None, Query(max_length=40)] = None,
    upstream: Annotated[str | None, Query(max_length=100)] = None,
) -> Filters:
    values = {
        "project": project,
        "key": key,
        "user": user,
        "model": model,
        "tier": tier,
        "trend": trend,
        "upstream": upstream,
    }
    return {name: value for name, value in values.items() if value is not None}


@router.get("/tenants/{tenant}/usage", summary="Usage of a tenant", responses=errors(403, 404))
async def get_usage(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.USAGE_READ))],
    services: Services,
    grouping: Annotated[Grouping, Depends(_grouping)],
    filters: Annotated[Filters, Depends(_filters)],
    start: FromQuery = None,
    end: ToQuery = None,
) -> Usage:
    """Settled tokens, worker time and cost from the ledger."""
    return await service.usage(services, access.tenant, start, end, grouping, filters)


@router.get("/usage", summary="Usage of all tenants", responses=errors(403))
async def get_usage_of_tenants(
    actor: Annotated[Actor, Depends(somewhere(Permission.USAGE_READ))],
    services: Services,
    filters: Annotated[Filters, Depends(_filters)],
    start: FromQuery = None,
    end: ToQuery = None,
    group_by: Annotated[UsageGroup, Query()] = UsageGroup.TENANT,
    then_by: Annotated[UsageGroup | None, Query(description="A second level.")] = None,
) -> Usage:
    """The same over all tenants that the account may see."""
    visible = scope(actor.grants, Permission.USAGE_READ)
    grouping = Grouping(group_by, then_by)
    return await service.usage(services, visible, start, end, grouping, filters)
