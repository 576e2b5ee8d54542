"""The SQL of which tenants have a trail, and under which policies they are."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.archive.repository import archive_tenants
from gateway.audit.models import AuditHead
from gateway.tenants.models import Tenant


async def policies_of_trails(session: AsyncSession) -> dict[str, str | None]:
    """All tenants that have records or bodies, and their policies; those of no tenant have none."""
    heads = await session.scalars(select(AuditHead.tenant))
    names = sorted({*heads, *await archive_tenants(session)})
    rows = await session.execute(select(Tenant.name, Tenant.policy))
    policies = {row.name: row.policy for row in rows}
    return {name: policies.get(name) for name in names}
