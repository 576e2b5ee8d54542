"""The local journal: what this process owes the audit trail, on disk before it happens.

``intent`` before an upstream is called (durable when it returns), ``note`` when
one is called, ``outcome`` at the end. Whatever kills the process, a successor
finds each request here and hands it to the drain: finished ones as they were,
unfinished ones as "interrupted".

It knows nothing of databases, chains or prices: bodies are dicts or structures, and the
caller says (``on_interrupted``) what an interrupted request amounts to.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock
from core.ids import new_id
from gateway.audit.commit import GroupCommit
from gateway.audit.encoding import encode_plain
from gateway.audit.errors import JournalUnavailable
from gateway.audit.frames import Kind, pack
from gateway.audit.outcomes import (
    Body,
    Journaled,
    Settlement,
    Written,
    outcome_frame,
    read_outcome,
    unfinished,
)
from gateway.audit.recent import RecentOutcomes
from gateway.audit.record import RequestRecord
from gateway.audit.segments import Position, SegmentLog, SyncJob, try_lock

OnInterrupted = Callable[[Body, Body | None], tuple[Body, Body | None]]
SEGMENT_BYTES = 16 * 1024 * 1024
MIN_FREE_BYTES = 64 * 1024 * 1024
CHECK_S = 0.25  # how old the last look at the free space may be
RETRY_S = 0.1  # how often a troubled disk is tried again
_NO_ROOM = frozenset({None, errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # None: a part fitted
RELOCATE_BEHIND = 2  # segments after which a long request's intent is written anew


@dataclass(frozen=True, slots=True)
class Batch:
    """Outcomes in journal order, and how far they reach; give it back to ``ack``.

    ``fresh``: they were written by this process, so nobody else can have drained them.
    """

    log: SegmentLog
    outcomes: Sequence[Journaled]
    end: Position
    fresh: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """What dead processes left: folders adopted, requests that had no outcome."""

    folders: int = 0
    interrupted: int = 0


@dataclass(slots=True)
class _Open:
    """An intent without outcome: where it is, and its frames, to be written anew."""

    segment: int
    frames: list[bytes]


class Journal:
    """One process's journal. Build it with ``open``; use it from one event loop.

    ``arrived`` is set whenever an outcome was written.
    """

    def __init__(
        self,
        root: Path,
        log: SegmentLog,
        clock: Clock,
        *,
        segment_bytes: int,
        min_free_bytes: int,
    ) -> None:
        self.min_free_bytes = min_free_bytes
        self.arrived = asyncio.Event()
        self._root = root
        self._log = log
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._adopted: list[SegmentLog] = []
        self._open: dict[str, _Open] = {}
        self._held: list[tuple[bytes, Written]] = []  # outcomes that the disk refused
        self._recent = RecentOutcomes()
        self._trouble: str | None = None
        self._renew = False  # begin a new segment once the disk works again
        self._relocating = False
        self._next_check = 0.0
        self._commit = GroupCommit(self._sync_job, self._sync_failed)

    @classmethod
    def open(
        cls,
        directory: Path,
        clock: Clock,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> "Journal":
        """A new journal folder of this process inside ``directory``.

        Raises:
            JournalUnavailable: the directory cannot be written.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _FolderLock(directory):
                folder = directory / new_id("w")
                folder.mkdir(mode=0o700)
                lock = try_lock(folder / "lock")
                assert lock is not None, "nobody else can know a folder made under the lock"
                log = SegmentLog(folder, lock, segment_bytes=segment_bytes)
        except OSError as error:
            raise JournalUnavailable(
                f"The journal directory cannot be written ({error.strerror}): "
                "check data_dir, its permissions and the disk."
            ) from error
        return cls(
            directory, log, clock, segment_bytes=segment_bytes, min_free_bytes=min_free_bytes
        )

    # -- a request's three records ----------------------------------------------

    def intent(self, request_id: str, body: Body) -> asyncio.Future[None]:
        """Record that a request is about to be served.

        It is written when this returns, and on disk when the future is done; wait for
        that before an upstream is called. ``body`` holds all that ``on_interrupted``
        needs to settle the request.

        Raises:
            JournalUnavailable: here or from the future; nothing may be called upstream.
        """
        if not self.healthy:
            raise self._unavailable()
        frame = pack(Kind.INTENT, encode_plain({"r": request_id, "b": body}))
        try:
            self._open[request_id] = _Open(self._log.append(frame), [frame])
        except OSError as error:
            self._mark(error)
            raise self._unavailable() from error
        return self._commit.wait()

    def note(self, request_id: str, body: Body) -> None:
        """Record which upstream is about to be called; survives ``kill -9`` at once.

        Raises:
            JournalUnavailable: do not call it.
        """
        frame = pack(Kind.CALL, encode_plain({"r": request_id, "b": body}))
        try:
            self._log.append(frame)
        except OSError as error:
            self._mark(error)
            raise self._unavailable() from error
        if (entry := self._open.get(request_id)) is not None:
            entry.frames.append(frame)

    async def outcome(
        self,
        request_id: str,
        audit: Body | RequestRecord,
        settlement: Body | Settlement | None,
        bodies: Sequence[Body] = (),
    ) -> None:
        """Record how a request ended, with or without an intent before it.

        Written when this returns and on disk within 50 ms; a machine that dies
        in between still has the intent. An outcome that the disk refuses is
        held in memory and written as soon as it can be.

        Raises:
            JournalUnavailable: there was no intent and the disk is in trouble.
            InvalidRecord: the record holds a float or names no tenant.
        """
        frame, written = outcome_frame(request_id, audit, settlement, bodies)
        if not self.healthy and request_id not in self._open:
            raise self._unavailable()
        try:
            if self._held:
                raise OSError("earlier outcomes wait for the disk")
            self._append(frame, written)
        except OSError as error:
            self._mark(error)
            if self._open.pop(request_id, None) is None:
                raise self._unavailable() from error
            self._held.append((frame, written))
            return
        self._open.pop(request_id, None)
        self._commit.soon()
        self.arrived.set()

    # -- health ------------------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """False while the disk refuses writes or is nearly full; looks again by itself."""
        self.probe()
        return self._trouble is None

    def probe(self) -> None:
        """Look at the disk if the last look is old, and write what it refused before."""
        now = self._clock.monotonic()
        if now >= self._next_check:
            self._check(now)

    @property
    def trouble(self) -> str | None:
        """Why the journal is not healthy, for operators."""
        return self._trouble

    @property
    def open_requests(self) -> int:
        """Intents without outcome."""
        return len(self._open)

    @property
    def backlog_bytes(self) -> int:
        """Journal bytes that the database has not got yet."""
        return sum(log.backlog_bytes for log in self._logs())

    def damaged_segments(self) -> int:
        """Files kept because a part of them could not be read; for a person to look at."""
        return sum(1 for _ in self._root.glob("w_*/*.damaged"))

    def _check(self, now: float) -> None:
        trouble = None
        try:
            if self._trouble is not None:
                self._write_held()
            free = os.statvfs(self._root)
            if free.f_bavail * free.f_frsize < self.min_free_bytes:
                trouble = "the disk is nearly full"
        except OSError as error:
            trouble = error.strerror or str(error)
        self._trouble = trouble
        self._next_check = now + (CHECK_S if trouble is None else RETRY_S)

    def _write_held(self) -> None:
        if self._renew:
            self._log.rotate()
            self._renew = False
        while self._held:
            self._append(*self._held[0])
            self._held.pop(0)
            self.arrived.set()

    def _append(self, frame: bytes, written: Written) -> None:
        self._log.append(frame)
        self._recent.add(self._log.end, written, len(frame))

    def _mark(self, error: OSError) -> None:
        if error.errno not in _NO_ROOM:
            self._renew = True  # the file itself may be broken: go on in a new one
        self._trouble = error.strerror or str(error)
        self._next_check = self._clock.monotonic() + RETRY_S

    def _unavailable(self) -> JournalUnavailable:
        return JournalUnavailable(
            "The audit journal cannot be written now, so nothing was sent to a model; "
            "retry later, and tell the operator to look at the gateway's disk."
        )

    # -- group commit --------------------------------------------------------------

    def _sync_job(self) -> SyncJob:
        return self._log.sync_job()

    def _sync_failed(self, error: OSError) -> JournalUnavailable:
        # After a failed fsync the kernel may call the lost pages clean: never trust that file.
        self._renew = True
        self._mark(error)
        return self._unavailable()

    @property
    def crowded(self) -> bool:
        """Whether as many outcomes wait for the drain as are cheap for it."""
        return self._recent.crowded

    # -- what the drain uses ---------------------------------------------------------

    def read(self, after: Batch | None = None) -> Batch | None:
        """The next outcomes of the oldest log that has any, or None.

        With ``after``, those behind a batch that is not acknowledged yet, if its log
        has more; without, acknowledge a batch before asking for the next one.
        """
        if after is not None:
            return self._read(after.log, after.end)
        for log in self._logs():
            if (batch := self._read(log, log.acknowledged)) is not None:
                return batch
            # Nothing but a torn tail or an empty segment.
            self.ack(Batch(log, (), log.end, fresh=False))
        return None

    def _read(self, log: SegmentLog, start: Position) -> Batch | None:
        if log is self._log and (recent := self._recent.take(start, log.end)) is not None:
            outcomes, end = recent
            return Batch(log, outcomes, end, fresh=True) if outcomes else None
        frames, end = log.read(start)
        if not frames:
            return None
        kept = [frame.payload for frame in frames if frame.kind is Kind.OUTCOME]
        return Batch(log, [read_outcome(payload) for payload in kept], end, fresh=log is self._log)

    def ack(self, batch: Batch) -> None:
        """The batch is committed: its place on disk can be reused."""
        try:
            if batch.end > batch.log.acknowledged:
                batch.log.acknowledge(batch.end)
            if batch.log is self._log:
                self._forget()
            elif batch.end >= batch.log.end:
                self._drop(batch.log)
        except OSError as error:
            self._mark(error)  # at worst a successor drains again what the database has already

    def targets(self) -> list[tuple[SegmentLog, Position]]:
        """Where each log ends now; ``reached`` says when all of it is acknowledged."""
        return [(log, log.end) for log in self._logs()]

    def reached(self, targets: Sequence[tuple[SegmentLog, Position]]) -> bool:
        """Whether everything before the targets is committed."""
        live = self._logs()
        return not self._held and all(
            log not in live or log.acknowledged >= end for log, end in targets
        )

    def _logs(self) -> list[SegmentLog]:
        return [*self._adopted, self._log]

    def _forget(self) -> None:
        position = self._log.acknowledged.segment
        self._relocate(position)
        if not self._relocating:
            pinned = min((entry.segment for entry in self._open.values()), default=position)
            self._log.forget(min(position, pinned))
            if self._log.has_forgotten:
                self._commit.soon()

    def _relocate(self, position: int) -> None:
        """Write the intents of long requests anew, so that they do not pin old segments."""
        old = [e for e in self._open.values() if e.segment <= position - RELOCATE_BEHIND]
        if not old or self._relocating or self._trouble is not None:
            return
        for entry in old:
            entry.segment = self._log.append(b"".join(entry.frames))
        self._relocating = True
        self._commit.wait().add_done_callback(self._relocated)

    def _relocated(self, done: asyncio.Future[None]) -> None:
        self._relocating = not done.cancelled() and done.exception() is not None

    def _drop(self, log: SegmentLog) -> None:
        with _FolderLock(self._root):
            log.close(delete=True)
        self._adopted.remove(log)

    # -- start and end -----------------------------------------------------------------

    def replay(self, on_interrupted: OnInterrupted) -> Replay:
        """Adopt the journals of dead processes; blocking.

        Each intent without outcome is given to ``on_interrupted(intent, call)``
        (bodies as journaled; ``call`` is the last upstream noted, or None), and
        what it returns becomes the outcome. Call it at start before serving;
        the drain calls it again now and then for siblings that died.
        """
        interrupted = 0
        logs = self._lock_dead()
        for log in logs:
            for request_id, bodies in unfinished(log.frames()).items():
                call = bodies[1] if bodies[1:] else None
                audit, settlement = on_interrupted(bodies[0], call)
                sealed = call.get("bodies", ()) if call else ()
                log.append(outcome_frame(request_id, audit, settlement, sealed)[0])
                interrupted += 1
            log.sync_job().run()
            if log.acknowledged >= log.end:
                with _FolderLock(self._root):
                    log.close(delete=True)
            else:
                self._adopted.append(log)
        if logs:
            self.arrived.set()
        return Replay(len(logs), interrupted)

    def _lock_dead(self) -> list[SegmentLog]:
        logs = []
        with _FolderLock(self._root):
            for folder in sorted(self._root.glob("w_*")):
                if any(log.folder == folder for log in self._logs()):
                    continue
                if not any(folder.glob("*.seg")) and any(folder.glob("*.damaged")):
                    continue
                lock = try_lock(folder / "lock")
                if lock is not None:
                    logs.append(SegmentLog(folder, lock, segment_bytes=self._segment_bytes))
        return logs

    async def close(self) -> None:
        """Bring everything to disk and release the folder; it is removed if all is drained."""
        self._check(self._clock.monotonic())
        self._commit.close()
        try:
            await asyncio.to_thread(self._log.sync_job().run)
        except OSError as error:  # what is written may still be read by a successor
            self._mark(error)
        drained = self.reached(self.targets()) and not self._open
        with _FolderLock(self._root):
            self._log.close(delete=drained)
            for log in self._adopted:
                log.close(delete=False)
        self._adopted = []


class _FolderLock:
    """Held for moments while journal folders are made, adopted or removed."""

    def __init__(self, root: Path) -> None:
        self._path = root / "lock"
        self._descriptor = -1

    def __enter__(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
