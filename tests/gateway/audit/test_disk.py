"""The journal's disk full, read-only or broken, for real: nothing is lost, and it recovers."""

import asyncio
import os
import resource
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.clock import SystemClock
from core.database import Database
from gateway.audit import AuditChain, Drain, DrainOptions, Journal, JournalUnavailable, SigningKey
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_database

SIZE = 4 * 1024 * 1024
AUDIT = {"tenant": "acme", "upstream": "pool"}


@dataclass(frozen=True)
class SmallDisk:
    """A folder on a disk of 4 MiB; where none can be mounted, with a limit on files' sizes."""

    folder: Path
    mounted: bool

    @contextmanager
    def full(self, journal: Journal) -> Iterator[None]:
        """No page more fits."""
        if not self.mounted:
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (journal._log.end.offset, hard))
            yield
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            return
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as out, suppress(OSError):
            while True:
                out.write(bytes(4096))
        yield
        ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    yield SmallDisk(folder, mounted)
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def journal(small_disk: SmallDisk) -> AsyncIterator[Journal]:
    journal = Journal.open(
        small_disk.folder / "journal", SystemClock(), segment_bytes=128 * 1024, min_free_bytes=0
    )
    yield journal
    await journal.close()


def drain_of(journal: Journal, database: Database, key: SigningKey, *sinks: Any) -> Drain:
    clock = SystemClock()
    options = DrainOptions(gather_s=0.01)
    return Drain(journal, database, AuditChain(clock, key), sinks, clock=clock, options=options)


async def drained(journal: Journal, database: Database, key: SigningKey) -> list[str]:
    """The chain's request ids once everything is there; the chain holds."""
    drain = drain_of(journal, database, key)
    await drain.start()
    await drain.flush()
    assert await drain.stop()
    return await recorded(database)


async def recorded(database: Database) -> list[str]:
    async with database.session() as session:
        query = select(AuditRecord.request_id).order_by(AuditRecord.seq)
        names = list(await session.scalars(query))
        (report,) = await verify_database(session)
    assert report.ok, report
    return names


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - the disk tells nobody when it works again
            await asyncio.sleep(0.02)


async def test_a_full_disk_refuses_new_requests_and_keeps_the_outcomes_of_running_ones(
    small_disk: SmallDisk, journal: Journal, audit_database: Database, key: SigningKey
) -> None:
    names = [f"req_{number:02}" for number in range(20)]
    await asyncio.gather(*(journal.intent(name, {"tenant": "acme"}) for name in names))
    with small_disk.full(journal):
        large = {**AUDIT, "model": "m" * 5000}  # no free rest of a page takes it
        for name in names:
            await journal.outcome(name, large, {"request_id": name})
        assert not journal.healthy
        with pytest.raises(JournalUnavailable):
            await journal.intent("req_new", {"tenant": "acme"})
        with pytest.raises(JournalUnavailable):
            await journal.outcome("req_denied", AUDIT, None)
        assert not journal.reached(journal.targets()), "they are owed"
    await until(lambda: journal.healthy)
    await journal.intent("req_later", {"tenant": "acme"})
    await journal.outcome("req_later", AUDIT, None)
    assert await drained(journal, audit_database, key) == [*names, "req_later"]


async def test_a_journal_that_fills_while_the_database_is_away_stops_in_time_and_empties(
    small_disk: SmallDisk, journal: Journal, audit_database: Database, key: SigningKey
) -> None:
    journal.min_free_bytes = _free(small_disk.folder) - SIZE // 2
    accepted: list[str] = []
    with suppress(JournalUnavailable):
        while len(accepted) < 5000:
            name = f"req_{len(accepted):04}"
            await journal.outcome(name, {**AUDIT, "model": "m" * 3000}, None)
            accepted.append(name)
            journal._next_check = 0.0
    assert journal.trouble == "the disk is nearly full"
    assert 100 < len(accepted) < 5000
    assert await drained(journal, audit_database, key) == accepted
    await until(lambda: journal.healthy)
    assert journal.backlog_bytes == 0


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


async def test_a_file_that_cannot_be_written_any_more_is_left_for_a_new_one(
    journal: Journal, audit_database: Database, key: SigningKey
) -> None:
    await journal.intent("req_1", {"tenant": "acme"})
    writer = journal._log._writer
    assert writer is not None
    broken = os.open("/dev/full", os.O_RDONLY)
    os.dup2(broken, writer)  # every write is refused from now on, not for want of room
    os.close(broken)
    await journal.outcome("req_1", AUDIT, None)
    assert not journal.healthy
    await until(lambda: journal.healthy)
    await until(lambda: _accepts(journal))
    assert "req_1" in await drained(journal, audit_database, key)
    await until(lambda: journal.healthy)  # the broken file's own sync may be refused after that


def _accepts(journal: Journal) -> bool:
    return journal.healthy and not journal._held


def test_a_disk_that_is_read_only_is_told_at_the_start(small_disk: SmallDisk) -> None:
    folder = small_disk.folder
    if small_disk.mounted:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(JournalUnavailable, match="Read-only file system"):
            Journal.open(folder / "journal", SystemClock())
    else:
        (folder / "journal").write_text("not a folder")
        with pytest.raises(JournalUnavailable):
            Journal.open(folder / "journal", SystemClock())


class SlowSink:
    """A database that takes its time."""

    def __init__(self) -> None:
        self.largest = 0

    async def apply(self, session: Any, entries: Any, /) -> None:
        self.largest = max(self.largest, len(entries))
        await asyncio.sleep(0.02)


async def test_a_drain_slower_than_the_requests_drops_nothing(
    journal: Journal, audit_database: Database, key: SigningKey
) -> None:
    sink = SlowSink()
    drain = drain_of(journal, audit_database, key, sink)
    await drain.start()
    names = [f"req_{number:04}" for number in range(4000)]
    for number, name in enumerate(names):
        await journal.outcome(name, AUDIT, {"request_id": name})
        if number % 100 == 0:
            await asyncio.sleep(0)
    assert drain.drained < len(names), "the drain is behind"
    await drain.flush()
    assert await drain.stop()
    assert await recorded(audit_database) == names
    assert sink.largest < len(names) / 2, "memory holds some batches, not the backlog"


async def test_damage_is_counted_and_the_rest_is_drained(
    journals: Any, audit_database: Database, key: SigningKey
) -> None:
    dead = journals.open()
    for number in range(3):
        await dead.outcome(f"req_{number}", AUDIT, None)
    journals.abandon(dead)
    segment = next(journals.directory.glob("w_*/*.seg"))
    segment.write_bytes(segment.read_bytes().replace(b"req_1", b"req_X"))
    journal = journals.open()
    assert journal.replay(lambda intent, call: (intent, None)).folders == 1
    assert await drained(journal, audit_database, key) == ["req_0", "req_2"]
    assert journal.damaged_segments() == 1
