"""Pages of a tenant's audit chain."""

from gateway.admin.audit.schemas import AuditPage
from gateway.admin.services import AdminServices


async def page(services: AdminServices, tenant: str, limit: int, before: int | None) -> AuditPage:
    async with services.database.session() as session:
        return await services.reports.audit_page(session, tenant, limit=limit, before=before)
