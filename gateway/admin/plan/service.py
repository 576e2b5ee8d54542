"""A capacity plan from a tenant's recorded usage."""

import asyncio

from billing.periods import month_span
from billing.planning import Requirements, find_api, load_published, make_plan
from billing.planning.output import plan_to_json
from billing.planning.plan import Prices
from billing.planning.published import MODELS, Basis
from billing.planning.repository import hourly_usage
from billing.planning.workload import Workload, measured_workload
from billing.reading import snapshot
from gateway.admin.plan.schemas import CapacityPlan
from gateway.admin.services import AdminServices
from gateway.tenants.errors import InvalidValue

BASELINES = ("gpt-5.5", "claude-opus-4-7")


async def plan(services: AdminServices, tenant: str, month: str | None, basis: str) -> CapacityPlan:
    """Raises: InvalidReport, InvalidValue, InvalidPlan (a month without usage)."""
    if basis not in tuple(Basis):
        raise InvalidValue("The basis is rental or ownership.", param="basis")
    now = services.clock.now()
    month = month or f"{now:%Y-%m}"
    start, end = month_span(month)
    end = min(end, now)
    if start >= end:
        raise InvalidValue("The month has not begun yet.", param="month")
    async with snapshot(services.database) as session:
        hours = await hourly_usage(session, tenant, start, end)
    workload = measured_workload(hours, start, end, f"usage of tenant {tenant} in {month}")
    return await asyncio.to_thread(_made, workload, Basis(basis))


def _made(workload: Workload, basis: Basis) -> CapacityPlan:
    """Reads published figures from files, so it runs in a thread."""
    published = load_published()
    result = make_plan(
        workload,
        published,
        models=MODELS,
        devices=(),
        needs=Requirements(),
        prices=Prices(basis=basis, own={}),
        own_throughput=(),
        baselines=[find_api(name, published, None) for name in BASELINES],
    )
    return CapacityPlan.model_validate(plan_to_json(result))
