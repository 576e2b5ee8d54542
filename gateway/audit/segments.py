"""A folder of append-only segment files, written by one process.

::

    journal/w-<ulid>/lock             held with flock while the owner lives
                     0000000001.seg   frames (frames.py)
                     ack              how far the drain has come

It knows frames and files, but not what the frames mean. A write error leaves
the file as it was before the write, so a live log never holds a torn frame;
only a crash of the machine can leave one, and readers stop there.
"""

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gateway.audit.frames import HEADER_SIZE, MAX_PAYLOAD, Frame, resync, scan

READ_CHUNK = 128 * 1024  # some 25 requests; reading more at once would hold up the others
_log = logging.getLogger(__name__)
_ACK = struct.Struct("<QQI")


class Position(NamedTuple):
    """A place in a log; orders by segment, then offset."""

    segment: int
    offset: int


class SyncJob(NamedTuple):
    """File descriptors to bring to disk, of which the retired ones are closed afterwards; and
    files to delete, which takes milliseconds for a large one."""

    current: int | None
    retired: tuple[int, ...]
    folder: Path | None
    forgotten: tuple[Path, ...] = ()

    def run(self) -> None:
        """Blocking.

        Raises:
            OSError: some record of this job may not be on disk.
        """
        try:
            for descriptor in self.retired:
                os.fdatasync(descriptor)
            if self.current is not None:
                os.fdatasync(self.current)
            if self.folder is not None:
                sync_folder(self.folder)
        finally:
            for descriptor in self.retired:
                os.close(descriptor)
            for path in self.forgotten:
                with suppress(OSError):  # what stays goes with the folder
                    path.unlink()


