"""A month's usage by hour, for one tenant or for the whole deployment."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageRollup
from billing.planning.workload import HourlyUsage


async def hourly_usage(
    session: AsyncSession,
    tenant: str | None,
    start: datetime,
    end: datetime,
    *,
    models: Sequence[str] = (),
) -> list[HourlyUsage]:
    """Sums per UTC hour of ``[start, end)``; hours without requests are left out.

    Args:
        tenant: ``None`` sums over all tenants, which only an operator may ask for.
        models: only these models' requests.
    """
    rollup = UsageRollup
    query = (
        select(
            rollup.hour,
            func.sum(rollup.requests),
            func.sum(rollup.input_tokens + rollup.cache_write_tokens),
            func.sum(rollup.cached_input_tokens),
            func.sum(rollup.output_tokens + rollup.reasoning_tokens),
        )
        .where(rollup.hour >= start, rollup.hour < end)
        .group_by(rollup.hour)
        .order_by(rollup.hour)
    )
    if tenant is not None:
        query = query.where(rollup.tenant == tenant)
    if models:
        query = query.where(rollup.model.in_(models))
    rows = await session.execute(query)
    return [HourlyUsage(hour, *map(int, counts)) for hour, *counts in rows]
