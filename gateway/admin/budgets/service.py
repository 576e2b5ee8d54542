"""Budgets: who may bound what, with audit records. The arithmetic is billing's."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets.service import BudgetService, BudgetStatus
from core.money import format_amount, parse_amount
from gateway.admin.access import TenantAccess
from gateway.admin.budgets.schemas import (
    Budget,
    BudgetCreate,
    BudgetList,
    BudgetPeriod,
    BudgetScope,
    BudgetUpdate,
)
from gateway.admin.permissions import Permission
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.tenants.errors import AlreadyExists, InvalidValue, NotFound
from gateway.tenants.repository import KeyRepository, ProjectRepository


async def list_budgets(services: AdminServices, tenant: str) -> BudgetList:
    async with services.database.session() as session:
        states = await _budgets(services).list(session, tenant)
    return BudgetList(items=[_view(state) for state in states])


async def create_budget(
    services: AdminServices, access: TenantAccess, body: BudgetCreate
) -> Budget:
    _check_scope(access, body.scope)
    async with services.database.transaction() as session:
        scope_id = await _scope_id(session, access.tenant, body)
        await _check_free(services, session, access.tenant, body, scope_id)
        state = await _budgets(services).create(
            session,
            access.tenant,
            limit=parse_amount(body.limit_usd),
            period=body.period,
            hard=body.hard,
            scope=body.scope,
            scope_id=scope_id,
        )
        view = _view(state)
        await _record(services, session, access, "budget.create", view.id, after=view)
    services.budget_changes.invalidate(access.tenant)
    return view


async def update_budget(
    services: AdminServices, access: TenantAccess, budget_id: str, body: BudgetUpdate
) -> Budget:
    budgets = _budgets(services)
    async with services.database.transaction() as session:
        before = await budgets.get(session, access.tenant, budget_id)
        _check_scope(access, before.scope)
        state = await budgets.change(
            session, access.tenant, budget_id, limit=body.limit_usd, hard=body.hard
        )
        view = _view(state)
        await _record(
            services,
            session,
            access,
            "budget.update",
            budget_id,
            before=_view(before),
            after=view,
            reason=body.reason,
        )
    services.budget_changes.invalidate(access.tenant)
    return view


async def delete_budget(services: AdminServices, access: TenantAccess, budget_id: str) -> None:
    budgets = _budgets(services)
    async with services.database.transaction() as session:
        before = await budgets.get(session, access.tenant, budget_id)
        _check_scope(access, before.scope)
        await budgets.archive(session, access.tenant, budget_id)
        await _record(services, session, access, "budget.delete", budget_id, before=_view(before))
    services.budget_changes.invalidate(access.tenant)


def _budgets(services: AdminServices) -> BudgetService:
    return BudgetService(services.clock)


async def _check_free(
    services: AdminServices, session: AsyncSession, tenant: str, body: BudgetCreate, scope_id: str
) -> None:
    wanted = (body.scope, scope_id, body.period)
    for budget in await _budgets(services).list(session, tenant):
        if (budget.scope, budget.scope_id, budget.period) == wanted:
            raise AlreadyExists("There is a budget of this scope and period: change that one.")


def _check_scope(access: TenantAccess, scope: str) -> None:
    if scope == BudgetScope.TENANT:
        access.actor.require(Permission.BUDGETS_GOVERN)


async def _scope_id(session: AsyncSession, tenant: str, body: BudgetCreate) -> str:
    """The object bounded, which must be the tenant's own."""
    if body.scope is BudgetScope.TENANT:
        if body.scope_id not in (None, tenant):
            raise InvalidValue("Leave scope_id out for a tenant's budget.", param="scope_id")
        return tenant
    if body.scope_id is None:
        raise InvalidValue("Name the project or the key.", param="scope_id")
    kind = ProjectRepository if body.scope is BudgetScope.PROJECT else KeyRepository
    if await kind(session, tenant).get(body.scope_id) is None:
        raise NotFound(body.scope, param="scope_id")
    return body.scope_id


async def _record(
    services: AdminServices,
    session: AsyncSession,
    access: TenantAccess,
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
        access.actor,
        action=action,
        target=target,
        tenant=access.tenant,
        before=_json(before),
        after=_json(after),
        reason=reason,
    )


def _json(view: Budget | None) -> dict[str, Any] | None:
    return None if view is None else view.model_dump(mode="json")


def _view(state: BudgetStatus) -> Budget:
    return Budget(
        id=state.id,
        tenant=state.tenant,
        scope=BudgetScope(state.scope),
        scope_id=state.scope_id,
        period=BudgetPeriod(state.period),
        hard=state.hard,
        limit_usd=format_amount(state.limit),
        spent_usd=format_amount(state.spent),
        reserved_usd=format_amount(state.leased),
        remaining_usd=format_amount(state.remaining),
        period_start=state.starts_at,
        period_end=state.resets_at,
    )
