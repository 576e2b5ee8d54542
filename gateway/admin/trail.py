"""Admin actions as audit records, in the transaction of the action itself.

An action without its record, or a record without its action, cannot happen.
Accounts appear by id, never by address, and reasons are masked: the trail holds no
personal data.
"""

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import Actor
from gateway.admin.services import AdminServices
from gateway.audit import append_admin, reasons
from gateway.audit.errors import InvalidReason, ReasonRequired


async def masked_note(services: AdminServices, text: str) -> str:
    """A reason as ledger and documents may hold it: what the detectors find is masked, and
    what there is no room for is cut off.

    Raises:
        GuardError: a detector failed, so nothing may be stored.
    """
    masked = await asyncio.to_thread(reasons.mask, text, services.privacy.engine.detect)
    return masked[: reasons.NOTE_LENGTH]


async def record_revocation(
    services: AdminServices,
    session: AsyncSession,
    actor: Actor,
    user_id: str,
    ended: int,
    *,
    changes: bool = True,
) -> None:
    """That sessions of an account were ended, where there were any."""
    if ended:
        await record(
            services,
            session,
            actor,
            action="session.revoke",
            target=user_id,
            after={"sessions": ended},
            changes=changes,
        )


async def masked_reason(services: AdminServices, reason: str) -> str:
    """A reason as it may be stored beside the trail.

    Raises:
        InvalidReason, GuardError: nothing may be stored.
    """
    given = reasons.tidy(reason)
    if given is None:
        raise InvalidReason("Give a reason that can be read.", param="reason")
    return await asyncio.to_thread(reasons.mask, given, services.privacy.engine.detect)


async def record(
    services: AdminServices,
    session: AsyncSession,
    actor: Actor,
    *,
    action: str,
    target: str,
    tenant: str | None = None,
    before: Any = None,
    after: Any = None,
    reason: str | None = None,
    note: str | None = None,
    changes: bool = True,
) -> None:
    """Append one record.

    Args:
        action: ``noun.verb``, stable; listed in docs/admin-api.md.
        target: id of the object concerned.
        tenant: whose trail it belongs to; ``None`` for the deployment's own.
        before, after: the object's state, if any; the record keeps digests.
        reason: what somebody wrote in the body; else the call's header. Masked here.
        note: words of our own, in place of a reason.
        changes: whether a deployment may demand a reason.

    Raises:
        ReasonRequired: nothing of the transaction may be committed.
        InvalidReason, GuardError: likewise.
    """
    given = (None if reason is None else reasons.tidy(reason)) or actor.reason
    if given is None and changes and services.options.require_reason:
        raise ReasonRequired
    if given is not None:
        given = await asyncio.to_thread(reasons.mask, given, services.privacy.engine.detect)
    await append_admin(
        session,
        tenant=tenant,
        actor=actor.user_id,
        method=actor.method,
        action=action,
        target=target,
        before=before,
        after=after,
        reason=given if note is None else note,
        clock=services.clock,
    )
