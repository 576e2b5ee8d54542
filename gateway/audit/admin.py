"""Admin actions as records of the same chain.

What an object was before and after stands there as digests only, so a record
holds no personal data whatever the object holds. ``actor`` and ``target`` are
identifiers (``usr_...``, ``key_...``), never names or addresses of people.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.canonical import digest
from core.clock import Clock, SystemClock, isoformat
from core.ids import new_id
from core.money import format_amount
from gateway.audit.chain import AuditChain, Entry
from gateway.audit.record import SYSTEM_TENANT


async def append_admin(
    session: AsyncSession,
    *,
    tenant: str | None,
    actor: str,
    method: str,
    action: str,
    target: str,
    before: Any = None,
    after: Any = None,
    reason: str | None = None,
    clock: Clock | None = None,
) -> str:
    """Record an admin action in the caller's transaction: both happen or neither.

    Call it last in the transaction, since it holds the tenant's chain until
    the commit.

    Args:
        tenant: whose chain; None for global actions (``_system``).
        actor: id of the user, or ``cli``, ``bootstrap``.
        method: how the actor was authenticated: ``session``, ``cli``, ``config``.
        action: ``key.create``, ``budget.update``, ...
        target: id of the object.
        before, after: the object (None: it did not exist); only digests are kept.

    Returns:
        The id of the record, ``adm_...``.
    """
    request_id = new_id("adm")
    fields = {
        "actor": actor,
        "method": method,
        "action": action,
        "target": target,
        "before": object_digest(before),
        "after": object_digest(after),
        "reason": reason,
        "upstream": None,
    }
    chain = AuditChain(clock or SystemClock())
    await chain.append(session, [Entry(tenant or SYSTEM_TENANT, request_id, "admin", fields)])
    return request_id


def object_digest(value: Any) -> str | None:
    """Digest of an object with amounts and times in their canonical text; None for None."""
    return None if value is None else digest(_plain(value))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return format_amount(value)
    if isinstance(value, datetime):
        return isoformat(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    return str(value)
