"""The SQL of reading a tenant's audit chain."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit.models import AuditRecord


async def newest(
    session: AsyncSession, tenant: str, *, limit: int, before: int | None
) -> Sequence[AuditRecord]:
    """At most ``limit`` records with a ``seq`` below ``before``, newest first."""
    query = select(AuditRecord).where(AuditRecord.tenant == tenant)
    if before is not None:
        query = query.where(AuditRecord.seq < before)
    return (await session.scalars(query.order_by(AuditRecord.seq.desc()).limit(limit))).all()
