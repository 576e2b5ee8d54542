"""Exports: which kind a role may ask for and download, with audit records."""

from fastapi.responses import FileResponse
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import TenantAccess
from gateway.admin.exports.schemas import (
    Export,
    ExportCreate,
    ExportFormat,
    ExportKind,
    ExportList,
)
from gateway.admin.permissions import Permission, allows
from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.admin.trail import record
from gateway.tenants.errors import InvalidValue, NotFound

_TABLES = frozenset({ExportFormat.CSV, ExportFormat.PARQUET, ExportFormat.XLSX})
FORMATS = {
    ExportKind.AUDIT: frozenset({ExportFormat.JSONL, ExportFormat.CSV, ExportFormat.PARQUET}),
    ExportKind.BILLING: _TABLES,
    ExportKind.USAGE: _TABLES,
}
NEEDED = {
    ExportKind.AUDIT: Permission.EXPORTS_AUDIT,
    ExportKind.BILLING: Permission.EXPORTS_FINANCE,
    ExportKind.USAGE: Permission.EXPORTS_FINANCE,
}


async def create_export(
    services: AdminServices, access: TenantAccess, body: ExportCreate
) -> Export:
    access.actor.require(NEEDED[body.kind], access.tenant)
    if body.format not in FORMATS[body.kind]:
        names = ", ".join(sorted(FORMATS[body.kind]))
        raise InvalidValue(f"Exports of {body.kind} come as {names}.", param="format")
    span(body.start, body.end, services.clock.now())
    async with services.database.transaction() as session:
        export = await services.exports.create(
            session, access.tenant, body, actor=access.actor.user_id
        )
        await _record(services, session, access, "export.create", export)
    await services.exports.start(export)
    return export


async def list_exports(services: AdminServices, access: TenantAccess) -> ExportList:
    async with services.database.session() as session:
        exports = await services.exports.list(session, access.tenant)
    return ExportList(items=[export for export in exports if _may_read(access, export)])


async def get_export(services: AdminServices, access: TenantAccess, export_id: str) -> Export:
    async with services.database.session() as session:
        export = await services.exports.get(session, access.tenant, export_id)
    if not _may_read(access, export):
        raise NotFound("export", param="export_id")
    return export


async def download(services: AdminServices, access: TenantAccess, export_id: str) -> FileResponse:
    """The file; who took it away is recorded."""
    export = await get_export(services, access, export_id)
    async with services.database.transaction() as session:
        path = await services.exports.file(session, access.tenant, export_id)
        await _record(services, session, access, "export.download", export)
    name = f"{access.tenant}-{export.kind}-{export.id}.{export.format}"
    return FileResponse(path, media_type="application/octet-stream", filename=name)


def _may_read(access: TenantAccess, export: Export) -> bool:
    return allows(access.actor.grants, NEEDED[export.kind], access.tenant)


async def _record(
    services: AdminServices,
    session: AsyncSession,
    access: TenantAccess,
    action: str,
    export: Export,
) -> None:
    await record(
        services,
        session,
        access.actor,
        action=action,
        target=export.id,
        tenant=access.tenant,
        after={"kind": export.kind, "format": export.format},
    )
