"""Recognizers: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.permissions import Permission
from gateway.admin.recognizers import service
from gateway.admin.recognizers.schemas import (
    Recognizer,
    RecognizerCheck,
    RecognizerCreate,
    RecognizerList,
    RecognizerUpdate,
    RecognizerVerdict,
)
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["privacy"])
Writer = Annotated[TenantAccess, Depends(on_tenant(Permission.RECOGNIZERS_WRITE))]
RecognizerId = Annotated[str, Path(max_length=64)]


@router.get("/tenants/{tenant}/recognizers", summary="List recognizers", responses=errors(403, 404))
async def list_recognizers(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.RECOGNIZERS_READ))],
    services: Services,
) -> RecognizerList:
    """The tenant's own recognizers and those of its policy, without their values."""
    return await service.list_recognizers(services, access.tenant)


@router.post(
    "/tenants/{tenant}/recognizers",
    summary="Create a recognizer",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_recognizer(
    body: RecognizerCreate, access: Writer, services: Services
) -> Recognizer:
    """Create a recognizer. It holds at once in this process and within seconds in others."""
    return await service.create_recognizer(services, access, body)


@router.post(
    "/tenants/{tenant}/recognizers/check",
    summary="Check a recognizer",
    responses=errors(403, 404),
)
async def check_recognizer(body: RecognizerCheck, access: Writer) -> RecognizerVerdict:
    """Say what is wrong with a definition, without storing it."""
    return await service.check_recognizer(body)


@router.get(
    "/tenants/{tenant}/recognizers/{recognizer_id}",
    summary="Get a recognizer",
    responses=errors(403, 404),
)
async def get_recognizer(
    recognizer_id: RecognizerId, access: Writer, services: Services
) -> Recognizer:
    """One recognizer with all its values."""
    return await service.get_recognizer(services, access.tenant, recognizer_id)


@router.put(
    "/tenants/{tenant}/recognizers/{recognizer_id}",
    summary="Replace a recognizer",
    responses=errors(403, 404, 409),
)
async def update_recognizer(
    recognizer_id: RecognizerId, body: RecognizerUpdate, access: Writer, services: Services
) -> Recognizer:
    """Replace the definition; 409 where somebody else changed it since `version`."""
    return await service.update_recognizer(services, access, recognizer_id, body)


@router.delete(
    "/tenants/{tenant}/recognizers/{recognizer_id}",
    summary="Delete a recognizer",
    status_code=204,
    responses=errors(403, 404, 409),
)
async def delete_recognizer(
    recognizer_id: RecognizerId,
    access: Writer,
    services: Services,
    version: Annotated[
        int | None, Query(ge=1, description="Only if it still has this version.")
    ] = None,
) -> None:
    """Delete a recognizer; what it found is no longer masked."""
    await service.delete_recognizer(services, access, recognizer_id, version)
