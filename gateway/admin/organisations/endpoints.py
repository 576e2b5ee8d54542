"""Organisations and the budgets that their tenants share: path -> service.

For global roles only: an organisation is above all tenants.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.admin.access import Actor, CurrentActor, globally
from gateway.admin.budgets import raises
from gateway.admin.budgets import service as budgets
from gateway.admin.budgets.endpoints import BudgetId, Most, OfBudget, RaiseId
from gateway.admin.budgets.owner import BudgetOwner
from gateway.admin.budgets.schemas import (
    AlertList,
    Budget,
    BudgetList,
    BudgetUpdate,
    OrganisationBudgetCreate,
    Raise,
    RaiseCreate,
    RaiseList,
)
from gateway.admin.organisations import service
from gateway.admin.organisations.schemas import (
    Organisation,
    OrganisationCreate,
    OrganisationList,
)
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.tenants.organisations import OrganisationService

router = APIRouter(tags=["organisations"])
_ONE = "/organisations/{organisation}"


def on_organisation(permission: Permission) -> Callable[..., Awaitable[BudgetOwner]]:
    """A dependency: the permission is held globally, and there is such an organisation."""

    async def check(
        organisation: Annotated[str, Path(max_length=63, examples=["group"])],
        actor: CurrentActor,
        services: Services,
    ) -> BudgetOwner:
        actor.require(permission)
        async with services.database.session() as session:
            await OrganisationService(session, services.clock).get(organisation)
        return BudgetOwner.of_organisation(actor, organisation)

    return check


Reader = Annotated[BudgetOwner, Depends(on_organisation(Permission.BUDGETS_READ))]
Writer = Annotated[BudgetOwner, Depends(on_organisation(Permission.BUDGETS_GOVERN))]


@router.get("/organisations", summary="List organisations", responses=errors(403))
async def list_organisations(
    actor: Annotated[Actor, Depends(globally(Permission.TENANTS_READ))], services: Services
) -> OrganisationList:
    """All organisations by name."""
    return await service.list_organisations(services)


@router.post(
    "/organisations", summary="Create an organisation", status_code=201, responses=errors(403, 409)
)
async def create_organisation(
    body: OrganisationCreate,
    actor: Annotated[Actor, Depends(globally(Permission.TENANTS_GOVERN))],
    services: Services,
) -> Organisation:
    """Create an organisation; a tenant is put into it by changing the tenant."""
    return await service.create_organisation(services, actor, body)


@router.get(
    f"{_ONE}/budgets", summary="List budgets of an organisation", responses=errors(403, 404)
)
async def list_organisation_budgets(owner: Reader, services: Services) -> BudgetList:
    """The budgets that its tenants share, and where they stand."""
    return await budgets.list_budgets(services, owner.key)


@router.post(
    f"{_ONE}/budgets",
    summary="Create a budget of an organisation",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_organisation_budget(
    body: OrganisationBudgetCreate, owner: Writer, services: Services
) -> Budget:
    """Create a budget that bounds all tenants of the organisation together."""
    return await budgets.create_organisation_budget(services, owner, body)


@router.get(
    f"{_ONE}/budgets/{{budget_id}}/raises",
    summary="List raises of an organisation's budget",
    responses=errors(403, 404),
)
async def list_organisation_raises(
    budget_id: BudgetId, owner: Reader, services: Services
) -> RaiseList:
    """All there ever were, the newest first."""
    return await raises.list_raises(services, owner.key, budget_id)


@router.post(
    f"{_ONE}/budgets/{{budget_id}}/raises",
    summary="Raise an organisation's budget for a while",
    status_code=201,
    responses=errors(403, 404),
)
async def give_organisation_raise(
    body: RaiseCreate, budget_id: BudgetId, owner: Writer, services: Services
) -> Raise:
    """Add to a budget's limit until an instant. Raises add up."""
    return await raises.give_raise(services, owner, budget_id, body)


@router.delete(
    f"{_ONE}/budgets/{{budget_id}}/raises/{{raise_id}}",
    summary="Revoke a raise of an organisation's budget",
    responses=errors(403, 404),
)
async def revoke_organisation_raise(
    budget_id: BudgetId, raise_id: RaiseId, owner: Writer, services: Services
) -> Raise:
    """End a raise now; one that has ended stays as it is."""
    return await raises.revoke_raise(services, owner, budget_id, raise_id)


@router.patch(
    f"{_ONE}/budgets/{{budget_id}}",
    summary="Change a budget of an organisation",
    responses=errors(403, 404),
)
async def update_organisation_budget(
    body: BudgetUpdate, budget_id: BudgetId, owner: Writer, services: Services
) -> Budget:
    """Change a budget's limit, whether it is hard, or its alerts."""
    return await budgets.update_budget(services, owner, budget_id, body)


@router.delete(
    f"{_ONE}/budgets/{{budget_id}}",
    summary="Delete a budget of an organisation",
    status_code=204,
    responses=errors(403, 404),
)
async def delete_organisation_budget(
    budget_id: BudgetId, owner: Writer, services: Services
) -> None:
    """Delete a budget; what was spent stays in the ledger."""
    await budgets.delete_budget(services, owner, budget_id)


@router.get(f"{_ONE}/alerts", summary="List alerts of an organisation", responses=errors(403, 404))
async def list_organisation_alerts(
    owner: Reader, services: Services, budget_id: OfBudget = None, limit: Most = 100
) -> AlertList:
    """Thresholds that its budgets have reached, the newest first."""
    return await raises.show_alerts(services, owner.key, budget_id, limit)
