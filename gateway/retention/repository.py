"""The SQL of statements that removals have left, and of a tenant's policy."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.models import AuditPruning
from gateway.retention.models import AuditErasure
from gateway.tenants.models import Tenant

MOST = 1000


async def prunings(session: AsyncSession, tenant: str) -> list[AuditPruning]:
    """Newest first."""
    query = select(AuditPruning).where(AuditPruning.tenant == tenant)
    found = await session.scalars(query.order_by(AuditPruning.last_seq.desc()).limit(MOST))
    return list(found)


async def erasures(session: AsyncSession, tenant: str) -> list[AuditErasure]:
    """Newest first."""
    query = select(AuditErasure).where(AuditErasure.tenant == tenant)
    found = await session.scalars(query.order_by(AuditErasure.time.desc()).limit(MOST))
    return list(found)


async def policy_of(session: AsyncSession, tenant: str) -> str | None:
    return await session.scalar(select(Tenant.policy).where(Tenant.name == tenant))
