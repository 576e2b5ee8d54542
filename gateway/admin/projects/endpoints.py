"""Projects: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.permissions import Permission
from gateway.admin.projects import service
from gateway.admin.projects.schemas import Project, ProjectCreate, ProjectList
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["projects"])


@router.get("/tenants/{tenant}/projects", summary="List projects", responses=errors(403, 404))
async def list_projects(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.TENANTS_READ))],
    services: Services,
) -> ProjectList:
    """The tenant's projects, oldest first."""
    return await service.list_projects(services, access.tenant)


@router.post(
    "/tenants/{tenant}/projects",
    summary="Create a project",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_project(
    body: ProjectCreate,
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.PROJECTS_WRITE))],
    services: Services,
) -> Project:
    """Create a project: a part of the tenant with keys, budget and usage of its own."""
    return await service.create_project(services, access, body)
