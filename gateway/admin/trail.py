"""Admin actions as audit records, in the transaction of the action itself.

An action without its record, or a record without its action, cannot happen.
Accounts appear by id, never by address: the trail holds no personal data.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.admin.access import Actor
from gateway.admin.services import AdminServices

SYSTEM = "_system"
"""The chain of actions that concern no single tenant."""


async def record(
    services: AdminServices,
    session: AsyncSession,
    actor: Actor,
    *,
    method: str,
    action: str,
    target: str,
    tenant: str = SYSTEM,
    before: Any = None,
    after: Any = None,
    reason: str | None = None,
) -> None:
    """Append one record.

    Args:
        method: HTTP method and path template.
        action: ``noun.verb``, stable; listed in docs/admin-api.md.
        target: id of the object concerned.
        before, after: the object's state (canonical JSON: no floats), if any.
    """
    await services.append_admin(
        session,
        tenant=tenant,
        actor=actor.user_id,
        method=method,
        action=action,
        target=target,
        before=before,
        after=after,
        reason=reason,
    )
