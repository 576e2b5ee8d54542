"""The journal and exports with any bytes in them: read as far as they are sound, never an error."""

import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.frames import FORMAT, HEADER_SIZE, MAGIC, Kind, pack, resync, scan, unpack
from gateway.audit.segments import Position, SegmentLog, try_lock
from gateway.audit.verify import verify_file


def forged(kind: int, payload: bytes, version: int = FORMAT) -> bytes:
    """A frame whose checksum is right, whatever it says."""
    start = struct.pack("<2sBBI", MAGIC, version, kind, len(payload))
    return start + struct.pack("<II", zlib.crc32(payload, zlib.crc32(start)), 0) + payload


FRAMES = st.builds(pack, st.sampled_from(list(Kind)), st.binary(max_size=40))
NOISE = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([MAGIC, MAGIC + bytes([FORMAT]), MAGIC + b"\x01\x01\xff\xff\xff\x7f"]),
    st.builds(forged, st.integers(0, 255), st.binary(max_size=20)),
    st.builds(forged, st.just(1), st.binary(max_size=20), st.integers(0, 255)),
    FRAMES.map(lambda frame: frame[:-1]),
)
BUFFERS = st.lists(st.one_of(FRAMES, NOISE), max_size=12).map(b"".join)


@given(BUFFERS)
def test_any_bytes_as_frames(buffer: bytes) -> None:
    for offset in range(len(buffer) + 1):
        frame = unpack(buffer, offset)
        if frame is not None:
            assert frame.kind in set(Kind)
            assert buffer[offset + HEADER_SIZE : frame.end] == frame.payload
    list(scan(buffer))
    following = resync(buffer, 0)
    assert following is None or unpack(buffer, following) is not None


@given(st.lists(FRAMES, max_size=5), NOISE, st.lists(FRAMES, min_size=1, max_size=5))
def test_frames_around_damage_are_read(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], noise: bytes, after: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    (folder / "0000000001.seg").write_bytes(b"".join(before) + noise + b"".join(after))
    lock = try_lock(folder / "lock")
    assert lock is not None
    log = SegmentLog(folder, lock, segment_bytes=1 << 20)
    try:
        read = [pack(frame.kind, frame.payload) for frame in log.frames()]
        assert read[: len(before)] == before
        assert read[-len(after) :] == after
    finally:
        log.close(delete=False)


@given(st.binary(max_size=64))
def test_any_acknowledgement(tmp_path_factory: pytest.TempPathFactory, ack: bytes) -> None:
    folder = tmp_path_factory.mktemp("journal")
    (folder / "0000000001.seg").write_bytes(pack(Kind.INTENT, b"{}"))
    (folder / "ack").write_bytes(ack)
    lock = try_lock(folder / "lock")
    assert lock is not None
    log = SegmentLog(folder, lock, segment_bytes=1 << 20)
    try:
        assert log.acknowledged >= Position(0, 0)
        log.read(log.acknowledged)
    finally:
        log.close(delete=False)


EXPORTS = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    b'{"seq":1}',
                    b'{"seq":1,"hash":"00","prev_hash":"zz","tenant":"acme"}',
                    b'{"checkpoint":{}}',
                    b'{"checkpoint":1,"seq":' + b"9" * 40 + b"}",
                    b"tenant,seq,request_id,kind,time,upstream,prev_hash,hash,record",
                    b'"a","b","c"',
                    b"[" * 3000,
                    b'{"seq":1e999}',
                    b'{"seq":NaN}',
                    b'{"a":"\\ud800"}',
                    b"PAR1",
                ]
            ),
            st.binary(max_size=40),
        ),
        max_size=8,
    ).map(b"\n".join),
)


@given(EXPORTS, st.sampled_from(["e.jsonl", "e.csv", "e.parquet"]))
def test_any_bytes_as_an_export(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    """Nothing of the kind is a sound export; the report says so, in words."""
    file = Path(os.fspath(tmp_path_factory.getbasetemp())) / name
    file.write_bytes(content)
    report = verify_file(file)
    assert not report.ok
    assert report.summary()
