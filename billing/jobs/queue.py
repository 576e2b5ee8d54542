"""Putting jobs into the table: once per key, and once per slot of the schedule."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import JobKeyReused
from billing.jobs import repository
from billing.jobs.settings import DEPLOYMENT, JobSettings
from billing.jobs.tasks import TaskRegistry
from billing.models import Job
from core.clock import Clock, isoformat
from core.database import Database
from core.ids import new_id


async def enqueue(
    session: AsyncSession,
    clock: Clock,
    tenant: str,
    kind: str,
    params: Mapping[str, Any],
    key: str | None = None,
) -> tuple[Job, bool]:
    """A queued job, and whether it is new: the tenant's job of that key where there is one.

    Raises:
        JobKeyReused: that one is of another kind or has other parameters.
    """
    values = _values(clock, tenant, kind, params, key)
    is_new = await repository.insert_job(session, values)
    if is_new:
        job = await repository.get_job(session, tenant, values["id"])
    else:
        job = await repository.job_of_key(session, tenant, key or "")
    if job is None:  # retention deleted the other one this very moment
        raise JobKeyReused("The job of this key has just been deleted; send the request again.")
    if not is_new and (job.kind, job.params) != (kind, dict(params)):
        raise JobKeyReused("This key belongs to another job; use a new one.", param="key")
    return job, is_new


async def enqueue_due(
    database: Database, clock: Clock, settings: JobSettings, tasks: TaskRegistry
) -> None:
    """Queue the job of every slot that has none, unless the kind's previous one is still open."""
    if settings.schedule is None:
        return
    due = [slot for slot in settings.schedule.due(clock.now()) if slot.kind in tasks.kinds]
    async with database.session() as session:
        keys, busy = await repository.settled_slots(
            session, [slot.key for slot in due], [slot.kind for slot in due]
        )
    missing = [slot for slot in due if slot.key not in keys and slot.kind not in busy]
    if not missing:
        return
    async with database.transaction() as session:
        for slot in missing:
            params = {"slot": isoformat(slot.slot)}
            values = _values(clock, DEPLOYMENT, slot.kind, params, slot.key)
            await repository.insert_job(session, values)


async def waiting(database: Database, clock: Clock, settings: JobSettings) -> list[str]:
    """Ids of the jobs that nobody works on, the oldest first."""
    now = clock.now()
    async with database.session() as session:
        return list(await repository.waiting_jobs(session, now, now - settings.stale_after))


def _values(
    clock: Clock, tenant: str, kind: str, params: Mapping[str, Any], key: str | None
) -> dict[str, Any]:
    return {
        "id": new_id("job"),
        "tenant": tenant,
        "kind": kind,
        "key": key,
        "params": dict(params),
        "status": "queued",
        "progress": 0,
        "attempts": 0,
        "created_at": clock.now(),
    }
