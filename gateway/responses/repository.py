"""The SQL of stored responses; every query takes the tenant's scope.

It moves sealed rows and knows no key.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.responses.models import StoredResponse, StoredResponseSubject
from gateway.retention.models import AuditErasure
from gateway.vault.models import VaultDataKey

_STEP = 500  # rows of one statement


class Link(NamedTuple):
    """A turn without its content; ``size`` is that of its sealed bytes."""

    id: str
    previous_id: str | None
    size: int


class ResponseRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def add(
        self,
        row: dict[str, Any],
        *,
        owner: str,
        wrapped: bytes,
        subjects: Iterable[str],
    ) -> None:
        """A sealed turn, its key, and the digests of what was masked in it."""
        key = VaultDataKey(
            tenant=self._tenant,
            id=row["key_id"],
            owner=owner,
            wrapped=wrapped,
            created_at=row["created_at"],
        )
        self._session.add_all([key, StoredResponse(tenant=self._tenant, **row)])
        self._session.add_all(
            StoredResponseSubject(tenant=self._tenant, response_id=row["id"], subject=subject)
            for subject in sorted(set(subjects))
        )
        await self._session.flush()

    async def find(
        self, project_id: str, ids: Sequence[str], now: datetime
    ) -> list[tuple[StoredResponse, bytes]]:
        """Turns and their wrapped keys, in no order."""
        found: list[tuple[StoredResponse, bytes]] = []
        for start in range(0, len(ids), _STEP):
            query = (
                select(StoredResponse, VaultDataKey.wrapped)
                .join(
                    VaultDataKey,
                    (VaultDataKey.tenant == StoredResponse.tenant)
                    & (VaultDataKey.id == StoredResponse.key_id),
                )
                .where(
                    *self._live(project_id, now),
                    StoredResponse.id.in_(ids[start : start + _STEP]),
                )
            )
            found += [(row[0], row[1]) for row in await self._session.execute(query)]
        return found

    async def links(self, project_id: str, response_id: str, now: datetime) -> dict[str, Link]:
        """All turns that go back to the same first turn as one of them does."""
        of_same = aliased(StoredResponse)
        thread = (
            select(of_same.thread)
            .where(of_same.tenant == self._tenant, of_same.id == response_id)
            .scalar_subquery()
        )
        query = select(StoredResponse.id, StoredResponse.previous_id, StoredResponse.size).where(
            *self._live(project_id, now), StoredResponse.thread == thread
        )
        rows = await self._session.execute(query)
        return {row.id: Link(row.id, row.previous_id, row.size) for row in rows}

    async def erased_since(self, owner: str, since: datetime) -> bool:
        """Whether a person was erased while a request of theirs was under way."""
        query = select(
            exists().where(
                AuditErasure.tenant == self._tenant,
                AuditErasure.owner == owner,
                AuditErasure.time >= since,
            )
        )
        return bool(await self._session.scalar(query))

    async def delete(self, project_id: str, response_id: str, now: datetime) -> bool:
        """Whether it was there."""
        return bool(
            await self._remove(*self._live(project_id, now), StoredResponse.id == response_id)
        )

    async def expire(self, now: datetime) -> int:
        return await self._remove(StoredResponse.expires_at <= now)

    async def erase_owner(self, owner: str) -> int:
        """Destroy the turns of an owner, and their keys."""
        keys = select(VaultDataKey.id).where(
            VaultDataKey.tenant == self._tenant, VaultDataKey.owner == owner
        )
        return await self._remove(StoredResponse.key_id.in_(keys))

    async def erase_subjects(self, subjects: Iterable[str]) -> int:
        """Destroy the turns in which one of these values was masked, and their keys."""
        held = select(StoredResponseSubject.response_id).where(
            StoredResponseSubject.tenant == self._tenant,
            StoredResponseSubject.subject.in_(sorted(set(subjects))),
        )
        return await self._remove(StoredResponse.id.in_(held))

    async def erase_all(self) -> int:
        return await self._remove()

    async def holds(self, subject: str) -> bool:
        """Whether a value was masked in any of the turns."""
        query = select(
            exists().where(
                StoredResponseSubject.tenant == self._tenant,
                StoredResponseSubject.subject == subject,
            )
        )
        return bool(await self._session.scalar(query))

    def _live(self, project_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return (
            StoredResponse.tenant == self._tenant,
            StoredResponse.project_id == project_id,
            StoredResponse.expires_at > now,
        )

    async def _remove(self, *which: ColumnElement[bool]) -> int:
        query = select(StoredResponse.id, StoredResponse.key_id).where(
            StoredResponse.tenant == self._tenant, *which
        )
        rows = [(row.id, row.key_id) for row in await self._session.execute(query)]
        for start in range(0, len(rows), _STEP):
            part = rows[start : start + _STEP]
            ids, keys = [row[0] for row in part], [row[1] for row in part]
            await self._drop(StoredResponseSubject, StoredResponseSubject.response_id, ids)
            await self._drop(VaultDataKey, VaultDataKey.id, keys)
            await self._drop(StoredResponse, StoredResponse.id, ids)
        return len(rows)

    async def _drop(self, table: Any, column: Any, ids: Sequence[str]) -> None:
        await self._session.execute(
            delete(table)
            .where(table.tenant == self._tenant, column.in_(ids))
            .execution_options(synchronize_session=False)
        )
