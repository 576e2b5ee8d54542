"""Usage of a tenant from the ledger."""

from datetime import datetime
from typing import Any

from billing import usage_report
from billing.reading import snapshot
from billing.reports.usage import UsageRow as Sums
from billing.usage import TOKEN_CLASSES
from core.money import format_amount
from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.admin.usage.schemas import Usage, UsageGroup, UsageRow, UsageTotals


async def usage(
    services: AdminServices,
    tenant: str,
    start: datetime | None,
    end: datetime | None,
    group: UsageGroup,
) -> Usage:
    start, end = span(start, end, services.clock.now())
    async with snapshot(services.database) as session:
        report = await usage_report(session, tenant, start, end, group_by=[group])
    return Usage(
        tenant=tenant,
        start=start,
        end=end,
        group_by=group,
        rows=[UsageRow(group=row.group[0], **_sums(row)) for row in report.rows],
        total=UsageTotals(**_sums(report.total)),
    )


def _sums(row: Sums) -> dict[str, Any]:
    names = (f"{name}_tokens" for name in TOKEN_CLASSES)
    return {
        "requests": row.requests,
        **dict(zip(names, row.tokens, strict=True)),
        "worker_seconds": format_amount(row.worker_seconds),
        "cost_usd": format_amount(row.cost),
    }
