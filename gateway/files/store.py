"""Files as their owners use them: written piece by piece, read in ranges, listed, deleted.

A file is one row, its content rows of ``CHUNK`` bytes, each sealed, in the database, where every
replica and every job worker reaches it.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.ids import new_id
from gateway.audit import append_admin
from gateway.files.errors import FileInUse, FileNotFound, FileStorageFull, FileTooLarge
from gateway.files.models import File
from gateway.files.repository import PROCESSED, UPLOADING, FileRepository, due_files
from gateway.files.sealing import ObjectKey, ObjectKeys
from gateway.settings import FileSettings
from gateway.vault.wrapping import KeyWrapper

CHUNK = 256 * 1024
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ABANDONED = timedelta(hours=1)  # an upload that took longer has been broken off
BY_KEY = "key"  # how the actor of an audit record was authenticated
_CONTENT, _NAME = "content", "name"
_KEPT_CHUNKS = 4
_REMOVED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class FileScope:
    """Whose files: everything is looked for within a tenant's project."""

    tenant: str
    project_id: str
    key_id: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as its owner sees it."""

    id: str
    purpose: str
    name: str
    size: int
    created_at: datetime
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        """OpenAI's file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size,
            "created_at": int(self.created_at.timestamp()),
            "expires_at": int(self.expires_at.timestamp()),
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class FileStore:
    """One per process; may be used from several tasks."""

    def __init__(
        self, database: Database, clock: Clock, wrapper: KeyWrapper, settings: FileSettings
    ) -> None:
        self.database = database
        self.clock = clock
        self.keys = ObjectKeys(database, wrapper)
        self.settings = settings

    async def create(
        self,
        scope: FileScope,
        *,
        name: str,
        bounded: bool = True,
    ) -> "FileWriter":
        """Begin a file; nobody sees it before ``FileWriter.finish``.

        Args:
            bounded: whether ``files.max_file_bytes`` and ``max_tenant_bytes`` hold.

        Raises:
            FileStorageFull
        """
        now = self.clock.now()
        await self.keys.prepare(scope.tenant, now)
        key = ObjectKey.new(scope.tenant, new_id("file"))
        row = {
            "id": key.object_id,
            "project_id": scope.project_id,
            "key_id": scope.key_id,
            "data_key": key.id,
            "purpose": "",
            "name": key.seal(name.encode("utf-8", "surrogatepass"), _NAME),
            "size": 0,
            "status": UPLOADING,
            "created_at": now,
            "expires_at": now + timedelta(days=self.settings.retention_days),
        }
        async with self.database.transaction() as session:
            repository = FileRepository(session, scope.tenant)
            used = await repository.used_bytes() if bounded else 0
            wrapped = await self.keys.wrap(session, key)
            await repository.add(row, f"file:{key.object_id}", wrapped)
        room = self.settings.max_tenant_bytes - used if bounded else None
        return FileWriter(self, scope, key, name, room)

    async def get(self, scope: FileScope, file_id: str) -> StoredFile:
        """Raises ``FileNotFound``, also for another project's."""
        async with self.database.session() as session:
            return await self._opened(session, await self._find(session, scope, file_id))

    async def page(
        self,
        scope: FileScope,
        *,
        purpose: str | None = None,
        after: str | None = None,
        limit: int,
        newest_first: bool = True,
    ) -> tuple[list[StoredFile], bool]:
        """A page, and whether there are more.

        Raises:
            FileNotFound: ``after`` names none.
        """
        async with self.database.session() as session:
            start = await self._find(session, scope, after) if after is not None else None
            found = await FileRepository(session, scope.tenant).page(
                scope.project_id,
                self.clock.now(),
                purpose=purpose,
                after=start,
                limit=limit,
                newest_first=newest_first,
            )
            page = [await self._opened(session, file) for file in found[:limit]]
        return page, len(found) > limit

    async def delete(self, scope: FileScope, file_id: str) -> None:
        """Destroy a file and its key, and record who did.

        Raises:
            FileNotFound, FileInUse
        """
        async with self.database.transaction() as session:
            file = await self._find(session, scope, file_id)
            repository = FileRepository(session, scope.tenant)
            if await repository.in_use(file_id):
                raise FileInUse("A batch still reads this file; wait for it or cancel it.")
            await repository.delete(file)
            await record(session, self.clock, scope, "file.delete", file.id, before=facts(file))

    async def reader(
        self, scope: FileScope, file_id: str, *, expired_too: bool = False
    ) -> "FileReader":
        """``expired_too``: for a batch, which keeps its input file until it ends.

        Raises:
            FileNotFound
        """
        async with self.database.session() as session:
            alive_at = LONG_AGO if expired_too else self.clock.now()
            file = await self._find(session, scope, file_id, alive_at)
            key = await self.keys.open(session, scope.tenant, file.id, file.data_key)
        return FileReader(self.database, key, file.size)

    async def remove_due(self) -> int:
        """Expired files and broken uploads of all tenants; how many."""
        removed = 0
        while True:
            async with self.database.transaction() as session:
                now = self.clock.now()
                due = await due_files(session, now, now - ABANDONED, _REMOVED_AT_ONCE)
                for file in due:
                    await FileRepository(session, file.tenant).delete(file)
            removed += len(due)
            if len(due) < _REMOVED_AT_ONCE:
                return removed

    async def _find(
        self,
        session: AsyncSession,
        scope: FileScope,
        file_id: str,
        alive_at: datetime | None = None,
    ) -> File:
        repository = FileRepository(session, scope.tenant)
        now = alive_at or self.clock.now()
        file = await repository.find(scope.project_id, file_id, now)
        if file is None:
            raise FileNotFound(
                "There is no such file in this key's project (any more); list the files."
            )
        return file

    async def _opened(self, session: AsyncSession, file: File) -> StoredFile:
        key = await self.keys.open(session, file.tenant, file.id, file.data_key)
        name = key.open(file.name, _NAME).decode("utf-8", "surrogatepass")
        return StoredFile(file.id, file.purpose, name, file.size, file.created_at, file.expires_at)


