"""The hash chain of each tenant, in the database.

``hash = sha256(prev_hash bytes || canonical body)``; the first ``prev_hash`` is
32 zero bytes. The body carries ``tenant``, ``seq``, ``kind``, ``request_id``
and ``time`` among the caller's fields. Writers of one tenant, in any number of
processes, take turns on the row lock of ``audit_heads``.

It knows nothing of journals; what the fields of a record mean is record.py's.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, isoformat
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import InvalidRecord, SigningKeyUnusable
from gateway.audit.keys import Signer
from gateway.audit.models import AuditHead, AuditRecord
from gateway.audit.record import RESERVED
from gateway.audit.signing import sign_next

SCHEMA = 1
_PAUSE = 32  # records hashed before others get the event loop
_LOOKUP = 500  # request ids in one IN (...)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that wants to join the chain; (tenant, request_id) is unique in it."""

    tenant: str
    request_id: str
    kind: str  # request | admin
    fields: dict[str, Any]


def link_hash(prev_hash: str, body: bytes) -> str:
    """The hash (64 hex digits) of a canonical body that follows ``prev_hash``."""
    return hashlib.sha256(bytes.fromhex(prev_hash) + body).hexdigest()


def make_body(entry: Entry, seq: int, time: datetime) -> bytes:
    """Canonical JSON of the record as hashed and stored.

    Raises:
        InvalidRecord: a field has a reserved name or no canonical encoding.
    """
    if not RESERVED.isdisjoint(entry.fields):
        names = ", ".join(sorted(RESERVED & entry.fields.keys()))
        raise InvalidRecord(f"These names are the chain's own, a record cannot set them: {names}.")
    return encode_canonical(
        {
            **entry.fields,
            "schema": SCHEMA,
            "tenant": entry.tenant,
            "request_id": entry.request_id,
            "seq": seq,
            "kind": entry.kind,
            "time": isoformat(time),
        }
    )


class AuditChain:
    """Appends records and signs checkpoints, inside the caller's transactions.

    Args:
        key: needed for checkpoints only.
    """

    def __init__(self, clock: Clock, key: Signer | None = None) -> None:
        self._clock = clock
        self.key = key

    async def append(self, session: AsyncSession, entries: Sequence[Entry]) -> int:
        """Append in order, tenant by tenant, skipping what the chain has already.

        Locks the tenants' heads until the transaction ends. A tenant's ``time``
        never goes back, even if the clock does.

        Returns:
            How many were new.

        Raises:
            InvalidRecord
            sqlalchemy.exc.IntegrityError: another writer was faster; roll back and try again.
        """
        known = await self.known(session, entries)
        fresh = _unique(entry for entry in entries if (entry.tenant, entry.request_id) not in known)
        by_tenant: dict[str, list[Entry]] = {}
        for entry in fresh:
            by_tenant.setdefault(entry.tenant, []).append(entry)
        for tenant in sorted(by_tenant):  # one order for all writers: no deadlocks
            await self._append_tenant(session, tenant, by_tenant[tenant])
        return len(fresh)

    async def known(self, session: AsyncSession, entries: Sequence[Entry]) -> set[tuple[str, str]]:
        """Those (tenant, request_id) that are in the chain."""
        ids: dict[str, list[str]] = {}
        for entry in entries:
            ids.setdefault(entry.tenant, []).append(entry.request_id)
        found: set[tuple[str, str]] = set()
        for tenant, wanted in ids.items():
            for start in range(0, len(wanted), _LOOKUP):
                query = select(AuditRecord.request_id).where(
                    AuditRecord.tenant == tenant,
                    AuditRecord.request_id.in_(wanted[start : start + _LOOKUP]),
                )
                found.update((tenant, row) for row in await session.scalars(query))
        return found

    async def checkpoint(self, session: AsyncSession, tenant: str) -> Checkpoint | None:
        """Sign the chain up to its head, unless that is done already.

        A long way is signed in steps: call it again until it returns None. It
        also returns None, and logs, where the chain is damaged.

        Raises:
            SigningKeyUnusable: this chain was built without a key.
        """
        if self.key is None:
            raise SigningKeyUnusable("A checkpoint needs the audit signing key; configure one.")
        head = await session.scalar(
            select(AuditHead).where(AuditHead.tenant == tenant).with_for_update(),
            execution_options={"populate_existing": True},
        )
        if head is None or head.checkpoint_seq >= head.seq:
            return None
        return await sign_next(session, head, self.key.current(), max(self._clock.now(), head.time))

    async def unsigned_tenants(self, session: AsyncSession) -> list[str]:
        """Tenants whose last record no checkpoint covers yet."""
        query = select(AuditHead.tenant).where(AuditHead.checkpoint_seq < AuditHead.seq)
        return list(await session.scalars(query.order_by(AuditHead.tenant)))

    async def _append_tenant(
        self, session: AsyncSession, tenant: str, entries: Sequence[Entry]
    ) -> None:
        seq, prev_hash, last_time = await self._lock_head(session, tenant)
        now = max(self._clock.now(), last_time)
        rows = []
        for entry in entries:
            seq += 1
            if seq % _PAUSE == 0:
                await asyncio.sleep(0)  # requests share this event loop
            body = make_body(entry, seq, now)
            current = link_hash(prev_hash, body)
            rows.append(
                {
                    "tenant": tenant,
                    "seq": seq,
                    "request_id": entry.request_id,
                    "kind": entry.kind,
                    "time": now,
                    "body": body.decode(),
                    "prev_hash": prev_hash,
                    "hash": current,
                }
            )
            prev_hash = current
        await session.execute(insert(AuditRecord), rows)
        await session.execute(
            update(AuditHead)
            .where(AuditHead.tenant == tenant)
            .values(seq=seq, hash=prev_hash, time=now),
            execution_options={"synchronize_session": False},
        )

    async def _lock_head(self, session: AsyncSession, tenant: str) -> tuple[int, str, datetime]:
        columns = (AuditHead.seq, AuditHead.hash, AuditHead.time)
        query = select(*columns).where(AuditHead.tenant == tenant).with_for_update()
        row = (await session.execute(query)).one_or_none()
        if row is None:
            await self._create_head(session, tenant)
            row = (await session.execute(query)).one()
        return row[0], row[1], row[2]

    async def _create_head(self, session: AsyncSession, tenant: str) -> None:
        dialect = session.get_bind().dialect.name
        make = sqlite_insert if dialect == "sqlite" else postgresql_insert
        values = {
            "tenant": tenant,
            "seq": 0,
            "hash": GENESIS,
            "time": self._clock.now(),
            "checkpoint_seq": 0,
        }
        await session.execute(make(AuditHead).values(**values).on_conflict_do_nothing())


def _unique(entries: Iterable[Entry]) -> list[Entry]:
    """The first of each (tenant, request_id)."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        first.setdefault((entry.tenant, entry.request_id), entry)
    return list(first.values())
