"""Files in the database: whole, bounded, gone when they should be, and sealed by keys that last."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from core.clock import ManualClock
from core.database import Database
from gateway.archive.repository import ArchiveRepository
from gateway.batches.erasure import erase_stored
from gateway.files import FileReader, FileScope, FileStore, StoredFile
from gateway.files.errors import FileNotFound, FileStorageFull, FileTooLarge
from gateway.files.models import File, FileChunk
from gateway.files.store import CHUNK
from gateway.settings import FileSettings
from gateway.vault import MasterKeys
from gateway.vault.erasure import change_keys, erase_tenant
from gateway.vault.errors import VaultKeyUnusable
from gateway.vault.models import VaultDataKey
from gateway.vault.wrapping import current_keys

SCOPE = FileScope("acme", "prj_1", "key_1")
OTHERS = (FileScope("acme", "prj_2", "key_2"), FileScope("globex", "prj_1", "key_1"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 28, tzinfo=UTC))


@pytest.fixture
def store(database: Database, clock: ManualClock, tmp_path: Path) -> FileStore:
    bounds = FileSettings(max_file_bytes=4 * CHUNK, max_tenant_bytes=5 * CHUNK)
    return FileStore(database, clock, MasterKeys.load(None, None, tmp_path), bounds)


async def _put(store: FileStore, *pieces: bytes, scope: FileScope = SCOPE) -> StoredFile:
    writer = await store.create(scope, name="Greta Vogel.txt")
    for piece in pieces:
        await writer.write(piece)
    await writer.flush()
    async with store.database.transaction() as session:
        return await writer.finish(session, "batch")


async def _count(store: FileStore) -> list[int]:
    """Files, chunks and keys."""
    async with store.database.session() as session:
        tables = (File, FileChunk, VaultDataKey)
        queries = [select(func.count()).select_from(table) for table in tables]
        return [await session.scalar(query) or 0 for query in queries]


async def test_ranges_and_lines_across_chunks(store: FileStore) -> None:
    lines = [b"a" * (CHUNK - 3), b"", b"bcdefgh", b"i" * (2 * CHUNK), b"end"]
    content = b"\n".join(lines)
    file = await _put(store, content[:5], content[5 : CHUNK + 7], content[CHUNK + 7 :])
    reader = await store.reader(SCOPE, file.id)
    assert [line async for line in _texts(reader)] == lines
    async for start, line in reader.lines():
        assert await reader.read(start, len(line)) == line
    assert await reader.read(len(content) - 2, 100) == b"nd"
    assert (file.size, file.name) == (len(content), "Greta Vogel.txt")


async def _texts(reader: FileReader) -> AsyncIterator[bytes]:
    async for _, line in reader.lines():
        yield line


async def test_an_empty_file(store: FileStore) -> None:
    file = await _put(store)
    reader = await store.reader(SCOPE, file.id)
    assert [line async for line in reader.lines()] == []
    assert (await store.get(SCOPE, file.id)).size == 0


async def test_nobody_else_finds_it(store: FileStore) -> None:
    file = await _put(store, b"x")
    for scope in OTHERS:
        for call in (store.get, store.reader, store.delete):
            with pytest.raises(FileNotFound):
                await call(scope, file.id)
        with pytest.raises(FileNotFound):
            await store.page(scope, after=file.id, limit=5)
        assert await store.page(scope, limit=5) == ([], False)
    assert (await store.get(SCOPE, file.id)).id == file.id


async def test_what_is_too_large_leaves_nothing(store: FileStore) -> None:
    writer = await store.create(SCOPE, name="a")
    await writer.write(b"x" * 4 * CHUNK)
    with pytest.raises(FileTooLarge):
        await writer.write(b"x")
    assert await store.page(SCOPE, limit=5) == ([], False)  # nobody sees what is not whole
    await writer.drop()
    assert await _count(store) == [0, 0, 0]
    await _put(store, b"x" * 3 * CHUNK)
    with pytest.raises(FileStorageFull):
        await _put(store, b"x" * 3 * CHUNK)
    assert (await _put(store, b"x" * 3 * CHUNK, scope=OTHERS[1])).size == 3 * CHUNK


async def test_what_is_over_is_removed(store: FileStore, clock: ManualClock) -> None:
    file = await _put(store, b"x")
    await (await store.create(SCOPE, name="broken off")).write(b"x" * CHUNK)
    clock.advance(timedelta(hours=2))
    kept = await _put(store, b"y")
    assert await store.remove_due() == 1
    clock.advance(timedelta(days=30) - timedelta(hours=2))
    with pytest.raises(FileNotFound):
        await store.get(SCOPE, file.id)
    assert [each.id for each in (await store.page(SCOPE, limit=5))[0]] == [kept.id]
    assert await store.remove_due() == 1
    assert await _count(store) == [1, 1, 1]


async def test_a_row_that_was_moved_does_not_open(store: FileStore) -> None:
    first, second = await _put(store, b"first"), await _put(store, b"second")
    async with store.database.transaction() as session:
        moved = select(FileChunk.sealed).where(FileChunk.file_id == first.id).scalar_subquery()
        await session.execute(
            update(FileChunk).where(FileChunk.file_id == second.id).values(sealed=moved)
        )
    reader = await store.reader(SCOPE, second.id)
    with pytest.raises(VaultKeyUnusable):
        await reader.read(0, 5)


async def test_files_outlive_the_change_of_keys_and_the_archives_tidying(
    store: FileStore, clock: ManualClock, tmp_path: Path
) -> None:
    file = await _put(store, b"content")
    master = MasterKeys.load(None, None, tmp_path)
    async with store.database.transaction() as session:
        keys = await current_keys(session, master, "acme")
        assert keys is not None
        await change_keys(session, master, keys)
        await ArchiveRepository(session, "acme").drop_unused_keys(clock.now() + timedelta(days=9))
    master.finish_rotation()
    assert await (await store.reader(SCOPE, file.id)).read(0, 100) == b"content"


async def test_an_erased_tenant_has_no_files(store: FileStore, tmp_path: Path) -> None:
    file = await _put(store, b"content")
    other = await _put(store, b"theirs", scope=OTHERS[1])
    async with store.database.transaction() as session:
        await erase_tenant(session, MasterKeys.load(None, None, tmp_path), "acme")
        assert await erase_stored(session, "acme") == (1, 0)
    with pytest.raises(FileNotFound):
        await store.get(SCOPE, file.id)
    assert await (await store.reader(OTHERS[1], other.id)).read(0, 100) == b"theirs"
