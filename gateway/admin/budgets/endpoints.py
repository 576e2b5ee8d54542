"""Budgets: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.budgets import service
from gateway.admin.budgets.schemas import Budget, BudgetCreate, BudgetList, BudgetUpdate
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services

router = APIRouter(tags=["budgets"])
Writer = Annotated[TenantAccess, Depends(on_tenant(Permission.BUDGETS_WRITE))]
BudgetId = Annotated[str, Path(max_length=64)]


@router.get("/tenants/{tenant}/budgets", summary="List budgets", responses=errors(403, 404))
async def list_budgets(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.BUDGETS_READ))],
    services: Services,
) -> BudgetList:
    """The tenant's budgets and where they stand in their present period."""
    return await service.list_budgets(services, access.tenant)


@router.post(
    "/tenants/{tenant}/budgets",
    summary="Create a budget",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_budget(body: BudgetCreate, access: Writer, services: Services) -> Budget:
    """Create a budget of the tenant (global roles only), a project or a key."""
    return await service.create_budget(services, access, body)


@router.patch(
    "/tenants/{tenant}/budgets/{budget_id}",
    summary="Change a budget",
    responses=errors(403, 404),
)
async def update_budget(
    body: BudgetUpdate, budget_id: BudgetId, access: Writer, services: Services
) -> Budget:
    """Change a budget's limit or whether it is hard."""
    return await service.update_budget(services, access, budget_id, body)


@router.delete(
    "/tenants/{tenant}/budgets/{budget_id}",
    summary="Delete a budget",
    status_code=204,
    responses=errors(403, 404),
)
async def delete_budget(budget_id: BudgetId, access: Writer, services: Services) -> None:
    """Delete a budget; what was spent stays in the ledger."""
    await service.delete_budget(services, access, budget_id)
