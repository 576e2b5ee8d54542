"""Savings and reconciliation of a tenant."""

from datetime import datetime
from typing import Any

from billing.reading import snapshot
from core.money import parse_amount
from gateway.admin.reports.schemas import Reconciliation, Savings
from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.reports import SavingsQuestion


def question(
    baseline: str, always_think: str | None, reasoning_ratio: str | None, precise: bool
) -> SavingsQuestion:
    """Raises ``InvalidAmount``."""
    return SavingsQuestion(
        baseline=baseline,
        tier=always_think,
        reasoning_ratio=None if reasoning_ratio is None else parse_amount(reasoning_ratio),
        precise=precise,
    )


async def savings(
    services: AdminServices,
    tenant: str,
    start: datetime | None,
    end: datetime | None,
    asked: SavingsQuestion,
) -> Savings:
    """Raises UnpricedModel, InvalidReport: see ``billing.reports.savings``."""
    start, end = span(start, end, services.clock.now())
    async with snapshot(services.database) as session:
        report = await services.reports.savings(session, tenant, start, end, asked)
    return Savings.model_validate(_with_span(report.to_json()))


async def reconciliation(
    services: AdminServices,
    tenant: str,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> Reconciliation:
    start, end = span(start, end, services.clock.now())
    async with snapshot(services.database) as session:
        report = await services.reports.reconciliation(session, tenant, start, end, limit=limit)
    return Reconciliation.model_validate(_with_span(report.to_json()))


def _with_span(body: dict[str, Any]) -> dict[str, Any]:
    """With the names that the API gives to spans."""
    return body | {"start": body.pop("from"), "end": body.pop("to")}
