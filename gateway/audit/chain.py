"""The hash chain of each tenant, in the database.

``hash = sha256(prev_hash bytes || canonical body)``; the first ``prev_hash`` is
32 zero bytes. The body carries ``tenant``, ``seq``, ``kind``, ``request_id``
and ``time`` among the caller's fields. Writers of one tenant, in any number of
processes, take turns on the row lock of ``audit_heads``.

It knows nothing of journals; what the fields of a record mean is record.py's.
"""

import asyncio
import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.batches import write_rows
from core.clock import Clock, isoformat
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.encoding import check_value, encode_sorted
from gateway.audit.errors import InvalidRecord, SigningKeyUnusable
from gateway.audit.keys import Signer
from gateway.audit.models import AuditHead, AuditRecord
from gateway.audit.record import RESERVED
from gateway.audit.signing import sign_next

SCHEMA = 1
_PREPARED = b'%%b,"kind":"request"%%b,"schema":%d,"seq":' % SCHEMA
_COLUMNS = ("tenant", "seq", "request_id", "kind", "time", "body", "prev_hash", "hash")
_PAUSE = 64  # records hashed before others get the event loop
_LOOKUP = 500  # request ids in one IN (...)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that wants to join the chain; (tenant, request_id) is unique in it."""

    tenant: str
    request_id: str
    kind: str  # request | admin
    fields: dict[str, Any]


class Draft(NamedTuple):
    """A record's canonical body around its ``seq`` and its ``time``."""

    tenant: str
    request_id: str
    kind: str
    head: bytes
    middle: bytes
    tail: bytes

    @property
    def key(self) -> tuple[str, str]:
        """What makes it unique."""
        return self.tenant, self.request_id

    @classmethod
    def of(cls, entry: Entry) -> "Draft":
        """Everything that can be done before the chain is locked.

        Raises:
            InvalidRecord: a field has a reserved name or no canonical encoding.
        """
        check_value(entry.fields)
        return cls.of_journaled(entry.tenant, entry.request_id, entry.kind, entry.fields)

    @classmethod
    def of_journaled(
        cls, tenant: str, request_id: str, kind: str, fields: dict[str, Any]
    ) -> "Draft":
        """The same for fields that were checked before they went into the journal."""
        if not RESERVED.isdisjoint(fields):
            names = ", ".join(sorted(RESERVED & fields.keys()))
            raise InvalidRecord(
                f"These names are the chain's own, a record cannot set them: {names}."
            )
        members = sorted(
            {
                **fields,
                "schema": SCHEMA,
                "tenant": tenant,
                "request_id": request_id,
                "kind": kind,
            }.items()
        )
        seq, time = bisect_left(members, ("seq",)), bisect_left(members, ("time",))
        # The text of an object is that of its parts, one after another.
        head = encode_sorted(dict(members[:seq]))
        middle = encode_sorted(dict(members[seq:time]))
        tail = encode_sorted(dict(members[time:]))
        return cls(
            tenant,
            request_id,
            kind,
            head[:-1] + b',"seq":',
            b"," + middle[1:-1] + b',"time":"',
            b'"' + (b"}" if len(tail) == 2 else b"," + tail[1:]),
        )

    @classmethod
    def of_prepared(cls, request_id: str, tenant: str, record: bytes) -> "Draft":
        """The same of a ``RequestRecord`` in canonical form: its text is cut where the chain's
        fields belong.

        A quotation mark within a text is escaped, so nothing but a field's name matches; and of
        those that match, the record's own one is the first or the last.
        """
        kind = record.index(b',"latency":')
        seq = record.rindex(b',"started_at":')
        time = record.rindex(b',"tokens":')
        return cls(
            tenant,
            request_id,
            "request",
            _PREPARED % (record[:kind], record[kind:seq]),
            record[seq:time] + b',"time":"',
            b'"' + record[time:],
        )

    def body(self, seq: int, time: str) -> bytes:
        """Canonical JSON of the record as hashed and stored."""
        return b"%b%d%b%b%b" % (self.head, seq, self.middle, time.encode(), self.tail)


def link_hash(prev_hash: str, body: bytes) -> str:
    """The hash (64 hex digits) of a canonical body that follows ``prev_hash``."""
    return hashlib.sha256(bytes.fromhex(prev_hash) + body).hexdigest()


def make_body(entry: Entry, seq: int, time: datetime) -> bytes:
    """Canonical JSON of the record as hashed and stored.

    Raises:
        InvalidRecord: a field has a reserved name or no canonical encoding.
    """
    return Draft.of(entry).body(seq, isoformat(time))


class AuditChain:
    """Appends records and signs checkpoints, inside the caller's transactions.

    Args:
        key: needed for checkpoints only.
    """

    def __init__(self, clock: Clock, key: Signer | None = None) -> None:
        self._clock = clock
        self.key = key

    async def append(self, session: AsyncSession, entries: Sequence[Entry]) -> int:
        """Append in order, skipping what the chain has already; see ``append_new``.

        Returns:
            How many were new.

        Raises:
            InvalidRecord
        """
        drafts = [Draft.of(entry) for entry in entries]
        known = await self.known(session, drafts)
        first: dict[tuple[str, str], Draft] = {}
        for draft in drafts:
            if draft.key not in known:
                first.setdefault(draft.key, draft)
        await self.append_new(session, list(first.values()))
        return len(first)

    async def append_new(self, session: AsyncSession, drafts: Sequence[Draft]) -> None:
        """Append in order, tenant by tenant, what the chain has not got yet.

        Locks the tenants' heads until the transaction ends. A tenant's ``time``
        never goes back, even if the clock does.

        Raises:
            sqlalchemy.exc.IntegrityError, asyncpg.UniqueViolationError: it has one of
                them; roll back, and ask ``known`` before the next attempt.
        """
        by_tenant: dict[str, list[Draft]] = {}
        for draft in drafts:
            by_tenant.setdefault(draft.tenant, []).append(draft)
        for tenant in sorted(by_tenant):  # one order for all writers: no deadlocks
            await self._append_tenant(session, tenant, by_tenant[tenant])

    async def known(self, session: AsyncSession, drafts: Sequence[Draft]) -> set[tuple[str, str]]:
        """Those (tenant, request_id) that are in the chain."""
        ids: dict[str, list[str]] = {}
        for draft in drafts:
            ids.setdefault(draft.tenant, []).append(draft.request_id)
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
        self, session: AsyncSession, tenant: str, drafts: Sequence[Draft]
    ) -> None:
        seq, prev_hash, last_time = await self._lock_head(session, tenant)
        now = max(self._clock.now(), last_time)
        time = isoformat(now)
        rows: list[tuple[Any, ...]] = []
        for draft in drafts:
            seq += 1
            if seq % _PAUSE == 0:
                await asyncio.sleep(0)  # requests share this event loop
            body = draft.body(seq, time)
            current = link_hash(prev_hash, body)
            rows.append(
                (tenant, seq, draft.request_id, draft.kind, now, body.decode(), prev_hash, current)
            )
            prev_hash = current
        await write_rows(session, cast(Table, AuditRecord.__table__), _COLUMNS, rows)
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