class SegmentLog:
    """One writer's segments; also reads them back and forgets what is acknowledged.

    Args:
        folder: exists already; ``lock`` is its locked descriptor.
        segment_bytes: a new segment is begun beyond this size.
    """

    def __init__(self, folder: Path, lock: int, *, segment_bytes: int) -> None:
        self.folder = folder
        self._lock = lock
        self._segment_bytes = segment_bytes
        self._numbers = sorted(int(path.stem) for path in folder.glob("*.seg"))
        self._damaged: set[int] = set()
        self._writer: int | None = None
        self._size = 0
        self._retired: list[int] = []
        self._forgotten: list[Path] = []
        self._new_files = True
        self._reader: tuple[int, int] | None = None  # segment, descriptor
        self._ack_file = os.open(folder / "ack", os.O_RDWR | os.O_CREAT, 0o600)
        self.acknowledged = self._read_ack()

    # -- writing ---------------------------------------------------------------

    def append(self, data: bytes) -> int:
        """Write whole frames; they survive a ``kill -9`` from here on.

        Returns:
            The number of the segment that holds them.

        Raises:
            OSError: nothing was written.
        """
        if self._writer is None or self._size >= self._segment_bytes:
            self.rotate()
        assert self._writer is not None
        written = os.write(self._writer, data)
        if written != len(data):
            os.ftruncate(self._writer, self._size)
            raise OSError(f"only {written} of {len(data)} bytes fit into the journal")
        self._size += written
        return self._numbers[-1]

    def rotate(self) -> None:
        """Begin a new segment.

        Raises:
            OSError: the old one stays current.
        """
        number = self._numbers[-1] + 1 if self._numbers else 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        writer = os.open(self._path(number), flags, 0o600)
        if self._writer is not None:
            self._retired.append(self._writer)
        self._writer, self._size, self._new_files = writer, 0, True
        self._numbers.append(number)

    def sync_job(self) -> SyncJob:
        """What must reach the disk so that everything appended so far is durable."""
        folder = self.folder if self._new_files else None
        job = SyncJob(self._writer, tuple(self._retired), folder, tuple(self._forgotten))
        self._retired, self._forgotten, self._new_files = [], [], False
        return job

    # -- reading ---------------------------------------------------------------

    @property
    def end(self) -> Position:
        """Just behind the last frame."""
        if not self._numbers:
            return Position(0, 0)
        number = self._numbers[-1]
        return Position(number, self._segment_size(number))

    @property
    def backlog_bytes(self) -> int:
        """Bytes that are not acknowledged yet."""
        seen, offset = self.acknowledged
        total = sum(self._segment_size(number) for number in self._numbers if number >= seen)
        return max(0, total - (offset if seen in self._numbers else 0))

    def read(self, position: Position) -> tuple[list[Frame], Position]:
        """Some frames from ``position`` on (none at the end), and where to go on."""
        for number in [number for number in self._numbers if number >= position.segment]:
            offset = position.offset if number == position.segment else 0
            frames, offset = self._read_segment(number, offset)
            if frames:
                return frames, Position(number, offset)
            position = Position(number, offset)
        return [], position

    def frames(self) -> Iterator[Frame]:
        """Every frame still on disk, oldest first."""
        position = Position(0, 0)
        while True:
            frames, position = self.read(position)
            if not frames:
                return
            yield from frames

    def _read_segment(self, number: int, offset: int) -> tuple[list[Frame], int]:
        size = self._segment_size(number)
        length = READ_CHUNK
        while offset < size:
            buffer = os.pread(self._open_reader(number), min(length, size - offset), offset)
            frames = list(scan(buffer, 0, offset))
            if frames:
                return frames, frames[-1].end
            if len(buffer) < size - offset and length < MAX_PAYLOAD + HEADER_SIZE:
                length = MAX_PAYLOAD + HEADER_SIZE  # one frame larger than a chunk
                continue
            offset = self._skip_damage(number, offset, size)
            length = READ_CHUNK
        return [], size

    def _skip_damage(self, number: int, offset: int, size: int) -> int:
        rest = os.pread(self._open_reader(number), size - offset, offset)
        following = resync(rest, 1)
        if following is None:
            return size  # a torn tail: the machine died while it was written
        self._damaged.add(number)
        _log.warning("journal segment %s is damaged at byte %s", self._path(number), offset)
        return offset + following

    def _open_reader(self, number: int) -> int:
        if self._reader is None or self._reader[0] != number:
            self._close_reader()
            self._reader = (number, os.open(self._path(number), os.O_RDONLY))
        return self._reader[1]

    def _close_reader(self) -> None:
        if self._reader is not None:
            os.close(self._reader[1])
            self._reader = None

    def _segment_size(self, number: int) -> int:
        if self._writer is not None and number == self._numbers[-1]:
            return self._size
        return self._path(number).stat().st_size

    # -- forgetting ------------------------------------------------------------

    def acknowledge(self, position: Position) -> None:
        """Everything before ``position`` is committed elsewhere."""
        self.acknowledged = position
        body = struct.pack("<QQ", *position)
        os.pwrite(self._ack_file, body + struct.pack("<I", zlib.crc32(body)), 0)

    def forget(self, before: int) -> None:
        """Give up the segments with numbers below ``before``, oldest first: the next
        ``sync_job`` deletes them.

        A damaged one is kept beside the others as ``.damaged`` for inspection.
        """
        while self._numbers and self._numbers[0] < before:
            number = self._numbers[0]
            if self._writer is not None and len(self._numbers) == 1:
                return
            if self._reader is not None and self._reader[0] == number:
                self._close_reader()
            if number in self._damaged:
                self._path(number).rename(self._path(number).with_suffix(".damaged"))
            else:
                self._forgotten.append(self._path(number))
            self._numbers.pop(0)

    @property
    def has_forgotten(self) -> bool:
        """Whether there is something to delete."""
        return bool(self._forgotten)

    def _read_ack(self) -> Position:
        data = os.pread(self._ack_file, _ACK.size, 0)
        if len(data) < _ACK.size:
            return Position(0, 0)
        segment, offset, crc = _ACK.unpack(data)
        return Position(segment, offset) if zlib.crc32(data[:16]) == crc else Position(0, 0)

    # -- closing ---------------------------------------------------------------

    def close(self, *, delete: bool) -> None:
        """Release the lock; ``delete`` removes the folder (everything in it is committed)."""
        self._close_reader()
        for descriptor in (*self._retired, self._writer, self._ack_file):
            if descriptor is not None:
                os.close(descriptor)
        self._retired, self._writer = [], None
        if delete:
            self.forget(self._numbers[-1] + 1 if self._numbers else 0)
            for path in self.folder.glob("*.seg"):
                path.unlink()
        if delete and not any(self.folder.glob("*.damaged")):
            (self.folder / "ack").unlink(missing_ok=True)
            (self.folder / "lock").unlink(missing_ok=True)
            self.folder.rmdir()
        os.close(self._lock)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:010d}.seg"


def try_lock(path: Path) -> int | None:
    """A descriptor that holds an exclusive flock on ``path``, or None if another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
