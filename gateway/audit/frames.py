"""One journal record on disk: a 16-byte header and a JSON payload.

::

    0  2  magic   b"SJ"
    2  1  format  1
    3  1  kind    1 intent, 2 call, 3 outcome
    4  4  length  of the payload, little endian
    8  4  crc32   of bytes 0-7 and the payload
   12  4  zero
   16  n  payload

The checksum covers the header too, so that a flipped length is found. It
knows nothing of files.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

MAGIC = b"SJ"
FORMAT = 1
HEADER_SIZE = 16
MAX_PAYLOAD = 16 * 1024 * 1024
_START = struct.Struct("<2sBBI")
_END = struct.Struct("<II")
_HEADER = struct.Struct("<2sBBIII")


class Kind(IntEnum):
    """What a frame tells."""

    INTENT = 1
    CALL = 2
    OUTCOME = 3


_KINDS = {kind.value: kind for kind in Kind}


class Frame(NamedTuple):
    """A record read back; ``end`` is the offset just behind it."""

    kind: Kind
    payload: bytes
    start: int
    end: int


def pack(kind: Kind, payload: bytes) -> bytes:
    """The bytes of one frame."""
    start = _START.pack(MAGIC, FORMAT, kind, len(payload))
    return b"%b%b%b" % (start, _END.pack(zlib.crc32(payload, zlib.crc32(start)), 0), payload)


def unpack(buffer: bytes, offset: int, base: int = 0) -> Frame | None:
    """The frame at ``offset``, or None where no whole, intact frame starts there.

    Args:
        base: file offset of the buffer's first byte; positions are given in the file's terms.
    """
    body = offset + HEADER_SIZE
    if body > len(buffer):
        return None
    magic, version, kind, length, crc, zero = _HEADER.unpack_from(buffer, offset)
    if magic != MAGIC or version != FORMAT or length > MAX_PAYLOAD or body + length > len(buffer):
        return None
    if kind not in _KINDS:
        return None
    payload = buffer[body : body + length]
    if zero or zlib.crc32(payload, zlib.crc32(buffer[offset : offset + _START.size])) != crc:
        return None
    return Frame(_KINDS[kind], payload, base + offset, base + body + length)


def scan(buffer: bytes, offset: int = 0, base: int = 0) -> Iterator[Frame]:
    """All intact frames from ``offset`` on; stops at the first that is not."""
    while (frame := unpack(buffer, offset, base)) is not None:
        yield frame
        offset = frame.end - base


def resync(buffer: bytes, offset: int) -> int | None:
    """Where the next intact frame starts behind damage, or None for a torn tail."""
    position = buffer.find(MAGIC, offset)
    while position >= 0:
        if unpack(buffer, position) is not None:
            return position
        position = buffer.find(MAGIC, position + 1)
    return None
