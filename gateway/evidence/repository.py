"""The SQL of evidence packs, beside the trail's own; every query takes the tenant's scope."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.models import AuditAnchor, AuditCheckpoint, AuditRecord


async def oldest_record(session: AsyncSession, tenant: str) -> datetime | None:
    """When the oldest record that is there joined the chain."""
    query = select(func.min(AuditRecord.time)).where(AuditRecord.tenant == tenant)
    return await session.scalar(query)


async def newest_checkpoint(session: AsyncSession, tenant: str) -> AuditCheckpoint | None:
    query = select(AuditCheckpoint).where(AuditCheckpoint.tenant == tenant)
    return await session.scalar(query.order_by(AuditCheckpoint.seq.desc()).limit(1))


async def checkpoints_between(
    session: AsyncSession, tenant: str, start: datetime, end: datetime
) -> int:
    query = select(func.count()).where(
        AuditCheckpoint.tenant == tenant,
        AuditCheckpoint.time >= start,
        AuditCheckpoint.time < end,
    )
    return await session.scalar(query) or 0


async def checkpoints_by_key(session: AsyncSession, tenant: str) -> dict[str, int]:
    """How many of a tenant's checkpoints each public key has signed."""
    query = select(AuditCheckpoint.public_key, func.count()).where(AuditCheckpoint.tenant == tenant)
    rows = await session.execute(query.group_by(AuditCheckpoint.public_key))
    return {row[0]: row[1] for row in rows}


async def anchors(session: AsyncSession, tenant: str) -> list[Any]:
    """``(anchor, checkpoints, newest seq, newest time)`` by anchor."""
    query = (
        select(
            AuditAnchor.anchor,
            func.count(AuditAnchor.seq),
            func.max(AuditAnchor.seq),
            func.max(AuditAnchor.time),
        )
        .where(AuditAnchor.tenant == tenant)
        .group_by(AuditAnchor.anchor)
        .order_by(AuditAnchor.anchor)
    )
    return list(await session.execute(query))
