"""Budgets of tenants, their raises and alerts: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.budgets import raises, service
from gateway.admin.budgets.owner import BudgetOwner
from gateway.admin.budgets.schemas import (
    AlertList,
    Budget,
    BudgetCreate,
    BudgetList,
    BudgetUpdate,
    Raise,
    RaiseCreate,
    RaiseList,
)
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["budgets"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.BUDGETS_READ))]
Writer = Annotated[TenantAccess, Depends(on_tenant(Permission.BUDGETS_WRITE))]
BudgetId = Annotated[str, Path(max_length=64)]
RaiseId = Annotated[str, Path(max_length=64)]
OfBudget = Annotated[str | None, Query(max_length=64, description="Of this budget only.")]
Most = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]


@router.get("/tenants/{tenant}/budgets", summary="List budgets", responses=errors(403, 404))
async def list_budgets(access: Reader, services: Services) -> BudgetList:
    """The tenant's budgets and where they stand in their present period."""
    return await service.list_budgets(services, access.tenant)


@router.post(
    "/tenants/{tenant}/budgets",
    summary="Create a budget",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_budget(body: BudgetCreate, access: Writer, services: Services) -> Budget:
    """Create a budget of the tenant (global roles only), a project, a key or end users."""
    return await service.create_budget(services, BudgetOwner.of_tenant(access), body)


@router.get(
    "/tenants/{tenant}/budgets/{budget_id}/raises",
    summary="List raises of a budget",
    responses=errors(403, 404),
)
async def list_raises(budget_id: BudgetId, access: Reader, services: Services) -> RaiseList:
    """All there ever were, the newest first."""
    return await raises.list_raises(services, access.tenant, budget_id)


@router.post(
    "/tenants/{tenant}/budgets/{budget_id}/raises",
    summary="Raise a budget for a while",
    status_code=201,
    responses=errors(403, 404),
)
async def give_raise(
    body: RaiseCreate, budget_id: BudgetId, access: Writer, services: Services
) -> Raise:
    """Add to a budget's limit until an instant. Raises add up."""
    return await raises.give_raise(services, BudgetOwner.of_tenant(access), budget_id, body)


@router.delete(
    "/tenants/{tenant}/budgets/{budget_id}/raises/{raise_id}",
    summary="Revoke a raise",
    responses=errors(403, 404),
)
async def revoke_raise(
    budget_id: BudgetId, raise_id: RaiseId, access: Writer, services: Services
) -> Raise:
    """End a raise now; one that has ended stays as it is."""
    return await raises.revoke_raise(services, BudgetOwner.of_tenant(access), budget_id, raise_id)


@router.patch(
    "/tenants/{tenant}/budgets/{budget_id}",
    summary="Change a budget",
    responses=errors(403, 404),
)
async def update_budget(
    body: BudgetUpdate, budget_id: BudgetId, access: Writer, services: Services
) -> Budget:
    """Change a budget's limit, whether it is hard, or its alerts."""
    return await service.update_budget(services, BudgetOwner.of_tenant(access), budget_id, body)


@router.delete(
    "/tenants/{tenant}/budgets/{budget_id}",
    summary="Delete a budget",
    status_code=204,
    responses=errors(403, 404),
)
async def delete_budget(budget_id: BudgetId, access: Writer, services: Services) -> None:
    """Delete a budget; what was spent stays in the ledger."""
    await service.delete_budget(services, BudgetOwner.of_tenant(access), budget_id)


@router.get("/tenants/{tenant}/alerts", summary="List alerts", responses=errors(403, 404))
async def list_alerts(
    access: Reader, services: Services, budget_id: OfBudget = None, limit: Most = 100
) -> AlertList:
    """Thresholds that the tenant's budgets have reached, the newest first."""
    return await raises.show_alerts(services, access.tenant, budget_id, limit)
