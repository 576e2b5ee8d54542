"""The price book: read in the caller's scope, changed with audit records, in force at once."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import NewEntry, Usage
from billing.errors import InvalidPrice
from billing.prices.entries import BookEntry, Catalogue, State
from billing.prices.explain import explain
from billing.prices.litellm_map import LitellmMap
from billing.prices.proposals import ImportPlan
from billing.prices.proposals import Proposals as Proposed
from gateway.admin.access import Actor
from gateway.admin.permissions import Permission, scope
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
from gateway.admin.services import AdminServices
from gateway.admin.trail import masked_note, record
from gateway.prices import unpriced_models
from gateway.tenants.errors import NotFound

_WITHIN = {"author": None, "reason": None, "archived_by": None}


async def list_prices(
    services: AdminServices,
    actor: Actor,
    *,
    model: str | None,
    tenant: str | None,
    at: datetime | None,
    everything: bool,
) -> PriceEntryList:
    tenants = _tenants(actor, tenant)
    catalogue, instant = await _catalogue(services), at or services.clock.now()
    selected = catalogue.select(instant, model=model, tenant=tenant, everything=everything)
    return PriceEntryList(
        items=[
            _view(entry, state, whole=tenants is None)
            for entry, state in selected
            if tenants is None or entry.tenant is None or entry.tenant in tenants
        ],
        currency=catalogue.book.currency,
        unpriced=unpriced_models(services.prices.models, catalogue.book, instant),
    )


async def create_prices(services: AdminServices, actor: Actor, body: PricesCreate) -> PricesCreated:
    additions = [
        NewEntry(entry.kind, entry.body.model_dump(exclude_none=True)) for entry in body.entries
    ]
    reason = None if body.reason is None else await masked_note(services, body.reason)
    async with services.database.transaction() as session:
        change = await services.prices.desk.store.add(
            session, additions, author=actor.user_id, reason=reason, replaces=body.replaces
        )
        for entry in change.archived:
            await _record(services, session, actor, "price.archive", entry, body.reason)
        for entry in change.added:
            await _record(services, session, actor, "price.create", entry, body.reason)
    catalogue, now = await _catalogue(services), services.clock.now()
    return PricesCreated(
        items=[_view(entry, catalogue.state(entry, now)) for entry in change.added]
    )


async def archive_price(
    services: AdminServices, actor: Actor, entry_id: str, body: PriceArchive
) -> PriceEntry:
    async with services.database.transaction() as session:
        store = services.prices.desk.store
        entry = await store.archive(session, entry_id, author=actor.user_id)
        await _record(services, session, actor, "price.archive", entry, body.reason)
    await _catalogue(services)
    return _view(entry, State.ARCHIVED)


async def propose_prices(services: AdminServices, body: ProposalRequest) -> Proposals:
    patterns = body.models or list(services.prices.models)
    start = body.effective_from or services.clock.now()
    catalogue = await _catalogue(services)

    def plan() -> dict[str, Any]:
        proposals = Proposed.of_litellm(
            LitellmMap.load(), patterns, start, provider_prefix=body.provider_prefix
        )
        return ImportPlan.make(catalogue, proposals, start, patterns=patterns).to_json()

    # Some megabytes of JSON: not in the event loop.
    found = await asyncio.to_thread(plan)
    del found["others"]  # the map has prices only
    return Proposals.model_validate(found)


async def explain_price(
    services: AdminServices, actor: Actor, body: ExplainPrice
) -> PriceExplanation:
    _tenants(actor, body.tenant)
    catalogue = await _catalogue(services)
    counts = body.model_dump(exclude={"model", "tenant", "at", "batch"})
    explanation = explain(
        catalogue.book,
        body.model,
        body.at or services.clock.now(),
        Usage(**counts),
        tenant=body.tenant,
        batch=body.batch,
    )
    return PriceExplanation.model_validate(explanation.to_json())


def _tenants(actor: Actor, tenant: str | None) -> frozenset[str] | None:
    """Whose own prices the caller sees (``None``: all). Raises: NotFound: not this one's."""
    tenants = scope(actor.grants, Permission.PRICES_READ)
    if tenant is not None and tenants is not None and tenant not in tenants:
        raise NotFound("tenant", param="tenant")
    return tenants


async def _catalogue(services: AdminServices) -> Catalogue:
    """The book as the database has it now; where that makes none, as it is charged by."""
    with suppress(InvalidPrice):
        await services.prices.desk.refresh()
    return services.prices.desk.catalogue


async def _record(
    services: AdminServices,
    session: AsyncSession,
    actor: Actor,
    action: str,
    entry: BookEntry,
    reason: str | None,
) -> None:
    body = entry.to_json()["body"]
    side = {"after": body} if action == "price.create" else {"before": body}
    await record(
        services,
        session,
        actor,
        action=action,
        target=entry.id or "",
        tenant=entry.tenant,
        reason=reason,
        **side,
    )


def _view(entry: BookEntry, state: State, *, whole: bool = True) -> PriceEntry:
    """Without who and why for those who see a part: that may be about others."""
    body = entry.to_json() | {"state": state.value}
    return PriceEntry.model_validate(body if whole else body | _WITHIN)
