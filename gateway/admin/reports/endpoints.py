"""Savings and reconciliation: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.permissions import Permission
from gateway.admin.reports import service
from gateway.admin.reports.schemas import Reconciliation, Savings
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.admin.spans import FromQuery, ToQuery
from gateway.reports import SavingsQuestion

router = APIRouter(tags=["usage"])


def _question(
    baseline: Annotated[str, Query(max_length=200, description="A model of the price book.")],
    always_think: Annotated[
        str | None, Query(max_length=40, description="Everything on this tier, too.")
    ] = None,
    reasoning_ratio: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?$",
            description="Reasoning tokens per output token where none can be measured.",
        ),
    ] = None,
    precise: Annotated[
        bool, Query(description="Request by request: steps for long prompts, minimum charges.")
    ] = False,
) -> SavingsQuestion:
    return service.question(baseline, always_think, reasoning_ratio, precise)


@router.get(
    "/tenants/{tenant}/savings",
    summary="What the same traffic would have cost",
    responses=errors(403, 404),
)
async def get_savings(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.USAGE_READ))],
    services: Services,
    question: Annotated[SavingsQuestion, Depends(_question)],
    start: FromQuery = None,
    end: ToQuery = None,
) -> Savings:
    """On a baseline model, and where asked with everything thinking; by trend."""
    return await service.savings(services, access.tenant, start, end, question)


@router.get(
    "/tenants/{tenant}/reconciliation",
    summary="Reconciliation of a tenant",
    responses=errors(403, 404),
)
async def get_reconciliation(
    access: Annotated[TenantAccess, Depends(on_tenant(Permission.LEDGER_READ))],
    services: Services,
    start: FromQuery = None,
    end: ToQuery = None,
    limit: Annotated[int, Query(ge=0, le=1000, description="Of each list of requests.")] = 100,
) -> Reconciliation:
    """Do ledger, records, roll-ups, invoices and audit trail agree, and what to look at."""
    return await service.reconciliation(services, access.tenant, start, end, limit)
