"""The overview of the tenants that one may see."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.money import EXACT, ZERO, format_amount
from gateway.admin.access import Actor
from gateway.admin.overview.repository import OverviewRepository, Spending
from gateway.admin.overview.schemas import Overview, Share, Window
from gateway.admin.permissions import Permission, scope, sees
from gateway.admin.services import AdminServices
from gateway.tenants.errors import NotFound
from gateway.tenants.repository import TenantRepository


async def overview(services: AdminServices, actor: Actor, tenant: str | None) -> Overview:
    """Sums over one tenant, or over all that the actor may see."""
    visible = scope(actor.grants, Permission.OVERVIEW_READ)
    if tenant is not None:
        if not sees(actor.grants, tenant):
            raise NotFound("tenant", param="tenant")
        actor.require(Permission.OVERVIEW_READ, tenant)
        visible = frozenset({tenant})
    now = services.clock.now()
    async with services.database.session() as session:
        names = [row.name for row in await TenantRepository(session).all(visible)]
        if tenant is not None and not names:
            raise NotFound("tenant", param="tenant")
        sums = OverviewRepository(session, names)
        day = await _window(sums, now - timedelta(hours=24), now)
        month = await _window(sums, now - timedelta(days=30), now)
    return Overview(tenants=names, last_24h=day, last_30d=month)


async def _window(sums: OverviewRepository, start: datetime, end: datetime) -> Window:
    counts = await sums.counts(start, end)
    tiers = await sums.by_tier(start, end)
    upstreams = await sums.by_upstream(start, end)
    cost = ZERO
    for tier in tiers:
        cost = EXACT.add(cost, tier.cost)
    return Window(
        start=start,
        end=end,
        requests=counts.requests,
        blocked=counts.blocked,
        denied=counts.denied,
        masked=counts.masked,
        failed=counts.failed,
        input_tokens=sum(tier.input_tokens for tier in tiers),
        output_tokens=sum(tier.output_tokens for tier in tiers),
        cost_usd=format_amount(cost),
        by_tier=_shares(tiers),
        by_upstream=_shares(upstreams),
    )


def _shares(groups: Sequence[Spending]) -> list[Share]:
    return [
        Share(
            name=group.name,
            requests=group.requests,
            tokens=group.input_tokens + group.output_tokens,
            cost_usd=format_amount(group.cost),
        )
        for group in groups
    ]
