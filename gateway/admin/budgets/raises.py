"""Raises and alerts: who may give them, with audit records."""

from sqlalchemy.ext.asyncio import AsyncSession

from billing import BudgetService, RaiseService, list_alerts
from core.money import parse_amount
from gateway.admin.budgets.owner import BudgetOwner
from gateway.admin.budgets.schemas import AlertList, Raise, RaiseCreate, RaiseList
from gateway.admin.budgets.views import alert_view, raise_view
from gateway.admin.services import AdminServices
from gateway.admin.trail import masked_note, record


async def list_raises(services: AdminServices, owner: str, budget_id: str) -> RaiseList:
    async with services.database.session() as session:
        views = await RaiseService(services.clock).list(session, owner, budget_id)
    return RaiseList(items=[raise_view(view) for view in views])


async def give_raise(
    services: AdminServices, owner: BudgetOwner, budget_id: str, body: RaiseCreate
) -> Raise:
    reason = None if body.reason is None else await masked_note(services, body.reason)
    async with services.database.transaction() as session:
        await _require(services, session, owner, budget_id)
        given = await RaiseService(services.clock).give(
            session,
            owner.key,
            budget_id,
            amount=parse_amount(body.amount_usd),
            expires_at=body.expires_at,
            starts_at=body.starts_at,
            author=owner.actor.user_id,
            reason=reason,
        )
        view = raise_view(given)
        await _record(services, session, owner, "budget.raise", budget_id, view, body.reason)
    services.budget_changes.invalidate(owner.key)
    return view


async def revoke_raise(
    services: AdminServices, owner: BudgetOwner, budget_id: str, raise_id: str
) -> Raise:
    async with services.database.transaction() as session:
        await _require(services, session, owner, budget_id)
        revoked = await RaiseService(services.clock).revoke(
            session, owner.key, budget_id, raise_id, author=owner.actor.user_id
        )
        view = raise_view(revoked)
        await _record(services, session, owner, "budget.revoke", raise_id, view)
    services.budget_changes.invalidate(owner.key)
    return view


async def show_alerts(
    services: AdminServices, owner: str, budget_id: str | None, limit: int
) -> AlertList:
    async with services.database.session() as session:
        views = await list_alerts(session, owner, budget_id=budget_id, limit=limit)
    return AlertList(
        items=[alert_view(view) for view in views], webhooks=sorted(services.alert_webhooks)
    )


async def _require(
    services: AdminServices, session: AsyncSession, owner: BudgetOwner, budget_id: str
) -> None:
    """Who may change a budget may raise it."""
    budget = await BudgetService(services.clock).get(session, owner.key, budget_id)
    owner.require(budget.scope)


async def _record(
    services: AdminServices,
    session: AsyncSession,
    owner: BudgetOwner,
    action: str,
    target: str,
    view: Raise,
    reason: str | None = None,
) -> None:
    await record(
        services,
        session,
        owner.actor,
        action=action,
        target=target,
        tenant=owner.tenant,
        after=view.model_dump(mode="json"),
        reason=reason,
    )
