"""Exports: which kind a role may ask for and download, with audit records.

A request is recorded with its job, in one transaction, and a download before the first
byte leaves: an export that nobody can account for cannot happen.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi.responses import FileResponse

from billing.errors import UnknownJob
from billing.models import Job
from core.clock import isoformat
from gateway.admin.access import TenantAccess
from gateway.admin.audit.schemas import AuditFilter
from gateway.admin.errors import ExportNotReady
from gateway.admin.exports.audit_exporter import AUDIT_FORMATS
from gateway.admin.exports.schemas import (
    Export,
    ExportCreate,
    ExportFormat,
    ExportKind,
    ExportList,
    ExportStatus,
)
from gateway.admin.jobs.service import account_key, recorded
from gateway.admin.permissions import Permission, allows
from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.admin.trail import record
from gateway.evidence.files import FORMATS as EVIDENCE_FORMATS
from gateway.tenants.errors import InvalidValue, NotFound

_TABLES = frozenset({ExportFormat.CSV, ExportFormat.PARQUET, ExportFormat.XLSX})
FORMATS: Mapping[str, frozenset[ExportFormat]] = {
    ExportKind.AUDIT: frozenset(ExportFormat(name) for name in AUDIT_FORMATS),
    ExportKind.BILLING: _TABLES,
    ExportKind.EVIDENCE: frozenset(ExportFormat(name) for name in EVIDENCE_FORMATS),
    ExportKind.FOCUS: frozenset({ExportFormat.CSV, ExportFormat.PARQUET}),
    ExportKind.RECONCILIATION: frozenset({ExportFormat.XLSX}),
    ExportKind.SAVINGS: _TABLES,
    ExportKind.USAGE: _TABLES,
}
NEEDED: Mapping[str, Permission] = {
    ExportKind.AUDIT: Permission.EXPORTS_AUDIT,
    ExportKind.BILLING: Permission.EXPORTS_FINANCE,
    ExportKind.EVIDENCE: Permission.EXPORTS_AUDIT,
    ExportKind.FOCUS: Permission.EXPORTS_FINANCE,
    ExportKind.RECONCILIATION: Permission.EXPORTS_FINANCE,
    ExportKind.SAVINGS: Permission.EXPORTS_FINANCE,
    ExportKind.USAGE: Permission.EXPORTS_FINANCE,
}


async def create_export(
    services: AdminServices, access: TenantAccess, body: ExportCreate, key: str | None = None
) -> Export:
    """Queue an export, or give the one that the account's same ``key`` asked for before."""
    access.actor.require(NEEDED[body.kind], access.tenant)
    if body.format not in FORMATS[body.kind]:
        names = ", ".join(sorted(FORMATS[body.kind]))
        raise InvalidValue(f"Exports of {body.kind} come as {names}.", param="format")
    span(body.start, body.end, services.clock.now())
    params = _params(body)
    job = await services.jobs.submit(
        access.tenant,
        body.kind.value,
        params,
        key=None if key is None else account_key(access.actor, key),
        also=recorded(services, access.actor, "export.create", {"kind": body.kind.value, **params}),
    )
    return await _view(services, job)


def _params(body: ExportCreate) -> dict[str, Any]:
    params: dict[str, Any] = {
        "format": body.format.value,
        "from": isoformat(body.start),
        "to": isoformat(body.end),
    }
    if body.kind is ExportKind.USAGE and body.group_by is not None:
        params["group_by"] = [group.value for group in body.group_by]
    if body.kind is ExportKind.SAVINGS and body.savings is not None:
        params |= body.savings.model_dump(exclude_none=True)
    wanted = body.filter.model_dump(exclude_none=True) if body.filter else {}
    if body.kind is ExportKind.AUDIT and wanted:
        params["filter"] = wanted
    return params


async def list_exports(services: AdminServices, access: TenantAccess) -> ExportList:
    kinds = [kind for kind in NEEDED if _may_read(access, kind)]
    jobs = await services.jobs.list(access.tenant, kinds=kinds)
    return ExportList(items=[await _view(services, job) for job in jobs])


async def get_export(services: AdminServices, access: TenantAccess, export_id: str) -> Export:
    return await _view(services, await _find(services, access, export_id))


async def download(services: AdminServices, access: TenantAccess, export_id: str) -> FileResponse:
    """The file.

    Raises:
        NotFound: no such export for this account, or its file was cleared away.
        ExportNotReady: it is not finished.
    """
    job = await _find(services, access, export_id)
    if job.status != ExportStatus.DONE:
        raise ExportNotReady(f"This export is {job.status}. Ask for it again until it is done.")
    path = await services.jobs.file(access.tenant, export_id)
    await _record(services, access, "export.download", export_id, {"kind": job.kind})
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=f"{access.tenant}-{path.name}",
    )


async def _find(services: AdminServices, access: TenantAccess, export_id: str) -> Job:
    try:
        job = await services.jobs.get(access.tenant, export_id)
    except UnknownJob:
        raise NotFound("export", param="export_id") from None
    if not _may_read(access, job.kind):
        raise NotFound("export", param="export_id")
    return job


def _may_read(access: TenantAccess, kind: str) -> bool:
    needed = NEEDED.get(kind)
    return needed is not None and allows(access.actor.grants, needed, access.tenant)


async def _record(
    services: AdminServices,
    access: TenantAccess,
    action: str,
    target: str,
    after: Mapping[str, str],
) -> None:
    async with services.database.transaction() as session:
        await record(
            services,
            session,
            access.actor,
            action=action,
            target=target,
            tenant=access.tenant,
            after=after,
            changes=False,
        )


async def _view(services: AdminServices, job: Job) -> Export:
    return Export(
        id=job.id,
        tenant=job.tenant,
        kind=ExportKind(job.kind),
        format=ExportFormat(job.params["format"]),
        start=datetime.fromisoformat(job.params["from"]),
        end=datetime.fromisoformat(job.params["to"]),
        filter=AuditFilter(**job.params["filter"]) if "filter" in job.params else None,
        status=ExportStatus(job.status),
        progress=job.progress,
        error=job.error_code,
        size_bytes=await _size(services, job),
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


async def _size(services: AdminServices, job: Job) -> int | None:
    if job.status != ExportStatus.DONE:
        return None
    try:
        path = await services.jobs.file(job.tenant, job.id)
    except UnknownJob:  # cleared away since
        return None
    return path.stat().st_size
