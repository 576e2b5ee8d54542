"""Upstreams: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gateway.admin.access import Actor, globally
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.admin.upstreams import service
from gateway.admin.upstreams.schemas import (
    Upstream,
    UpstreamCreate,
    UpstreamList,
    UpstreamTest,
    UpstreamUpdate,
    UpstreamVerdict,
)

router = APIRouter(tags=["upstreams"])
Reader = Annotated[Actor, Depends(globally(Permission.UPSTREAMS_READ))]
Writer = Annotated[Actor, Depends(globally(Permission.UPSTREAMS_WRITE))]
UpstreamName = Annotated[str, Path(max_length=64, description="The upstream's name.")]


@router.get("/upstreams", summary="List upstreams", responses=errors(403))
async def list_upstreams(actor: Reader, services: Services) -> UpstreamList:
    """Those of the configuration file, read-only, and those of the database."""
    return await service.list_upstreams(services)


@router.post(
    "/upstreams", summary="Create an upstream", status_code=201, responses=errors(403, 409)
)
async def create_upstream(body: UpstreamCreate, actor: Writer, services: Services) -> Upstream:
    """Add an upstream. It serves at once in this process and within seconds in others."""
    return await service.create_upstream(services, actor, body)


@router.post("/upstreams/test", summary="Test an upstream", responses=errors(403, 409, 429))
async def check_upstream(body: UpstreamTest, actor: Writer, services: Services) -> UpstreamVerdict:
    """Say whether it answers, without storing it."""
    return await service.check_upstream(services, body)


@router.get("/upstreams/{name}", summary="Get an upstream", responses=errors(403, 404))
async def get_upstream(name: UpstreamName, actor: Reader, services: Services) -> Upstream:
    """One upstream of the file or of the database."""
    return await service.get_upstream(services, name)


@router.put("/upstreams/{name}", summary="Replace an upstream", responses=errors(403, 404, 409))
async def update_upstream(
    name: UpstreamName, body: UpstreamUpdate, actor: Writer, services: Services
) -> Upstream:
    """Replace the definition. Requests under way end with the old one."""
    return await service.update_upstream(services, actor, name, body)


@router.delete(
    "/upstreams/{name}",
    summary="Delete an upstream",
    status_code=204,
    responses=errors(403, 404, 409),
)
async def delete_upstream(
    name: UpstreamName,
    actor: Writer,
    services: Services,
    version: Annotated[
        int | None, Query(ge=1, description="Only if it still has this version.")
    ] = None,
) -> None:
    """Delete an upstream. Requests under way end with it; new ones go elsewhere or fail."""
    await service.delete_upstream(services, actor, name, version)
