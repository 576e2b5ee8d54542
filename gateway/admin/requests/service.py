"""One request: its audit record, what the ledger says, where its time went and why there."""

from typing import Any

from billing.ledger import entries
from gateway.admin.access import Actor
from gateway.admin.audit import service as audit
from gateway.admin.ledger.service import entry_view
from gateway.admin.permissions import Permission, scope
from gateway.admin.requests.schemas import RequestDetails, TimelineStep
from gateway.admin.services import AdminServices
from gateway.audit.query import tenant_of
from gateway.tenants.errors import NotFound

_STAGES = ("admit", "inspect_input", "route", "journal", "upstream", "inspect_output")
_MOST_ENTRIES = 100


async def inspect(services: AdminServices, actor: Actor, request_id: str) -> RequestDetails:
    """Raises: NotFound: no tenant that the account may audit has such a request."""
    audited = scope(actor.grants, Permission.AUDIT_READ)
    async with services.database.session() as session:
        tenant = await tenant_of(session, request_id, audited)
        if tenant is None:
            raise NotFound("request", param="request_id")
        rows = await entries.list_entries(
            session, tenant, request_id=request_id, limit=_MOST_ENTRIES
        )
    details = await audit.details(services, tenant, request_id)
    body = details.record.body
    return RequestDetails(
        tenant=tenant,
        record=details.record,
        checkpoint=details.checkpoint,
        explanation=explanation(body),
        timeline=timeline(body),
        ledger=[entry_view(row) for row in rows],
    )


def timeline(body: dict[str, Any]) -> list[TimelineStep]:
    """The stages that a request came to, one after the other."""
    latency = body.get("latency") or {}
    steps: list[TimelineStep] = []
    at = 0
    for stage in _STAGES:
        duration = latency.get(f"{stage}_us") or 0
        if duration:
            steps.append(TimelineStep(stage=stage, start_us=at, duration_us=duration))
        at += duration
    return steps


def explanation(body: dict[str, Any]) -> str | None:
    """Where a request went and why, from its record."""
    route = body.get("route")
    if not route:
        return None
    reason = route.get("reason")
    asked = f"Asked for {route['requested_model']}"
    if reason is None:
        return f"{asked}; it ended before it was routed."
    tier = route.get("tier")
    why = reason if tier is None else f"{tier}, since {reason}"
    hit = body.get("cache")
    if hit:
        went = f"answered from the cache ({hit['kind']}) as {hit['request_id']} was"
    elif body.get("upstream"):
        attempts = route.get("attempts") or 1
        times = f" in {attempts} attempts" if attempts > 1 else ""
        went = f"answered by {body['upstream']} ({body['zone']}) with {body['model']}{times}"
    else:
        went = "no upstream was called"
    return f"{asked}: {why}; {went}."
