import asyncio
import json
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import InvalidRecord, Journal, JournalUnavailable
from gateway.audit.outcomes import Body, Journaled, Outcome

ROOT = Path(__file__).resolve().parents[3]
AUDIT = {"tenant": "acme", "upstream": "pool"}


def drain(journal: Journal) -> list[Journaled]:
    found: list[Journaled] = []
    while (batch := journal.read()) is not None:
        found.extend(batch.outcomes)
        journal.ack(batch)
    return found


def interrupted(intent: Body, call: Body | None) -> tuple[Body, Body | None]:
    upstream = call["upstream"] if call else None
    settlement = {"cost": intent["reserved"]} if call else None
    return {"tenant": intent["tenant"], "outcome": "interrupted", "upstream": upstream}, settlement


@contextmanager
def no_more_bytes(journal: Journal) -> Iterator[None]:
    """The kernel refuses writes beyond the present size of the journal's file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal._log.end.offset, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_outcomes_come_out_in_order_with_and_without_intent(journals: Any) -> None:
    journal = journals.open()
    await journal.intent("req_1", {"tenant": "acme"})
    journal.note("req_1", {"upstream": "pool"})
    await journal.outcome("req_1", AUDIT, {"cost": "0.1"})
    await journal.outcome("req_2", {**AUDIT, "outcome": "denied"}, None)
    assert drain(journal) == [
        Outcome("req_1", AUDIT, {"cost": "0.1"}),
        Outcome("req_2", {**AUDIT, "outcome": "denied"}, None),
    ]
    assert drain(journal) == []
    assert journal.backlog_bytes == 0
    assert journal.open_requests == 0


async def test_everything_drained_leaves_no_file(journals: Any) -> None:
    journal = journals.open()
    await journal.outcome("req_1", AUDIT, None)
    drain(journal)
    await journals.close(journal)
    assert [path.name for path in journals.directory.iterdir()] == ["lock"]


async def test_replay_finishes_what_a_dead_process_began(journals: Any) -> None:
    dead = journals.open()
    await dead.intent("req_done", {"tenant": "acme", "reserved": "1"})
    await dead.outcome("req_done", AUDIT, {"cost": "0.1"})
    await dead.intent("req_waiting", {"tenant": "acme", "reserved": "2"})
    await dead.intent("req_called", {"tenant": "acme", "reserved": "3"})
    dead.note("req_called", {"upstream": "first"})
    dead.note("req_called", {"upstream": "second"})
    journals.abandon(dead)

    journal = journals.open()
    report = journal.replay(interrupted)
    assert (report.folders, report.interrupted) == (1, 2)
    found = {outcome.request_id: outcome for outcome in drain(journal)}
    assert found["req_done"].settlement == {"cost": "0.1"}
    assert found["req_waiting"].audit["upstream"] is None
    assert found["req_waiting"].settlement is None
    assert found["req_called"].audit["upstream"] == "second"
    assert found["req_called"].settlement == {"cost": "3"}
    assert journal.replay(interrupted).folders == 0, "the dead folder is gone"


async def test_replay_after_a_crash_of_the_replay_changes_nothing(journals: Any) -> None:
    dead = journals.open()
    await dead.intent("req_1", {"tenant": "acme", "reserved": "1"})
    journals.abandon(dead)
    second = journals.open()
    assert second.replay(interrupted).interrupted == 1
    journals.abandon(second)
    third = journals.open()
    assert third.replay(interrupted).interrupted == 0
    assert [outcome.request_id for outcome in drain(third)] == ["req_1"]


async def test_drained_outcomes_do_not_come_back(journals: Any) -> None:
    dead = journals.open()
    await dead.outcome("req_1", AUDIT, None)
    drain(dead)
    await dead.outcome("req_2", AUDIT, None)
    journals.abandon(dead)
    journal = journals.open()
    journal.replay(interrupted)
    assert [outcome.request_id for outcome in drain(journal)] == ["req_2"]


async def test_a_torn_tail_loses_only_the_torn_record(journals: Any) -> None:
    dead = journals.open()
    await dead.intent("req_1", {"tenant": "acme", "reserved": "1"})
    await dead.outcome("req_1", AUDIT, None)
    await dead.outcome("req_2", AUDIT, None)
    journals.abandon(dead)
    segment = next(journals.directory.glob("w_*/*.seg"))
    segment.write_bytes(segment.read_bytes()[:-3])
    journal = journals.open()
    journal.replay(interrupted)
    assert [outcome.request_id for outcome in drain(journal)] == ["req_1"]
    assert journal.replay(interrupted).folders == 0


async def test_a_living_process_keeps_its_folder(journals: Any) -> None:
    journals.directory.mkdir()
    program = (
        "import asyncio, sys, pathlib\n"
        "from core.clock import SystemClock\n"
        "from gateway.audit import Journal\n"
        "async def main():\n"
        "    journal = Journal.open(pathlib.Path(sys.argv[1]), SystemClock())\n"
        "    await journal.intent('req_other', {'tenant': 'acme', 'reserved': '1'})\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(journals.directory)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    journal = journals.open()
    assert journal.replay(interrupted).folders == 0
    process.kill()
    await process.wait()
    assert journal.replay(interrupted).interrupted == 1
    assert [outcome.request_id for outcome in drain(journal)] == ["req_other"]


async def test_a_nearly_full_disk_refuses_intents_and_recovers(journals: Any) -> None:
    journal = journals.open(min_free_bytes=1 << 60)
    assert not journal.healthy
    with pytest.raises(JournalUnavailable) as caught:
        await journal.intent("req_1", {"tenant": "acme"})
    assert caught.value.code == "journal_unavailable"
    with pytest.raises(JournalUnavailable):
        await journal.outcome("req_1", AUDIT, None)
    journal.min_free_bytes = 0
    await asyncio.sleep(0.15)
    assert journal.healthy
    await journal.intent("req_2", {"tenant": "acme"})
    await journal.outcome("req_2", AUDIT, None)
    assert [outcome.request_id for outcome in drain(journal)] == ["req_2"]


async def test_a_disk_that_refuses_writes_loses_no_outcome(journals: Any) -> None:
    journal = journals.open(min_free_bytes=0)
    await journal.intent("req_running", {"tenant": "acme"})
    with no_more_bytes(journal):
        await journal.outcome("req_running", AUDIT, {"cost": "1"})
        assert not journal.healthy
        with pytest.raises(JournalUnavailable):
            await journal.intent("req_new", {"tenant": "acme"})
        with pytest.raises(JournalUnavailable):
            journal.note("req_running", {"upstream": "pool"})
        assert drain(journal) == []
        assert not journal.reached(journal.targets())
        await asyncio.sleep(0.15)
        assert not journal.healthy
    await asyncio.sleep(0.15)
    assert journal.healthy
    assert [outcome.request_id for outcome in drain(journal)] == ["req_running"]
    assert journal.reached(journal.targets())


async def test_a_failed_fsync_fails_the_intent_and_begins_a_new_segment(journals: Any) -> None:
    journal = journals.open()
    await journal.outcome("req_0", AUDIT, None)
    journal._sync_failed(OSError(5, "Input/output error"))
    assert not journal.healthy
    with pytest.raises(JournalUnavailable):
        await journal.intent("req_1", {"tenant": "acme"})
    await asyncio.sleep(0.15)
    await journal.intent("req_2", {"tenant": "acme"})
    await journal.outcome("req_2", AUDIT, None)
    assert len(list(journals.directory.glob("w_*/*.seg"))) == 2
    assert [outcome.request_id for outcome in drain(journal)] == ["req_0", "req_2"]


async def test_segments_go_when_they_are_drained_even_while_a_request_runs_on(
    journals: Any,
) -> None:
    journal = journals.open(segment_bytes=4096)
    await journal.intent("req_long", {"tenant": "acme", "reserved": "7"})
    journal.note("req_long", {"upstream": "slow"})
    most = 0
    for number in range(600):
        await journal.outcome(f"req_{number}", AUDIT, None)
        if number % 20 == 0:
            drain(journal)
            await journal._commit.wait()  # what was written anew is on disk
            most = max(most, len(list(journals.directory.glob("w_*/*.seg"))))
    assert most <= 8, "of about 20 that were written"
    journals.abandon(journal)
    successor = journals.open()
    assert successor.replay(interrupted).interrupted == 1
    last = drain(successor)[-1]
    assert (last.request_id, last.audit["upstream"]) == ("req_long", "slow")


@pytest.mark.parametrize(
    "audit",
    [
        {},
        {"tenant": ""},
        {"tenant": "a" * 65},
        {"tenant": "a\nb"},
        {"tenant": "acme", "score": 0.5},
        {"tenant": "acme", "seq": 1},
        {"tenant": "acme", "hash": "x"},
    ],
)
async def test_a_record_that_the_chain_could_not_take_is_refused_at_once(
    journals: Any, audit: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRecord):
        await journals.open().outcome("req_1", audit, None)


async def test_odd_text_is_journaled(journals: Any) -> None:
    journal = journals.open()
    text = "\ud800 \x00 \u2028 \n 😀"
    await journal.outcome("req_1", {"tenant": "acme", "model": text}, None)
    assert drain(journal)[0].audit["model"] == text.replace("\ud800", "?")


async def test_many_requests_share_their_fsyncs(journals: Any) -> None:
    journal = journals.open()
    groups = 0
    make_job = journal._log.sync_job

    def counted() -> Any:
        nonlocal groups
        groups += 1
        return make_job()

    journal._log.sync_job = counted
    await asyncio.gather(*(journal.intent(f"req_{n}", {"tenant": "a"}) for n in range(500)))
    assert groups <= 3
    assert journal.open_requests == 500


def test_a_directory_that_cannot_be_made_is_a_journal_error(tmp_path: Path) -> None:
    from core.clock import SystemClock

    (tmp_path / "file").write_text(json.dumps("not a directory"))
    with pytest.raises(JournalUnavailable):
        Journal.open(tmp_path / "file" / "journal", SystemClock())
