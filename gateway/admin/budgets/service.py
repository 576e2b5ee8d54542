"""Budgets: who may bound what, with audit records. The arithmetic is billing's."""

from sqlalchemy.ext.asyncio import AsyncSession

from billing import AlertRule, BudgetService
from billing.budgets.scopes import EACH
from core.money import parse_amount
from gateway.admin.budgets.owner import BudgetOwner
from gateway.admin.budgets.schemas import (
    Budget,
    BudgetCreate,
    BudgetList,
    BudgetUpdate,
    OrganisationBudgetCreate,
    PartScope,
)
from gateway.admin.budgets.views import alert_rule, budget_view
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.pseudonyms import end_user_pseudonym, is_pseudonym
from gateway.tenants.errors import AlreadyExists, InvalidValue, NotFound
from gateway.tenants.repository import KeyRepository, ProjectRepository


async def list_budgets(services: AdminServices, owner: str) -> BudgetList:
    async with services.database.session() as session:
        states = await _budgets(services).list(session, owner)
    return BudgetList(items=[budget_view(state) for state in states])


async def create_budget(services: AdminServices, owner: BudgetOwner, body: BudgetCreate) -> Budget:
    owner.require(body.scope)
    async with services.database.transaction() as session:
        scope_id = await _scope_id(services, session, owner.key, body)
        view = await _create(services, session, owner, body, body.scope, scope_id)
    services.budget_changes.invalidate(owner.key)
    return view


async def create_organisation_budget(
    services: AdminServices, owner: BudgetOwner, body: OrganisationBudgetCreate
) -> Budget:
    async with services.database.transaction() as session:
        name = owner.key.removeprefix("@")
        view = await _create(services, session, owner, body, "organisation", name)
    services.budget_changes.invalidate(owner.key)
    return view


async def update_budget(
    services: AdminServices, owner: BudgetOwner, budget_id: str, body: BudgetUpdate
) -> Budget:
    budgets = _budgets(services)
    async with services.database.transaction() as session:
        before = await budgets.get(session, owner.key, budget_id)
        owner.require(before.scope)
        state = await budgets.change(
            session,
            owner.key,
            budget_id,
            limit=body.limit_usd,
            hard=body.hard,
            alerts=alert_rule(body.alerts),
        )
        view = budget_view(state)
        await _record(
            services,
            session,
            owner,
            "budget.update",
            budget_id,
            before=budget_view(before),
            after=view,
            reason=body.reason,
        )
    services.budget_changes.invalidate(owner.key)
    return view


async def delete_budget(services: AdminServices, owner: BudgetOwner, budget_id: str) -> None:
    budgets = _budgets(services)
    async with services.database.transaction() as session:
        before = await budgets.get(session, owner.key, budget_id)
        owner.require(before.scope)
        await budgets.archive(session, owner.key, budget_id)
        view = budget_view(before)
        await _record(services, session, owner, "budget.delete", budget_id, before=view)
    services.budget_changes.invalidate(owner.key)


def _budgets(services: AdminServices) -> BudgetService:
    return BudgetService(services.clock, webhooks=services.alert_webhooks)


async def _create(
    services: AdminServices,
    session: AsyncSession,
    owner: BudgetOwner,
    body: OrganisationBudgetCreate,
    scope: str,
    scope_id: str,
) -> Budget:
    wanted = (scope, scope_id, body.period)
    for budget in await _budgets(services).list(session, owner.key):
        if (budget.scope, budget.scope_id, budget.period) == wanted:
            raise AlreadyExists("There is a budget of this scope and period: change that one.")
    state = await _budgets(services).create(
        session,
        owner.key,
        limit=parse_amount(body.limit_usd),
        period=body.period,
        hard=body.hard,
        scope=scope,
        scope_id=scope_id,
        alerts=alert_rule(body.alerts) or AlertRule(),
    )
    view = budget_view(state)
    await _record(services, session, owner, "budget.create", view.id, after=view)
    return view


async def _scope_id(
    services: AdminServices, session: AsyncSession, tenant: str, body: BudgetCreate
) -> str:
    """The object bounded, which must be the tenant's own."""
    if body.end_user is not None and (body.scope is not PartScope.END_USER or body.scope_id):
        raise InvalidValue("Name an end user in place of a scope_id.", param="end_user")
    if body.scope is PartScope.TENANT:
        if body.scope_id not in (None, tenant):
            raise InvalidValue("Leave scope_id out for a tenant's budget.", param="scope_id")
        return tenant
    if body.scope is PartScope.END_USER:
        return _end_user(services, tenant, body)
    if body.scope_id is None:
        raise InvalidValue("Name the project or the key.", param="scope_id")
    kind = ProjectRepository if body.scope is PartScope.PROJECT else KeyRepository
    if await kind(session, tenant).get(body.scope_id) is None:
        raise NotFound(body.scope, param="scope_id")
    return body.scope_id


def _end_user(services: AdminServices, tenant: str, body: BudgetCreate) -> str:
    if body.end_user is not None:
        return end_user_pseudonym(services.pepper, tenant, body.end_user)
    if body.scope_id is None or not (body.scope_id == EACH or is_pseudonym(body.scope_id)):
        raise InvalidValue(
            "Give the end user as the application names it in end_user, or in scope_id a"
            " pseudonym of a report, or * for each end user.",
            param="scope_id",
        )
    return body.scope_id


async def _record(
    services: AdminServices,
    session: AsyncSession,
    owner: BudgetOwner,
    action: str,
    target: str,
    *,
    before: Budget | None = None,
    after: Budget | None = None,
    reason: str | None = None,
) -> None:
    await record(
        services,
        session,
        owner.actor,
        action=action,
        target=target,
        tenant=owner.tenant,
        before=before.model_dump(mode="json") if before else None,
        after=after.model_dump(mode="json") if after else None,
        reason=reason,
    )
