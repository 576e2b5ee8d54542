"""Exports: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.exports import service
from gateway.admin.exports.schemas import Export, ExportCreate, ExportList
from gateway.admin.jobs.schemas import IdempotencyKey
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["exports"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.EXPORTS_READ))]
ExportId = Annotated[str, Path(max_length=64)]


@router.post(
    "/tenants/{tenant}/exports",
    summary="Start an export",
    status_code=202,
    responses=errors(403, 404),
)
async def create_export(
    body: ExportCreate,
    access: Reader,
    services: Services,
    idempotency_key: IdempotencyKey = None,
) -> Export:
    """Start writing a report: audit and evidence need exports.audit, others exports.finance."""
    return await service.create_export(services, access, body, idempotency_key)


@router.get("/tenants/{tenant}/exports", summary="List exports", responses=errors(403, 404))
async def list_exports(access: Reader, services: Services) -> ExportList:
    """The tenant's exports that the account may download, newest first."""
    return await service.list_exports(services, access)


@router.get(
    "/tenants/{tenant}/exports/{export_id}", summary="Get an export", responses=errors(403, 404)
)
async def get_export(export_id: ExportId, access: Reader, services: Services) -> Export:
    """One export and how far it is."""
    return await service.get_export(services, access, export_id)


@router.get(
    "/tenants/{tenant}/exports/{export_id}/download",
    summary="Download an export",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The file.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
        **errors(403, 404, 409),
    },
)
async def download_export(export_id: ExportId, access: Reader, services: Services) -> FileResponse:
    """The file of a finished export."""
    return await service.download(services, access, export_id)
