"""One request by its id: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.admin.access import Actor, somewhere
from gateway.admin.permissions import Permission
from gateway.admin.requests import service
from gateway.admin.requests.schemas import RequestDetails
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["audit"])


@router.get("/requests/{request_id}", summary="Inspect a request", responses=errors(403, 404))
async def get_request(
    request_id: Annotated[str, Path(max_length=64, examples=["req_01k9..."])],
    actor: Annotated[Actor, Depends(somewhere(Permission.AUDIT_READ))],
    services: Services,
) -> RequestDetails:
    """What is known of a request, of whichever tenant the caller may audit."""
    return await service.inspect(services, actor, request_id)
