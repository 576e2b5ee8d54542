"""SQL of the jobs table. The table is the queue; a broker only rings the bell."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from billing.jobs.settings import DEPLOYMENT
from billing.models import BudgetAlert, BudgetPeriod, Job

OPEN = ("queued", "running")
FINISHED = ("done", "failed")


async def insert_job(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Queue a job; false where its tenant has one of the same key."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(Job).values(**values).on_conflict_do_nothing()
    return await session.scalar(statement.returning(Job.id)) is not None


async def get_job(session: AsyncSession, tenant: str, job_id: str) -> Job | None:
    return await session.scalar(select(Job).where(Job.id == job_id, Job.tenant == tenant))


async def job_of_key(session: AsyncSession, tenant: str, key: str) -> Job | None:
    return await session.scalar(select(Job).where(Job.tenant == tenant, Job.key == key))


async def list_jobs(
    session: AsyncSession,
    tenant: str,
    limit: int,
    kinds: Collection[str] | None,
    statuses: Collection[str] | None,
) -> list[Job]:
    """The newest first; ``None``: of every kind, in every status."""
    query = select(Job).where(Job.tenant == tenant)
    if kinds is not None:
        query = query.where(Job.kind.in_(kinds))
    if statuses is not None:
        query = query.where(Job.status.in_(statuses))
    order = (Job.created_at.desc(), Job.id.desc())
    return list(await session.scalars(query.order_by(*order).limit(limit)))


async def settled_slots(
    session: AsyncSession, keys: Collection[str], kinds: Collection[str]
) -> tuple[set[str], set[str]]:
    """Of these keys and kinds of the deployment's jobs: which keys exist, which kinds are open."""
    own = Job.tenant == DEPLOYMENT
    found = await session.scalars(select(Job.key).where(own, Job.key.in_(keys)))
    open_kinds = await session.scalars(
        select(Job.kind).where(own, Job.kind.in_(kinds), Job.status.in_(OPEN)).distinct()
    )
    return {key for key in found if key is not None}, set(open_kinds)


async def waiting_jobs(
    session: AsyncSession, now: datetime, stale_before: datetime
) -> Sequence[str]:
    """Jobs that nobody works on and that may run now, the oldest first."""
    query = select(Job.id).where(_claimable(now, stale_before))
    return list(await session.scalars(query.order_by(Job.created_at, Job.id)))


async def claim(
    session: AsyncSession, job_id: str, runner: str, now: datetime, stale_before: datetime
) -> Job | None:
    """Make a job ours, unless someone is at it or it is finished."""
    statement = (
        update(Job)
        .where(Job.id == job_id, _claimable(now, stale_before))
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


async def change(session: AsyncSession, job: Job, values: Mapping[str, Any]) -> bool:
    """Update a job as it was claimed; false where it has been given to another runner since."""
    ours = and_(
        Job.id == job.id,
        Job.status == "running",
        Job.runner == job.runner,
        Job.started_at == job.started_at,
    )
    statement = update(Job).where(ours).values(**values).returning(Job.id)
    return await session.scalar(statement) is not None


async def move(
    session: AsyncSession, tenant: str, job_id: str, status: str, values: Mapping[str, Any]
) -> Job | None:
    """Update a job that has this status; ``None`` where it has another."""
    own = and_(Job.id == job_id, Job.tenant == tenant, Job.status == status)
    return await session.scalar(update(Job).where(own).values(**values).returning(Job))


async def delete_finished(
    session: AsyncSession, before: datetime, keep_keys: Collection[str]
) -> int:
    """Every tenant's jobs that ended before then; how many."""
    return await _delete(session, Job.finished_at < before, keep_keys)


async def delete_scheduled(
    session: AsyncSession, kinds: Collection[str], before: datetime, keep_keys: Collection[str]
) -> int:
    """The deployment's successful jobs of these kinds that ended before then; how many."""
    own = and_(Job.tenant == DEPLOYMENT, Job.kind.in_(kinds), Job.status == "done")
    return await _delete(session, and_(own, Job.finished_at < before), keep_keys)


async def delete_alerts(session: AsyncSession, before: datetime) -> int:
    """Delivered alerts of periods that ended before then; how many.

    One of a period that still runs stays: its row is what keeps it from being sent twice.
    """
    ended = select(BudgetPeriod.id).where(BudgetPeriod.ends_at < before)
    statement = delete(BudgetAlert).where(
        BudgetAlert.status == "sent", BudgetAlert.period_id.in_(ended)
    )
    return len(list(await session.scalars(statement.returning(BudgetAlert.id))))


async def _delete(
    session: AsyncSession, which: ColumnElement[bool], keep_keys: Collection[str]
) -> int:
    kept = and_(Job.key.is_not(None), Job.key.in_(keep_keys))
    statement = delete(Job).where(Job.status.in_(FINISHED), which, ~kept)
    return len(list(await session.scalars(statement.returning(Job.id))))


def _claimable(now: datetime, stale_before: datetime) -> ColumnElement[bool]:
    stale = and_(Job.status == "running", Job.heartbeat_at < stale_before)
    waits = and_(Job.status == "queued", or_(Job.not_before.is_(None), Job.not_before <= now))
    return or_(waits, stale)
