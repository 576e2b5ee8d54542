"""From the journal to the table: sealed bodies, in the transaction of their records.

Keys may have been changed while a body was under way. Then its data key, which this process
still holds, is wrapped anew, unless it is an erased person's; what nobody can open any more is
noted as lost.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from gateway.archive.repository import ArchiveRepository
from gateway.archive.sealer import BodySealer, SealedBody
from gateway.retention.repository import erasures
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.keys import TenantKeys, wrap_data_key
from gateway.vault.wrapping import current_keys

LOST = "lost"
_log = structlog.get_logger(__name__)


class BodySink:
    """Stores what requests have sealed; idempotent by request id and part."""

    def __init__(self, sealer: BodySealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    async def store(self, session: AsyncSession, bodies: Sequence[Mapping[str, Any]]) -> None:
        """``bodies`` as ``SealedBody.to_json`` makes them, of records that are new."""
        by_tenant: dict[str, list[SealedBody]] = {}
        for content in bodies:
            body = SealedBody.from_json(dict(content))
            by_tenant.setdefault(body.tenant, []).append(body)
        for tenant in sorted(by_tenant):
            await self._store(session, tenant, by_tenant[tenant])

    async def _store(self, session: AsyncSession, tenant: str, bodies: list[SealedBody]) -> None:
        try:
            keys = await current_keys(session, self._sealer.wrapper, tenant, lock=True)
        except VaultKeyUnusable:
            keys = None  # the master key is not the one of these rows: nothing of it opens
        erased: dict[str, tuple[str, datetime]] = {}
        if keys is None or any(body.generation != keys.generation for body in bodies):
            statements = reversed(await erasures(session, tenant))  # each person's newest counts
            erased = {row.owner: (row.id, row.time) for row in statements}
            if keys is not None:
                self._sealer.changed(keys, set(erased))
        key_rows: dict[str, dict[str, Any]] = {}
        rows = []
        for body in bodies:
            removed_by = _erased_since(body, erased)
            wrapped = None if removed_by else self._wrapped(body, keys)
            if wrapped is None:
                removed_by = removed_by or LOST
            else:
                key_rows[body.key_id] = {
                    "id": body.key_id,
                    "owner": body.owner,
                    "wrapped": wrapped,
                    "created_at": self._clock.now(),
                }
            rows.append(_row(body, removed_by, self._clock.now()))
        repository = ArchiveRepository(session, tenant)
        await repository.add_keys(list(key_rows.values()))
        await repository.add_bodies(rows)
        if lost := sum(row["removed_by"] == LOST for row in rows):
            _log.error("archive.lost", tenant=tenant, bodies=lost)

    def _wrapped(self, body: SealedBody, keys: TenantKeys | None) -> bytes | None:
        """The body's key under the tenant's keys in force; ``None`` if nobody has it."""
        if keys is None:
            return None
        if body.generation == keys.generation:
            return body.wrapped
        plain = self._sealer.plain(body.key_id)
        return None if plain is None else wrap_data_key(keys, body.key_id, plain)


def _erased_since(body: SealedBody, erased: Mapping[str, tuple[str, datetime]]) -> str | None:
    found = erased.get(body.owner)
    if found is None or datetime.fromisoformat(body.at) > found[1]:
        return None
    return found[0]


def _row(body: SealedBody, removed_by: str | None, now: datetime) -> dict[str, Any]:
    return {
        "request_id": body.request_id,
        "part": body.part,
        "key_id": body.key_id,
        "sealed": None if removed_by else body.sealed,
        "size": len(body.sealed),
        "created_at": datetime.fromisoformat(body.at),
        "expires_at": datetime.fromisoformat(body.expires),
        "removed_at": now if removed_by else None,
        "removed_by": removed_by,
    }
