"""The SQL of files; every query takes the tenant's scope, and the project's where a client asks.

It moves sealed rows and knows no key.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.batches.models import Batch
from gateway.files.models import File, FileChunk
from gateway.vault.models import VaultDataKey

UPLOADING, PROCESSED = "uploading", "processed"
# Of batches that may still read their input file.
_READING = ("validating", "in_progress", "finalizing", "cancelling")


class FileRepository:
    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def add(self, row: dict[str, Any], owner: str, wrapped: bytes) -> None:
        """A file and the data key that seals it."""
        self._session.add(File(tenant=self._tenant, **row))
        self._session.add(
            VaultDataKey(
                tenant=self._tenant,
                id=row["data_key"],
                owner=owner,
                wrapped=wrapped,
                created_at=row["created_at"],
            )
        )
        await self._session.flush()

    async def add_chunk(self, file_id: str, number: int, sealed: bytes) -> None:
        self._session.add(
            FileChunk(tenant=self._tenant, file_id=file_id, number=number, sealed=sealed)
        )
        await self._session.flush()

    async def grow(self, file_id: str, size: int) -> None:
        """So much has come; it counts against the tenant's bound."""
        await self._session.execute(
            update(File).where(self._own(File), File.id == file_id).values(size=size)
        )

    async def find(self, project_id: str, file_id: str, now: datetime) -> File | None:
        query = select(File).where(self._visible(project_id, now), File.id == file_id)
        return await self._session.scalar(query)

    async def page(
        self,
        project_id: str,
        now: datetime,
        *,
        purpose: str | None,
        after: File | None,
        limit: int,
        newest_first: bool,
    ) -> list[File]:
        """One page, and one file more if there is another page."""
        query = select(File).where(self._visible(project_id, now))
        if purpose is not None:
            query = query.where(File.purpose == purpose)
        if after is not None:
            query = query.where(_beyond(after, newest_first=newest_first))
        order = (File.created_at, File.id)
        if newest_first:
            query = query.order_by(*(column.desc() for column in order))
        else:
            query = query.order_by(*order)
        return list(await self._session.scalars(query.limit(limit + 1)))

    async def chunk(self, file_id: str, number: int) -> bytes | None:
        query = select(FileChunk.sealed).where(
            self._own(FileChunk), FileChunk.file_id == file_id, FileChunk.number == number
        )
        return await self._session.scalar(query)

    async def in_use(self, file_id: str) -> bool:
        """Whether a batch still reads it."""
        query = select(exists().where(_read_by(self._tenant, file_id)))
        return bool(await self._session.scalar(query))

    async def used_bytes(self) -> int:
        """Of all files of the tenant."""
        query = select(func.coalesce(func.sum(File.size), 0)).where(self._own(File))
        return int(await self._session.scalar(query) or 0)

    async def delete(self, file: File) -> None:
        """The file, its content and the key that would open old copies of it."""
        own = self._own(FileChunk), FileChunk.file_id == file.id
        await self._session.execute(delete(FileChunk).where(*own))
        await self._session.execute(
            delete(VaultDataKey).where(self._own(VaultDataKey), VaultDataKey.id == file.data_key)
        )
        await self._session.execute(delete(File).where(self._own(File), File.id == file.id))

    async def delete_all(self) -> int:
        """Everything of the tenant; how many files."""
        await self._session.execute(delete(FileChunk).where(self._own(FileChunk)))
        gone: Any = await self._session.execute(delete(File).where(self._own(File)))
        return max(gone.rowcount, 0)

    def _own(self, table: Any) -> ColumnElement[bool]:
        return table.tenant == self._tenant

    def _visible(self, project_id: str, now: datetime) -> ColumnElement[bool]:
        return and_(
            self._own(File),
            File.project_id == project_id,
            File.status == PROCESSED,
            File.expires_at > now,
        )


async def due_files(
    session: AsyncSession, now: datetime, abandoned: datetime, limit: int
) -> Sequence[File]:
    """Of all tenants: files that have expired and that no batch reads any more, and uploads begun
    before ``abandoned``."""
    expired = and_(File.expires_at <= now, ~exists().where(_read_by(File.tenant, File.id)))
    broken_off = and_(File.status == UPLOADING, File.created_at < abandoned)
    query = select(File).where(or_(expired, broken_off))
    return list(await session.scalars(query.order_by(File.tenant, File.id).limit(limit)))


def _read_by(tenant: Any, file_id: Any) -> ColumnElement[bool]:
    own = Batch.tenant == tenant, Batch.input_file_id == file_id
    return and_(*own, Batch.status.in_(_READING))


def _beyond(after: File, *, newest_first: bool) -> ColumnElement[bool]:
    """Rows after this one in the order of the list."""
    time, tie = File.created_at, File.id
    if newest_first:
        return or_(time < after.created_at, and_(time == after.created_at, tie < after.id))
    return or_(time > after.created_at, and_(time == after.created_at, tie > after.id))
