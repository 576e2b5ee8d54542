"""Budgets: who may bound what, with audit records. The arithmetic is billing's."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

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
from gateway.admin.services import AdminServices, BudgetState
from gateway.admin.trail import record
from gateway.tenants.errors import InvalidValue, NotFound
from gateway.tenants.repository import KeyRepository, ProjectRepository


async def list_budgets(services: AdminServices, tenant: str) -> BudgetList:
    async with services.database.session() as session:
        states = await services.budgets.list(session, tenant)
    return BudgetList(items=[_view(state) for state in states])


async def create_budget(
    services: AdminServices, access: TenantAccess, body: BudgetCreate
) -> Budget:
    _check_scope(access, body.scope)
    async with services.database.transaction() as session:
        state = await services.budgets.create(
            session,
            tenant=access.tenant,
            scope=body.scope,
            scope_id=await _scope_id(session, access.tenant, body),
            period=body.period,
            limit_usd=parse_amount(body.limit_usd),
            hard=body.hard,
        )
        view = _view(state)
        await _record(services, session, access, "budget.create", view.id, after=view)
    return view


async def update_budget(
    services: AdminServices, access: TenantAccess, budget_id: str, body: BudgetUpdate
) -> Budget:
    async with services.database.transaction() as session:
        before = await services.budgets.get(session, access.tenant, budget_id)
        _check_scope(access, before.scope)
        state = await services.budgets.update(
            session,
            access.tenant,
            budget_id,
            limit_usd=None if body.limit_usd is None else parse_amount(body.limit_usd),
            hard=body.hard,
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
    return view


async def delete_budget(services: AdminServices, access: TenantAccess, budget_id: str) -> None:
    async with services.database.transaction() as session:
        before = await services.budgets.get(session, access.tenant, budget_id)
        _check_scope(access, before.scope)
        await services.budgets.delete(session, access.tenant, budget_id)
        await _record(services, session, access, "budget.delete", budget_id, before=_view(before))


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


def _view(state: BudgetState) -> Budget:
    remaining = state.limit_usd - state.spent_usd - state.reserved_usd
    return Budget(
        id=state.id,
        tenant=state.tenant,
        scope=BudgetScope(state.scope),
        scope_id=state.scope_id,
        period=BudgetPeriod(state.period),
        hard=state.hard,
        limit_usd=format_amount(state.limit_usd),
        spent_usd=format_amount(state.spent_usd),
        reserved_usd=format_amount(state.reserved_usd),
        remaining_usd=format_amount(remaining),
        period_start=state.period_start,
        period_end=state.period_end,
    )
