"""Usage from the ledger, of one tenant or of several."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from billing import usage_report
from billing.reading import snapshot
from billing.reports.usage_rows import REQUESTS, TOKENS
from billing.reports.usage_rows import UsageRow as Sums
from core.money import format_amount
from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.admin.usage.schemas import Usage, UsageGroup, UsageRow, UsageTotals

Filters = dict[str, str]


class Grouping(NamedTuple):
    """One level, or two."""

    first: UsageGroup
    second: UsageGroup | None

    @property
    def names(self) -> list[str]:
        return [group.value for group in self if group is not None]


async def usage(
    services: AdminServices,
    tenant: str | Collection[str] | None,
    start: datetime | None,
    end: datetime | None,
    grouping: Grouping,
    filters: Filters,
) -> Usage:
    """Grouped sums; ``tenant`` is ``None`` for all of them."""
    start, end = span(start, end, services.clock.now())
    async with snapshot(services.database) as session:
        report = await usage_report(
            session, tenant, start, end, group_by=grouping.names, only=filters
        )
    return Usage(
        tenant=report.tenant,
        start=start,
        end=end,
        group_by=grouping.first,
        then_by=grouping.second,
        rows=[
            UsageRow(
                group=row.group[0],
                then=row.group[1] if grouping.second else None,
                **_sums(row),
            )
            for row in report.rows
        ],
        total=UsageTotals(**_sums(report.total)),
    )


def _sums(row: Sums) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in REQUESTS},
        **dict(zip(TOKENS, row.tokens, strict=True)),
        "worker_seconds": format_amount(row.worker_seconds),
        "surcharge_usd": format_amount(row.surcharge),
        "cost_usd": format_amount(row.cost),
    }
