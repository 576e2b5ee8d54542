"""The ledger: entries, corrections, re-rating, with audit records."""

from datetime import datetime
from typing import Any, NamedTuple

from billing import adjust as enter_adjustment
from billing.ledger import entries
from billing.ledger.entries import entry_to_json
from billing.models import LedgerEntry as Row
from billing.reading import snapshot
from billing.reports import proofs
from core.clock import isoformat
from core.money import parse_amount
from gateway.admin.access import TenantAccess
from gateway.admin.jobs.schemas import Job
from gateway.admin.jobs.service import account_key, recorded
from gateway.admin.jobs.service import view as view_job
from gateway.admin.ledger.schemas import (
    AdjustmentCreate,
    EntryKind,
    LedgerCheck,
    LedgerEntry,
    LedgerPage,
    Proof,
    RerateCreate,
)
from gateway.admin.services import AdminServices
from gateway.admin.spans import span
from gateway.admin.trail import masked_note, record
from gateway.reports import RERATE
from gateway.tenants.repository import TenantRepository


class EntryFilters(NamedTuple):
    """Which entries are asked for."""

    kind: EntryKind | None
    request_id: str | None
    start: datetime | None
    end: datetime | None


async def list_entries(
    services: AdminServices, tenant: str, filters: EntryFilters, before: int | None, limit: int
) -> LedgerPage:
    async with services.database.session() as session:
        rows = await entries.list_entries(
            session, tenant, **filters._asdict(), before=before, limit=limit + 1
        )
    items = [entry_view(row) for row in rows[:limit]]
    return LedgerPage(items=items, next_before=items[-1].id if len(rows) > limit else None)


async def check(
    services: AdminServices, tenant: str, start: datetime | None, end: datetime | None
) -> LedgerCheck:
    start, end = span(start, end, services.clock.now())
    async with snapshot(services.database) as session:
        charged = await proofs.charges(session, tenant, start, end)
        found = await proofs.account_proofs(session, tenant)
        found += await proofs.ledger_proofs(session, tenant, start, end, charged)
        found += await proofs.invoice_proofs(session, tenant, start, end)
    return LedgerCheck(
        tenant=tenant,
        start=start,
        end=end,
        ok=all(proof.equal for proof in found),
        proofs=[Proof(**proof.to_json()) for proof in found],
    )


async def adjust(
    services: AdminServices, access: TenantAccess, body: AdjustmentCreate
) -> LedgerEntry:
    """Enter it and its audit record in one transaction.

    Raises:
        InvalidSettlement: the tenant has no settled request of that id.
        PeriodInvoiced: its date lies in a month that is invoiced.
    """
    reason = await masked_note(services, body.reason)
    async with services.database.transaction() as session:
        owner = await TenantRepository(session).get(access.tenant)
        entry_id = await enter_adjustment(
            session,
            services.clock,
            tenant=access.tenant,
            amount=parse_amount(body.amount_usd),
            reason=reason,
            author=access.actor.user_id,
            request_id=body.request_id,
            organisation=owner.organisation if owner is not None else None,
            at=body.at,
        )
        row = await entries.get_entry(session, access.tenant, entry_id)
        after = entry_to_json(row)
        await record(
            services,
            session,
            access.actor,
            action="ledger.adjust",
            target=entry_id,
            tenant=access.tenant,
            after=after,
            reason=reason,
        )
    return entry_view(row)


async def rerate(
    services: AdminServices, access: TenantAccess, body: RerateCreate, key: str | None
) -> Job:
    """Queue the job; the account that asks is the author of its entries."""
    span(body.start, body.end, services.clock.now())
    params: dict[str, Any] = {"from": isoformat(body.start), "to": isoformat(body.end)}
    params |= {"author": access.actor.user_id, "dry_run": body.dry_run}
    if body.model is not None:
        params["model"] = body.model
    job = await services.jobs.submit(
        access.tenant,
        RERATE,
        params,
        key=None if key is None else account_key(access.actor, key),
        also=recorded(services, access.actor, "ledger.rerate", params),
    )
    return view_job(job)


def entry_view(row: Row) -> LedgerEntry:
    body = entry_to_json(row)
    del body["tenant"], body["organisation"]
    return LedgerEntry(**body | {"at": row.at, "kind": EntryKind(row.kind)})
