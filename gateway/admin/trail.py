"""Admin actions as audit records, in the transaction of the action itself.

An action without its record, or a record without its action, cannot happen.
Accounts appear by id, never by address: the trail holds no personal data.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import Actor
from gateway.admin.services import AdminServices
from gateway.audit import append_admin


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
) -> None:
    """Append one record.

    Args:
        action: ``noun.verb``, stable; listed in docs/admin-api.md.
        target: id of the object concerned.
        tenant: whose trail it belongs to; ``None`` for the deployment's own.
        before, after: the object's state, if any; the record keeps digests.
    """
    await append_admin(
        session,
        tenant=tenant,
        actor=actor.user_id,
        method=actor.method,
        action=action,
        target=target,
        before=before,
        after=after,
        reason=reason,
        clock=services.clock,
    )
