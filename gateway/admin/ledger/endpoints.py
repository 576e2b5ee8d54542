"""The ledger: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.admin.access import TenantAccess, on_tenant
from gateway.admin.jobs.schemas import IdempotencyKey, Job
from gateway.admin.ledger import service
from gateway.admin.ledger.schemas import (
    AdjustmentCreate,
    EntryKind,
    LedgerCheck,
    LedgerEntry,
    LedgerPage,
    RerateCreate,
)
from gateway.admin.ledger.service import EntryFilters
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.schemas import Instant
from gateway.admin.services import Services
from gateway.admin.spans import FromQuery, ToQuery

router = APIRouter(tags=["ledger"])
Reader = Annotated[TenantAccess, Depends(on_tenant(Permission.LEDGER_READ))]
Adjuster = Annotated[TenantAccess, Depends(on_tenant(Permission.LEDGER_ADJUST))]


def _filters(
    kind: Annotated[EntryKind | None, Query()] = None,
    request_id: Annotated[
        str | None, Query(max_length=64, description="Of a request, with what corrects it.")
    ] = None,
    start: Annotated[Instant | None, Query(alias="from", description="Inclusive.")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="Exclusive.")] = None,
) -> EntryFilters:
    return EntryFilters(kind, request_id, start, end)


@router.get(
    "/tenants/{tenant}/ledger/entries", summary="Ledger entries", responses=errors(403, 404)
)
async def list_ledger_entries(
    access: Reader,
    services: Services,
    filters: Annotated[EntryFilters, Depends(_filters)],
    before: Annotated[int | None, Query(ge=1, description="See `next_before`.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LedgerPage:
    """The tenant's entries by their instants, later ones first."""
    return await service.list_entries(services, access.tenant, filters, before, limit)


@router.get(
    "/tenants/{tenant}/ledger/check", summary="Check a tenant's books", responses=errors(403, 404)
)
async def check_ledger(
    access: Reader, services: Services, start: FromQuery = None, end: ToQuery = None
) -> LedgerCheck:
    """Balances against entries, and the span's ledger against records, roll-ups and invoices."""
    return await service.check(services, access.tenant, start, end)


@router.post(
    "/tenants/{tenant}/ledger/adjustments",
    summary="Enter a correction",
    status_code=201,
    responses=errors(403, 404, 409),
)
async def create_adjustment(
    body: AdjustmentCreate, access: Adjuster, services: Services
) -> LedgerEntry:
    """Charge or credit the tenant, with a reason; budgets and accounts move with it."""
    return await service.adjust(services, access, body)


@router.post(
    "/tenants/{tenant}/ledger/rerate",
    summary="Re-rate a span",
    status_code=202,
    responses=errors(403, 404),
)
async def rerate_ledger(
    body: RerateCreate, access: Adjuster, services: Services, idempotency_key: IdempotencyKey = None
) -> Job:
    """Queue the job `ledger.rerate`; its result says what differs and what was written."""
    return await service.rerate(services, access, body, idempotency_key)
