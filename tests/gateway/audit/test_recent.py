"""Outcomes that the drain gets from memory are those that stand in the journal."""

from typing import Any

import pytest

from gateway.audit import RequestRecord
from gateway.audit.journal import Batch, Journal
from gateway.audit.outcomes import Journaled, Outcome, Prepared
from gateway.audit.recent import RecentOutcomes
from gateway.audit.segments import Position


def record(number: int) -> RequestRecord:
    return RequestRecord(
        request_id=f"req_{number}",
        tenant="acme",
        outcome="completed",
        surface="chat",
        started_at="2026-11-21T12:00:00.000000Z",
        ended_at="2026-11-21T12:00:01.000000Z",
    )


async def write(journal: Journal, number: int, *, whole: bool = True) -> None:
    """A request with its intent; ``whole``: its outcome, too."""
    await journal.intent(f"req_{number}", {"tenant": "acme", "reserved": "1"})
    journal.note(f"req_{number}", {"upstream": "pool"})
    if whole:
        await journal.outcome(f"req_{number}", record(number), None)


def read_all(journal: Journal, *, ack: bool = True) -> list[Journaled]:
    found: list[Journaled] = []
    batch: Batch | None = None
    while (more := journal.read(batch)) is not None:
        found.extend(more.outcomes)
        batch = more
    if batch is not None and ack:
        journal.ack(batch)
        assert journal.read() is None  # intents behind the last outcome are acknowledged so
    return found


def names(outcomes: list[Journaled]) -> list[str]:
    return [outcome.request_id for outcome in outcomes]


async def test_what_was_given_out_and_not_committed_is_read_from_the_journal(
    journals: Any,
) -> None:
    journal = journals.open()
    for number in range(40):
        await write(journal, number)
    given = read_all(journal, ack=False)
    await write(journal, 40)
    again = read_all(journal)
    assert {type(one) for one in given} == {Prepared}
    assert Outcome in {type(one) for one in again[:40]}
    assert names(again) == [f"req_{number}" for number in range(41)]
    assert [one.audit for one in again[:40]] == [one.audit for one in given]
    assert read_all(journal) == []
    assert journal.backlog_bytes == 0


@pytest.mark.parametrize("most_bytes", [0, 1500, 4000, 1 << 20])
async def test_none_is_lost_or_given_twice_where_memory_is_full(
    journals: Any, most_bytes: int
) -> None:
    journal = journals.open(segment_bytes=4096)
    journal._recent = RecentOutcomes(most_bytes)
    found: list[Journaled] = []
    for number in range(60):
        await write(journal, number, whole=number % 7 != 3)
        if number % 13 == 0:
            batch = journal.read()
            assert batch is not None
            found.extend(batch.outcomes)
            await write(journal, 100 + number)
            journal.ack(batch)
    found += read_all(journal)
    expected = []
    for number in range(60):
        expected += [f"req_{number}"] if number % 7 != 3 else []
        expected += [f"req_{100 + number}"] if number % 13 == 0 else []
    assert names(found) == expected
    assert journal.backlog_bytes == 0
    await write(journal, 200)
    (last,) = read_all(journal)
    assert isinstance(last, Prepared) == (most_bytes > 0), "what comes now is held again"


async def test_a_dead_process_left_more_than_the_drain_had_got(journals: Any) -> None:
    dead = journals.open()
    for number in range(10):
        await write(dead, number, whole=number != 5)
    first = dead.read()
    assert len(first.outcomes) == 9
    journals.abandon(dead)
    journal = journals.open()
    journal.replay(lambda intent, call: ({"tenant": "acme", "outcome": "interrupted"}, None))
    assert sorted(names(read_all(journal))) == [f"req_{number}" for number in range(10)]


def test_a_log_that_was_read_in_part_goes_on_in_memory_without_a_gap() -> None:
    recent = RecentOutcomes()
    written = [Prepared(f"req_{number}", "acme", b"{}", None) for number in range(3)]
    for number, one in enumerate(written):
        recent.add(Position(1, 100 * (number + 1)), one, 100)
    end = Position(1, 350)
    assert recent.take(Position(1, 100), end) == (written[1:], end)
    assert recent.take(Position(1, 0), end) is None
    assert recent.take(end, end) == ([], end)
