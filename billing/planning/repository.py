"""A month's usage by hour, for one tenant or for the whole deployment."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Integer, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import UsageRecord
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
    at = UsageRecord.at
    utc = at if session.get_bind().dialect.name == "sqlite" else func.timezone("UTC", at)
    hour = cast(extract("hour", utc), Integer)
    query = (
        select(
            UsageRecord.day,
            hour,
            func.count(),
            func.sum(UsageRecord.input_tokens + UsageRecord.cache_write_tokens),
            func.sum(UsageRecord.cached_input_tokens),
            func.sum(UsageRecord.output_tokens + UsageRecord.reasoning_tokens),
        )
        .where(at >= start, at < end)
        .group_by(UsageRecord.day, hour)
        .order_by(UsageRecord.day, hour)
    )
    if tenant is not None:
        query = query.where(UsageRecord.tenant == tenant)
    if models:
        query = query.where(UsageRecord.model.in_(models))
    return [_hour(row) for row in await session.execute(query)]


def _hour(row: Sequence[Any]) -> HourlyUsage:
    day, hour, *counts = row
    return HourlyUsage(datetime.combine(day, time(hour), UTC), *map(int, counts))
