"""SQL of the jobs table. The table is the queue; a broker only rings the bell."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import Job


async def get_job(session: AsyncSession, tenant: str, job_id: str) -> Job | None:
    return await session.scalar(select(Job).where(Job.id == job_id, Job.tenant == tenant))


async def list_jobs(session: AsyncSession, tenant: str, limit: int) -> list[Job]:
    query = select(Job).where(Job.tenant == tenant)
    return list(await session.scalars(query.order_by(Job.id.desc()).limit(limit)))


async def waiting_jobs(session: AsyncSession, stale_before: datetime) -> list[str]:
    """Jobs that nobody works on, the oldest first."""
    query = select(Job.id).where(_claimable(stale_before)).order_by(Job.id)
    return list(await session.scalars(query))


async def claim(
    session: AsyncSession, job_id: str, runner: str, now: datetime, stale_before: datetime
) -> Job | None:
    """Make a job ours, unless someone is at it or it is finished."""
    statement = (
        update(Job)
        .where(Job.id == job_id, _claimable(stale_before))
        .values(
            status="running",
            runner=runner,
            progress=0,
            attempts=Job.attempts + 1,
            started_at=now,
            heartbeat_at=now,
        )
        .returning(Job)
    )
    return await session.scalar(statement)


async def requeue(session: AsyncSession, runner: str) -> None:
    """Jobs that a process of this name had left running are waiting again."""
    own = and_(Job.status == "running", Job.runner == runner)
    await session.execute(update(Job).where(own).values(status="queued"))


async def change(
    session: AsyncSession, job_id: str, runner: str, values: Mapping[str, Any]
) -> bool:
    """Update a job that is still ours; false where another runner has taken it."""
    ours = and_(Job.id == job_id, Job.runner == runner, Job.status == "running")
    statement = update(Job).where(ours).values(**values).returning(Job.id)
    return await session.scalar(statement) is not None


def _claimable(stale_before: datetime) -> ColumnElement[bool]:
    stale = and_(Job.status == "running", Job.heartbeat_at < stale_before)
    return or_(Job.status == "queued", stale)
