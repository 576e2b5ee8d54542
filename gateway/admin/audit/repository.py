"""The SQL of a tenant's checkpoints."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.models import AuditCheckpoint


async def newest_checkpoint(session: AsyncSession, tenant: str) -> AuditCheckpoint | None:
    query = select(AuditCheckpoint).where(AuditCheckpoint.tenant == tenant)
    return await session.scalar(query.order_by(AuditCheckpoint.seq.desc()).limit(1))


async def first_checkpoint_from(
    session: AsyncSession, tenant: str, seq: int
) -> AuditCheckpoint | None:
    """The first one that covers a record."""
    query = select(AuditCheckpoint).where(
        AuditCheckpoint.tenant == tenant, AuditCheckpoint.seq >= seq
    )
    return await session.scalar(query.order_by(AuditCheckpoint.seq).limit(1))
