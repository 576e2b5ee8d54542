"""The price book: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gateway.admin.access import Actor, globally, somewhere
from gateway.admin.permissions import Permission
from gateway.admin.prices import service
from gateway.admin.prices.schemas import (
    ExplainPrice,
    PriceArchive,
    PriceEntry,
    PriceEntryList,
    PriceExplanation,
    PricesCreate,
    PricesCreated,
    ProposalRequest,
    Proposals,
)
from gateway.admin.responses import errors
from gateway.admin.schemas import Instant
from gateway.admin.services import Services

router = APIRouter(tags=["prices"])
Reader = Annotated[Actor, Depends(somewhere(Permission.PRICES_READ))]
Writer = Annotated[Actor, Depends(globally(Permission.PRICES_WRITE))]


@router.get("/prices", summary="List prices", responses=errors(403, 404))
async def list_prices(
    actor: Reader,
    services: Services,
    model: Annotated[
        str | None, Query(max_length=200, description="Only these; `*` and `?` match.")
    ] = None,
    tenant: Annotated[
        str | None, Query(max_length=64, description="Only what holds for this tenant.")
    ] = None,
    at: Annotated[Instant | None, Query(description="Now by default.")] = None,
    everything: Annotated[
        bool, Query(alias="all", description="Ended, shadowed and archived ones too.")
    ] = False,
) -> PriceEntryList:
    """Entries of the configuration file and of the database, and where each one stands."""
    return await service.list_prices(
        services, actor, model=model, tenant=tenant, at=at, everything=everything
    )


@router.post("/prices", summary="Add prices", status_code=201, responses=errors(403, 404, 409))
async def create_prices(body: PricesCreate, actor: Writer, services: Services) -> PricesCreated:
    """Add entries of any kind. They hold at once here, and within seconds elsewhere."""
    return await service.create_prices(services, actor, body)


@router.post("/prices/proposals", summary="Propose prices", responses=errors(403))
async def propose_prices(body: ProposalRequest, actor: Writer, services: Services) -> Proposals:
    """What litellm's price map says, and what taking it would change; nothing is stored."""
    return await service.propose_prices(services, body)


@router.post("/prices/explain", summary="Explain a price", responses=errors(403, 404))
async def explain_price(body: ExplainPrice, actor: Reader, services: Services) -> PriceExplanation:
    """Which rate holds for a request and why, and what it comes to."""
    return await service.explain_price(services, actor, body)


@router.post(
    "/prices/{entry_id}/archive", summary="Archive a price", responses=errors(403, 404, 409)
)
async def archive_price(
    entry_id: Annotated[str, Path(max_length=40)],
    body: PriceArchive,
    actor: Writer,
    services: Services,
) -> PriceEntry:
    """Take an entry of the database out of the book; what was billed stays as it is."""
    return await service.archive_price(services, actor, entry_id, body)
