"""The SQL of stored bodies; every query takes the tenant's scope.

It moves sealed rows and knows no key.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.archive.models import AuditBody
from gateway.audit.models import AuditRecord
from gateway.vault.models import VaultDataKey

KEY_PREFIX = "bk"  # of the ids of data keys that seal bodies
_STEP = 200  # rows of one statement


class ArchiveRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def add_keys(self, rows: Sequence[dict[str, Any]]) -> None:
        await self._insert(VaultDataKey, rows)

    async def add_bodies(self, rows: Sequence[dict[str, Any]]) -> None:
        await self._insert(AuditBody, rows)

    async def bodies_of(self, request_id: str) -> list[AuditBody]:
        """The parts of one request."""
        query = select(AuditBody).where(self._own(AuditBody), AuditBody.request_id == request_id)
        return list(await self._session.scalars(query.order_by(AuditBody.part.desc())))

    async def bodies_in(self, request_ids: Iterable[str]) -> list[AuditBody]:
        query = select(AuditBody).where(
            self._own(AuditBody), AuditBody.request_id.in_(sorted(request_ids))
        )
        return list(await self._session.scalars(query))

    async def key(self, key_id: str) -> VaultDataKey | None:
        return await self._session.get(VaultDataKey, (self._tenant, key_id))

    async def owned(self, owner: str) -> int:
        """How many bodies of an owner still open."""
        query = select(func.count()).select_from(AuditBody).where(self._of_owner(owner))
        return await self._session.scalar(query) or 0

    async def erase_owner(self, owner: str, erasure: str, now: datetime) -> int:
        """Destroy an owner's keys and sealed bodies; how many bodies."""
        gone = await self._remove(self._of_owner(owner), erasure, now)
        await self._session.execute(
            delete(VaultDataKey).where(self._own(VaultDataKey), VaultDataKey.owner == owner)
        )
        return gone

    async def expire(self, now: datetime, kept: Sequence[ColumnElement[bool]]) -> int:
        """Remove the sealed bytes of what has expired, but for what is ``kept``."""
        due = and_(self._own(AuditBody), AuditBody.sealed.is_not(None), AuditBody.expires_at <= now)
        return await self._remove(and_(due, ~or_(*kept)) if kept else due, "retention", now)

    async def expired(self, now: datetime, kept: ColumnElement[bool]) -> int:
        """How many have expired and are kept all the same."""
        query = (
            select(func.count())
            .select_from(AuditBody)
            .where(
                self._own(AuditBody),
                AuditBody.sealed.is_not(None),
                AuditBody.expires_at <= now,
                kept,
            )
        )
        return await self._session.scalar(query) or 0

    async def drop_unused_keys(self, before: datetime) -> int:
        """Data keys made before then of which no body is left."""
        used = exists().where(
            AuditBody.tenant == VaultDataKey.tenant,
            AuditBody.key_id == VaultDataKey.id,
            AuditBody.sealed.is_not(None),
        )
        gone: Any = await self._session.execute(
            delete(VaultDataKey).where(
                self._own(VaultDataKey),
                VaultDataKey.id.startswith(KEY_PREFIX, autoescape=True),  # others are not ours
                VaultDataKey.created_at < before,
                ~used,
            )
        )
        return max(gone.rowcount, 0)

    async def forget_of_records(self, low: int, high: int) -> None:
        """Drop the rows of requests whose records, ``low`` to ``high``, are removed."""
        records = select(AuditRecord.request_id).where(
            AuditRecord.tenant == self._tenant, AuditRecord.seq.between(low, high)
        )
        await self._session.execute(
            delete(AuditBody)
            .where(self._own(AuditBody), AuditBody.request_id.in_(records))
            .execution_options(synchronize_session=False)
        )

    async def figures(self) -> dict[str, int]:
        """Bodies that open, and those that were removed by what."""
        query = select(AuditBody.removed_by, AuditBody.sealed.is_not(None), func.count()).where(
            self._own(AuditBody)
        )
        found = {"stored": 0, "expired": 0, "erased": 0, "lost": 0}
        for removed_by, there, count in await self._session.execute(
            query.group_by(AuditBody.removed_by, AuditBody.sealed.is_not(None))
        ):
            name = {"retention": "expired", "lost": "lost"}.get(removed_by or "", "erased")
            found["stored" if there else name] += count
        return found

    def _own(self, table: Any) -> ColumnElement[bool]:
        return table.tenant == self._tenant

    def _of_owner(self, owner: str) -> ColumnElement[bool]:
        keys = select(VaultDataKey.id).where(self._own(VaultDataKey), VaultDataKey.owner == owner)
        return and_(self._own(AuditBody), AuditBody.sealed.is_not(None), AuditBody.key_id.in_(keys))

    async def _remove(self, which: ColumnElement[bool], by: str, now: datetime) -> int:
        gone: Any = await self._session.execute(
            update(AuditBody)
            .where(which)
            .values(sealed=None, removed_at=now, removed_by=by)
            .execution_options(synchronize_session=False)
        )
        return max(gone.rowcount, 0)

    async def _insert(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        dialect = self._session.get_bind().dialect.name
        make = sqlite_insert if dialect == "sqlite" else postgresql_insert
        full = [{"tenant": self._tenant, **row} for row in rows]
        for start in range(0, len(full), _STEP):
            statement = make(table).values(full[start : start + _STEP])
            await self._session.execute(statement.on_conflict_do_nothing())


async def archive_tenants(session: AsyncSession) -> list[str]:
    """Tenants that have data keys or bodies."""
    keys = await session.scalars(select(VaultDataKey.tenant).distinct())
    bodies = await session.scalars(select(AuditBody.tenant).distinct())
    return sorted({*keys, *bodies})
