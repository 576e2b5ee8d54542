"""Projects, with their audit records."""

from gateway.admin.access import TenantAccess
from gateway.admin.projects.schemas import Project, ProjectCreate, ProjectList
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.tenants.service import TenantService


async def list_projects(services: AdminServices, tenant: str) -> ProjectList:
    async with services.database.session() as session:
        rows = await TenantService(session, services.clock, services.policies).projects(tenant)
    return ProjectList(items=[Project.model_validate(row) for row in rows])


async def create_project(
    services: AdminServices, access: TenantAccess, body: ProjectCreate
) -> Project:
    async with services.database.transaction() as session:
        tenants = TenantService(session, services.clock, services.policies)
        row = await tenants.create_project(access.tenant, body.name)
        view = Project.model_validate(row)
        await record(
            services,
            session,
            access.actor,
            action="project.create",
            target=row.id,
            tenant=access.tenant,
            after=view.model_dump(mode="json"),
        )
    return view
