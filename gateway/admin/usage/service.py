"""Usage of a tenant from the ledger."""

from datetime import datetime

from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.admin.usage.schemas import Usage, UsageGroup


async def usage(
    services: AdminServices,
    tenant: str,
    start: datetime | None,
    end: datetime | None,
    group: UsageGroup,
) -> Usage:
    start, end = span(start, end, services.clock.now())
    async with services.database.session() as session:
        return await services.reports.usage(session, tenant, start, end, group)
