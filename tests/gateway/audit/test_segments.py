import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.frames import Kind, pack
from gateway.audit.segments import Position, SegmentLog, try_lock


def open_log(folder: Path, segment_bytes: int = 1 << 20) -> SegmentLog:
    folder.mkdir(exist_ok=True)
    lock = try_lock(folder / "lock")
    assert lock is not None
    return SegmentLog(folder, lock, segment_bytes=segment_bytes)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SegmentLog]:
    log = open_log(tmp_path / "w")
    yield log
    log.close(delete=False)


def read_all(log: SegmentLog) -> list[bytes]:
    return [frame.payload for frame in log.frames()]


def test_reads_back_across_segments_and_chunks(tmp_path: Path) -> None:
    log = open_log(tmp_path / "w", segment_bytes=700_000)
    payloads = [bytes([number]) * 99_000 for number in range(30)] + [b"x" * 1_000_000]
    for payload in payloads:
        log.append(pack(Kind.OUTCOME, payload))
    assert read_all(log) == payloads
    assert len(list(log.folder.glob("*.seg"))) > 3
    log.close(delete=False)
    again = open_log(tmp_path / "w")
    assert read_all(again) == payloads
    again.close(delete=True)
    assert not (tmp_path / "w").exists()


def test_forgets_only_whole_segments_before_the_given_one(tmp_path: Path) -> None:
    log = open_log(tmp_path / "w", segment_bytes=100)
    for number in range(6):
        log.append(pack(Kind.OUTCOME, bytes([number]) * 60))  # two fill a segment
    last = log.end
    assert last.segment == 3
    log.forget(2)
    assert [payload[0] for payload in read_all(log)] == [2, 3, 4, 5]
    log.forget(99)
    assert [payload[0] for payload in read_all(log)] == [4, 5], "the newest segment stays"
    assert log.end == last
    log.close(delete=False)


def test_remembers_what_is_acknowledged(tmp_path: Path) -> None:
    log = open_log(tmp_path / "w")
    log.append(pack(Kind.OUTCOME, b"a"))
    middle = log.end
    log.append(pack(Kind.OUTCOME, b"b"))
    log.acknowledge(middle)
    assert log.backlog_bytes == len(pack(Kind.OUTCOME, b"b"))
    log.close(delete=False)

    log = open_log(tmp_path / "w")
    assert log.acknowledged == middle
    assert [frame.payload for frame in log.read(middle)[0]] == [b"b"]
    log.close(delete=False)

    (tmp_path / "w" / "ack").write_bytes(b"garbage garbage garb")
    log = open_log(tmp_path / "w")
    assert log.acknowledged == Position(0, 0), "a damaged note means to drain again"
    log.close(delete=False)


def test_a_torn_tail_ends_the_log_and_damage_in_the_middle_does_not(tmp_path: Path) -> None:
    log = open_log(tmp_path / "w")
    for payload in (b"first", b"second", b"third"):
        log.append(pack(Kind.OUTCOME, payload))
    log.close(delete=False)
    segment = next((tmp_path / "w").glob("*.seg"))
    whole = segment.read_bytes()

    segment.write_bytes(whole[:-2])
    log = open_log(tmp_path / "w")
    assert read_all(log) == [b"first", b"second"]
    log.close(delete=False)

    segment.write_bytes(whole.replace(b"second", b"sEcond"))
    log = open_log(tmp_path / "w")
    assert read_all(log) == [b"first", b"third"]
    log.close(delete=True)
    assert list((tmp_path / "w").glob("*.damaged")), "kept for a person to look at"


def test_a_write_that_does_not_fit_leaves_the_file_as_it_was(log: SegmentLog) -> None:
    log.append(pack(Kind.OUTCOME, b"fits"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.end.offset + 10, hard))
    try:
        with pytest.raises(OSError, match="journal"):
            log.append(pack(Kind.OUTCOME, b"x" * 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.append(pack(Kind.OUTCOME, b"later"))
    assert read_all(log) == [b"fits", b"later"]


def test_a_lock_is_held_by_one(tmp_path: Path, log: SegmentLog) -> None:
    assert try_lock(log.folder / "lock") is None
