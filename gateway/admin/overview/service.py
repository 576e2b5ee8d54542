"""The overview of the tenants that one may see."""

from gateway.admin.access import Actor
from gateway.admin.overview.schemas import Overview
from gateway.admin.permissions import Permission, scope, sees
from gateway.admin.services import AdminServices
from gateway.tenants.errors import NotFound
from gateway.tenants.repository import TenantRepository


async def overview(services: AdminServices, actor: Actor, tenant: str | None) -> Overview:
    """Sums over one tenant, or over all that the actor may see."""
    visible = scope(actor.grants, Permission.OVERVIEW_READ)
    if tenant is not None:
        if not sees(actor.grants, tenant):
            raise NotFound("tenant", param="tenant")
        actor.require(Permission.OVERVIEW_READ, tenant)
        visible = frozenset({tenant})
    async with services.database.session() as session:
        names = [row.name for row in await TenantRepository(session).all(visible)]
        if tenant is not None and not names:
            raise NotFound("tenant", param="tenant")
        return await services.reports.overview(session, names, services.clock.now())
