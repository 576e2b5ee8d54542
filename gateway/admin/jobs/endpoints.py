"""Jobs: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from billing import DEPLOYMENT
from gateway.admin.access import Actor, TenantAccess, globally, on_tenant
from gateway.admin.jobs import service
from gateway.admin.jobs.schemas import (
    IdempotencyKey,
    Job,
    JobCreate,
    JobList,
    JobSchedule,
    JobStatus,
)
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["jobs"])
TenantReader = Annotated[TenantAccess, Depends(on_tenant(Permission.JOBS_READ))]
TenantWriter = Annotated[TenantAccess, Depends(on_tenant(Permission.JOBS_WRITE))]
Writer = Annotated[Actor, Depends(globally(Permission.JOBS_WRITE))]
READER = [Depends(globally(Permission.JOBS_READ))]
JobId = Annotated[str, Path(max_length=64)]
KindFilter = Annotated[str | None, Query(max_length=40, description="Only this kind.")]
StatusFilter = Annotated[JobStatus | None, Query(description="Only in this status.")]


@router.get("/tenants/{tenant}/jobs", summary="List jobs", responses=errors(403, 404))
async def list_jobs(
    access: TenantReader,
    services: Services,
    kind: KindFilter = None,
    status: StatusFilter = None,
) -> JobList:
    """The tenant's newest jobs, exports among them."""
    return await service.list_jobs(services, access.tenant, kind, status)


@router.get("/tenants/{tenant}/jobs/{job_id}", summary="Get a job", responses=errors(403, 404))
async def get_job(job_id: JobId, access: TenantReader, services: Services) -> Job:
    """One job: how far it is, and what came of it."""
    return await service.get_job(services, access.tenant, job_id)


@router.post(
    "/tenants/{tenant}/jobs/{job_id}/cancel",
    summary="Cancel a job",
    responses=errors(403, 404, 409),
)
async def cancel_job(job_id: JobId, access: TenantWriter, services: Services) -> Job:
    """Give up a job that is still queued."""
    return await service.cancel_job(services, access.actor, access.tenant, job_id)


@router.post(
    "/tenants/{tenant}/jobs/{job_id}/retry",
    summary="Retry a job",
    status_code=202,
    responses=errors(403, 404, 409),
)
async def retry_job(job_id: JobId, access: TenantWriter, services: Services) -> Job:
    """Queue a failed job again."""
    return await service.retry_job(services, access.actor, access.tenant, job_id)


@router.get(
    "/jobs", summary="List the deployment's jobs", dependencies=READER, responses=errors(403)
)
async def list_deployment_jobs(
    services: Services, kind: KindFilter = None, status: StatusFilter = None
) -> JobList:
    """The newest jobs that concern no single tenant."""
    return await service.list_jobs(services, DEPLOYMENT, kind, status)


@router.post(
    "/jobs", summary="Start a job of the deployment", status_code=202, responses=errors(403)
)
async def start_deployment_job(
    body: JobCreate, actor: Writer, services: Services, idempotency_key: IdempotencyKey = None
) -> Job:
    """Queue a job of one of the schedule's kinds now."""
    return await service.start_job(services, actor, body, idempotency_key)


@router.get("/jobs/schedule", summary="Schedule", dependencies=READER, responses=errors(403))
async def get_job_schedule(services: Services) -> JobSchedule:
    """What runs without being asked for: when next, and how it went last."""
    return await service.get_schedule(services)


@router.get(
    "/jobs/{job_id}",
    summary="Get a job of the deployment",
    dependencies=READER,
    responses=errors(403, 404),
)
async def get_deployment_job(job_id: JobId, services: Services) -> Job:
    """One job of the deployment: how far it is, and what came of it."""
    return await service.get_job(services, DEPLOYMENT, job_id)


@router.post(
    "/jobs/{job_id}/cancel",
    summary="Cancel a job of the deployment",
    responses=errors(403, 404, 409),
)
async def cancel_deployment_job(job_id: JobId, actor: Writer, services: Services) -> Job:
    """Give up a job of the deployment that is still queued."""
    return await service.cancel_job(services, actor, DEPLOYMENT, job_id)


@router.post(
    "/jobs/{job_id}/retry",
    summary="Retry a job of the deployment",
    status_code=202,
    responses=errors(403, 404, 409),
)
async def retry_deployment_job(job_id: JobId, actor: Writer, services: Services) -> Job:
    """Queue a failed job of the deployment again."""
    return await service.retry_job(services, actor, DEPLOYMENT, job_id)
