"""A tenant's audit chain: pages, single records, how whole it is, verifying it now."""

import json
from typing import Any

from billing import DEPLOYMENT
from billing.models import Job
from gateway.admin.access import TenantAccess
from gateway.admin.audit import repository
from gateway.admin.audit.schemas import (
    AuditCheckpoint,
    AuditFilter,
    AuditIntegrity,
    AuditPage,
    AuditQuery,
    AuditRecord,
    AuditRecordDetails,
    AuditVerification,
    VerificationSource,
)
from gateway.admin.jobs.schemas import JobStatus
from gateway.admin.jobs.service import recorded
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.audit import models, query
from gateway.audit.encoding import encode_canonical
from gateway.audit.filters import RecordFilter
from gateway.audit.proofs import prove
from gateway.audit.verification import VERIFY_ALL, VERIFY_ONE
from gateway.tenants.errors import NotFound

_PAGING = {"limit", "before"}
_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


def record_filter(wanted: AuditFilter) -> RecordFilter:
    """The trail's filter of an API's."""
    return RecordFilter(**wanted.model_dump(exclude=_PAGING))


async def page(services: AdminServices, tenant: str, wanted: AuditQuery) -> AuditPage:
    async with services.database.session() as session:
        found = await query.newest(
            session, tenant, record_filter(wanted), limit=wanted.limit, before=wanted.before
        )
    return AuditPage(items=[_view(row) for row in found.records], next_before=found.next_before)


async def details(services: AdminServices, tenant: str, name: str) -> AuditRecordDetails:
    """Raises: NotFound."""
    async with services.database.session() as session:
        row = await query.find(session, tenant, name)
        if row is None:
            raise NotFound("audit record", param="record_id")
        checkpoint = await repository.first_checkpoint_from(session, tenant, row.seq)
    return AuditRecordDetails(record=_view(row), checkpoint=_checkpoint(checkpoint))


async def proof(services: AdminServices, access: TenantAccess, name: str) -> tuple[str, bytes]:
    """File name and content of a record's proof; recorded, as what leaves is.

    Raises:
        NotFound: there is no such record.
        NoProof: no checkpoint covers it yet, or the chain is damaged.
    """
    async with services.database.session() as session:
        row = await query.find(session, access.tenant, name)
        if row is None:
            raise NotFound("audit record", param="record_id")
        found = await prove(session, row.request_id, access.tenant)
    async with services.database.transaction() as session:
        await record(
            services,
            session,
            access.actor,
            action="audit.prove",
            target=row.request_id,
            tenant=access.tenant,
            changes=False,
        )
    return f"{access.tenant}-{row.seq}-proof.json", encode_canonical(found)


async def integrity(services: AdminServices, tenant: str) -> AuditIntegrity:
    async with services.database.session() as session:
        head = await query.head(session, tenant)
        checkpoint = await repository.newest_checkpoint(session, tenant)
    seq, signed = (head.seq if head else 0), (checkpoint.seq if checkpoint else 0)
    return AuditIntegrity(
        records=seq,
        head_hash=head.hash if head else None,
        unsigned=max(seq - signed, 0),
        checkpoint=_checkpoint(checkpoint),
        verification=await _latest_verification(services, tenant),
    )


async def verify(services: AdminServices, access: TenantAccess) -> AuditVerification:
    """Start a verification, or give the one that is under way."""
    running = await services.jobs.list(access.tenant, 1, kinds=[VERIFY_ONE], statuses=_OPEN)
    if running:
        return _verification(running[0], access.tenant)
    also = recorded(services, access.actor, "audit.verify", changes=False)
    job = await services.jobs.submit(access.tenant, VERIFY_ONE, {}, also=also)
    return _verification(job, access.tenant)


async def _latest_verification(services: AdminServices, tenant: str) -> AuditVerification | None:
    """The newest: of this tenant alone, or the nightly one of all chains."""
    own = await services.jobs.list(tenant, 1, kinds=[VERIFY_ONE])
    nightly = await services.jobs.list(
        DEPLOYMENT, 1, kinds=[VERIFY_ALL], statuses=["done", "failed"]
    )
    # One that ended before this chain began says nothing of it.
    known = own + [job for job in nightly if _of_tenant(job, tenant) or not _chains(job)]
    newest = max(known, key=lambda job: job.created_at, default=None)
    return None if newest is None else _verification(newest, tenant)


def _verification(job: Job, tenant: str) -> AuditVerification:
    own = _of_tenant(job, tenant)
    return AuditVerification(
        job_id=job.id,
        status=JobStatus(job.status),
        source=VerificationSource.SCHEDULE
        if job.kind == VERIFY_ALL
        else VerificationSource.REQUEST,
        started_at=job.started_at,
        finished_at=job.finished_at,
        ok=own.get("ok"),
        records=own.get("records"),
        summary=own.get("summary"),
    )


def _of_tenant(job: Job, tenant: str) -> dict[str, Any]:
    """What the job's result says of one tenant's chain."""
    return next((chain for chain in _chains(job) if chain["tenant"] == tenant), {})


def _chains(job: Job) -> list[dict[str, Any]]:
    return (job.result or {}).get("chains", [])


def _checkpoint(row: models.AuditCheckpoint | None) -> AuditCheckpoint | None:
    if row is None:
        return None
    return AuditCheckpoint(seq=row.seq, hash=row.hash, at=row.time, key_id=row.key_id)


def _view(row: Any) -> AuditRecord:
    return AuditRecord(
        seq=row.seq,
        request_id=row.request_id,
        kind=row.kind,
        at=row.time,
        prev_hash=row.prev_hash,
        hash=row.hash,
        body=json.loads(row.body),
    )
