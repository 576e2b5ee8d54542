"""Jobs: what a tenant's or the deployment's are doing, start, cancel and retry them.

``tenant`` is ``DEPLOYMENT`` for jobs of the whole; their records go to the trail of
actions that concern no single tenant.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import DEPLOYMENT
from billing import models as tables
from billing.jobs.service import Also
from gateway.admin.access import Actor
from gateway.admin.jobs.schemas import (
    Job,
    JobCreate,
    JobList,
    JobSchedule,
    JobStatus,
    ScheduledKind,
)
from gateway.admin.permissions import Permission
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.reports import RERATE

# Starting or retrying these asks for the permission of what they do, beside jobs.write.
NEEDED: Mapping[str, Permission] = {
    "audit": Permission.EXPORTS_AUDIT,
    "audit.retention": Permission.AUDIT_ERASE,
    "evidence": Permission.EXPORTS_AUDIT,
    "invoices.draft": Permission.INVOICES_WRITE,
    RERATE: Permission.LEDGER_ADJUST,
}


async def list_jobs(
    services: AdminServices, tenant: str, kind: str | None, status: JobStatus | None
) -> JobList:
    jobs = await services.jobs.list(
        tenant,
        kinds=None if kind is None else [kind],
        statuses=None if status is None else [status],
    )
    return JobList(items=[view(job) for job in jobs])


async def get_job(services: AdminServices, tenant: str, job_id: str) -> Job:
    return view(await services.jobs.get(tenant, job_id))


async def start_job(services: AdminServices, actor: Actor, body: JobCreate, key: str | None) -> Job:
    _require(actor, body.kind, DEPLOYMENT)
    job = await services.jobs.submit(
        DEPLOYMENT,
        body.kind,
        body.params,
        key=None if key is None else account_key(actor, key),
        also=recorded(services, actor, "job.start", {"kind": body.kind, "params": body.params}),
    )
    return view(job)


async def retry_job(services: AdminServices, actor: Actor, tenant: str, job_id: str) -> Job:
    _require(actor, (await services.jobs.get(tenant, job_id)).kind, tenant)
    also = recorded(services, actor, "job.retry")
    return view(await services.jobs.retry(tenant, job_id, also=also))


async def cancel_job(services: AdminServices, actor: Actor, tenant: str, job_id: str) -> Job:
    also = recorded(services, actor, "job.cancel")
    return view(await services.jobs.cancel(tenant, job_id, also=also))


async def get_schedule(services: AdminServices) -> JobSchedule:
    schedule = services.jobs.settings.schedule
    if schedule is None:
        return JobSchedule(items=[])
    now = services.clock.now()
    items = []
    for kind, text in schedule.texts.items():
        if kind not in services.jobs.tasks.kinds:
            continue
        cadence = schedule.cadences.get(kind)
        latest = await services.jobs.list(DEPLOYMENT, 1, kinds=[kind])
        items.append(
            ScheduledKind(
                kind=kind,
                cadence=text,
                next_at=None if cadence is None else cadence.following(cadence.slot(now)),
                latest=view(latest[0]) if latest else None,
            )
        )
    return JobSchedule(items=items)


def _require(actor: Actor, kind: str, tenant: str) -> None:
    if kind in NEEDED:
        actor.require(NEEDED[kind], None if tenant == DEPLOYMENT else tenant)


def account_key(actor: Actor, key: str) -> str:
    """An idempotency key as the jobs table holds it: nobody meets another account's, nor
    takes one of the schedule's."""
    return f"api:{actor.user_id}:{key}"


def recorded(
    services: AdminServices,
    actor: Actor,
    action: str,
    after: Mapping[str, Any] | None = None,
    *,
    changes: bool = True,
) -> Also:
    """An audit record in the transaction that makes or changes the job."""

    async def also(session: AsyncSession, job: tables.Job) -> None:
        await record(
            services,
            session,
            actor,
            action=action,
            target=job.id,
            tenant=None if job.tenant == DEPLOYMENT else job.tenant,
            after=after,
            changes=changes,
        )

    return also


def view(job: tables.Job) -> Job:
    return Job(
        id=job.id,
        tenant=job.tenant,
        kind=job.kind,
        params=job.params,
        status=JobStatus(job.status),
        progress=job.progress,
        attempts=job.attempts,
        result=job.result,
        error=job.error_code,
        has_file=job.file_name is not None,
        created_at=job.created_at,
        not_before=job.not_before if job.status == JobStatus.QUEUED else None,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
