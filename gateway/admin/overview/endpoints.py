"""The overview: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import Actor, somewhere
from gateway.admin.overview import service
from gateway.admin.overview.schemas import Overview
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["overview"])


@router.get("/overview", summary="Traffic at a glance", responses=errors(403, 404))
async def get_overview(
    actor: Annotated[Actor, Depends(somewhere(Permission.OVERVIEW_READ))],
    services: Services,
    tenant: Annotated[
        str | None, Query(max_length=63, description="Only this tenant.", examples=["acme"])
    ] = None,
) -> Overview:
    """Requests, tokens and cost of the last 24 hours and 30 days."""
    return await service.overview(services, actor, tenant)
