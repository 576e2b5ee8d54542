"""Explain: the text comes and goes; the record says how many values of which types."""

import asyncio

from gateway.admin.access import TenantAccess
from gateway.admin.explain.schemas import (
    Explained,
    ExplainedFinding,
    ExplainRequest,
    RestoreStep,
)
from gateway.admin.services import AdminServices
from gateway.admin.trail import record
from gateway.explaining import Explanation, explain
from gateway.tenants.errors import InvalidValue
from gateway.tenants.service import TenantService


async def explain_text(
    services: AdminServices, access: TenantAccess, body: ExplainRequest
) -> Explained:
    privacy = services.privacy
    with privacy.throttle.turn(access.actor.user_id):
        name = body.policy or await _policy_of(services, access.tenant)
        policy = privacy.policies.get(name)
        if policy is None:
            raise InvalidValue("There is no such policy. See the settings.", param="policy")
        recognizers = await privacy.recognizers.of(access.tenant, policy)
        found = await asyncio.to_thread(explain, privacy.engine, body.text, policy.pii, recognizers)
    await _record(services, access, name, found)
    return _view(name, found)


async def _policy_of(services: AdminServices, tenant: str) -> str:
    async with services.database.session() as session:
        tenants = TenantService(session, services.clock, services.policies)
        return (await tenants.get(tenant)).policy


async def _record(
    services: AdminServices, access: TenantAccess, policy: str, found: Explanation
) -> None:
    """Counts by type in clear; nothing of the text, not even a digest of it."""
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(found.counts.items()))
    async with services.database.transaction() as session:
        await record(
            services,
            session,
            access.actor,
            action="privacy.explain",
            target=policy,
            tenant=access.tenant,
            note=counts or "nothing found",
            changes=False,
        )


def _view(policy: str, found: Explanation) -> Explained:
    return Explained(
        policy=policy,
        action=found.action,
        masked=found.masked,
        findings=[
            ExplainedFinding(
                start=each.span.start,
                end=each.span.end,
                entity_type=each.span.entity_type,
                text=each.value,
                score=round(each.span.score, 3),
                detector=each.span.detector,
                reason=each.span.reason,
                mode=each.mode,
                replacement=each.replacement,
            )
            for each in found.findings
        ],
        counts=found.counts,
        restored=[RestoreStep(received=step.received, sent=step.sent) for step in found.restored],
        detector=found.detector,
        languages=list(found.languages),
    )
