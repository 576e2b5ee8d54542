"""The deployment's settings, read-only: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.admin.access import Actor, globally
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.admin.system.schemas import System

router = APIRouter(tags=["system"])


@router.get("/system", summary="Settings and health", responses=errors(403))
async def get_system(
    actor: Annotated[Actor, Depends(globally(Permission.SYSTEM_READ))], services: Services
) -> System:
    """Version, tiers, upstreams and their health, prices, policies: no secrets."""
    return await services.system.describe()
