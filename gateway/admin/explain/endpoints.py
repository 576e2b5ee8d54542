"""Explain: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.explain import service
from gateway.admin.explain.schemas import Explained, ExplainRequest
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["privacy"])


@router.post(
    "/tenants/{tenant}/explain",
    summary="Explain a text",
    responses=errors(403, 404, 429),
)
async def explain_text(
    body: ExplainRequest,
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.PRIVACY_EXPLAIN))],
    services: Services,
) -> Explained:
    """What the privacy guard finds in a text, why, what a model would get, and what comes back.

    The text is neither stored nor logged; the audit record has the counts by type.
    """
    return await service.explain_text(services, access, body)