class FileWriter:
    """Takes a file's content in pieces of any length."""

    def __init__(
        self,
        store: FileStore,
        scope: FileScope,
        key: ObjectKey,
        name: str,
        room: int | None,
    ) -> None:
        self._store = store
        self._scope = scope
        self._key = key
        self._name = name
        self._room = room
        self._pending = bytearray()
        self._chunks = 0
        self._size = 0

    @property
    def file_id(self) -> str:
        return self._key.object_id

    async def write(self, piece: bytes) -> None:
        """Raises: FileTooLarge, FileStorageFull."""
        self._size += len(piece)
        self._check_size()
        self._pending += piece
        while len(self._pending) >= CHUNK:
            await self._put(bytes(self._pending[:CHUNK]))
            del self._pending[:CHUNK]

    async def flush(self) -> None:
        """Store the rest; before ``finish``."""
        if self._pending:
            await self._put(bytes(self._pending))
            self._pending.clear()

    async def finish(
        self, session: AsyncSession, purpose: str, lifetime: timedelta | None = None
    ) -> StoredFile:
        """Let the file be seen, and record who made it, in the caller's transaction."""
        file = await session.get(File, (self._scope.tenant, self.file_id))
        if file is None:
            raise FileNotFound("The upload took too long; send the file again.")
        file.purpose, file.size, file.status = purpose, self._size, PROCESSED
        if lifetime is not None:
            file.expires_at = file.created_at + lifetime
        await session.flush()
        clock, after = self._store.clock, facts(file)
        await record(session, clock, self._scope, "file.create", file.id, after=after)
        return StoredFile(
            file.id, purpose, self._name, self._size, file.created_at, file.expires_at
        )

    async def drop(self) -> None:
        """Forget what has been stored of it."""
        async with self._store.database.transaction() as session:
            file = await session.get(File, (self._scope.tenant, self.file_id))
            if file is not None:
                await FileRepository(session, self._scope.tenant).delete(file)

    async def _put(self, chunk: bytes) -> None:
        sealed = self._key.seal(chunk, _CONTENT, self._chunks)
        async with self._store.database.transaction() as session:
            repository = FileRepository(session, self._scope.tenant)
            await repository.add_chunk(self.file_id, self._chunks, sealed)
            await repository.grow(self.file_id, self._size)
        self._chunks += 1

    def _check_size(self) -> None:
        if self._room is None:
            return
        most = self._store.settings.max_file_bytes
        if self._size > most:
            raise FileTooLarge(f"A file may have {most} bytes; send it in several.", param="file")
        if self._size > self._room:
            raise FileStorageFull(
                "The tenant's files have reached the most that is kept; delete some.",
                param="file",
            )


class FileReader:
    """Reads a file in ranges; keeps the last chunks, so that reading on is cheap."""

    def __init__(self, database: Database, key: ObjectKey, size: int) -> None:
        self._database = database
        self._key = key
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self.size = size

    async def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` on, fewer at the end of the file."""
        end = min(start + length, self.size)
        parts: list[bytes] = []
        while start < end:
            number, offset = divmod(start, CHUNK)
            part = (await self._chunk(number))[offset : offset + end - start]
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The whole file."""
        for number in range((self.size + CHUNK - 1) // CHUNK):
            yield await self._chunk(number)

    async def lines(self) -> AsyncIterator[tuple[int, bytes]]:
        """Where each line starts, and the line without its end."""
        start = 0
        parts: list[bytes] = []
        async for piece in self.pieces():
            *ended, rest = piece.split(b"\n")
            for part in ended:
                line = b"".join((*parts, part))
                parts.clear()
                yield start, line
                start += len(line) + 1
            parts.append(rest)
        if line := b"".join(parts):
            yield start, line

    async def _chunk(self, number: int) -> bytes:
        found = self._chunks.get(number)
        if found is None:
            async with self._database.session() as session:
                repository = FileRepository(session, self._key.tenant)
                sealed = await repository.chunk(self._key.object_id, number)
            if sealed is None:
                raise FileNotFound("The file was deleted while it was read; upload it again.")
            found = self._chunks[number] = self._key.open(sealed, _CONTENT, number)
            while len(self._chunks) > _KEPT_CHUNKS:
                self._chunks.popitem(last=False)
        return found


def facts(file: File) -> dict[str, Any]:
    """What an audit record's digest covers: nothing that a person wrote."""
    return {"id": file.id, "purpose": file.purpose, "bytes": file.size}


async def record(
    session: AsyncSession,
    clock: Clock,
    scope: FileScope,
    action: str,
    target: str,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    """An action of an API key, in the tenant's trail and in the action's transaction."""
    await append_admin(
        session,
        tenant=scope.tenant,
        actor=scope.key_id,
        method=BY_KEY,
        action=action,
        target=target,
        before=before,
        after=after,
        clock=clock,
    )
