"""The schedule's arithmetic: slots, their keys, and that each has one job at most."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidSchedule
from billing.jobs.schedule import DEFAULT_SCHEDULE, Schedule, parse_cadence, slot_key


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cadence", "now", "slot", "following"),
    [
        ("every 5m", "2026-11-28T08:04:59.999", "2026-11-28T08:00", "2026-11-28T08:05"),
        ("every 5m", "2026-11-28T08:05", "2026-11-28T08:05", "2026-11-28T08:10"),
        ("every 2h", "2026-11-28T23:59", "2026-11-28T22:00", "2026-11-29T00:00"),
        ("daily 02:30", "2026-11-28T02:29:59", "2026-11-27T02:30", "2026-11-28T02:30"),
        ("daily 02:30", "2026-11-28T02:30", "2026-11-28T02:30", "2026-11-29T02:30"),
        ("daily 23:59", "2026-03-01T00:00", "2026-02-28T23:59", "2026-03-01T23:59"),
        ("daily 00:00", "2028-02-29T12:00", "2028-02-29T00:00", "2028-03-01T00:00"),
        ("monthly 1 04:00", "2026-12-01T03:59", "2026-11-01T04:00", "2026-12-01T04:00"),
        ("monthly 1 04:00", "2026-12-01T04:00", "2026-12-01T04:00", "2027-01-01T04:00"),
        ("monthly 28 00:00", "2026-03-27T23:00", "2026-02-28T00:00", "2026-03-28T00:00"),
        ("monthly 15 12:00", "2027-01-01T00:00", "2026-12-15T12:00", "2027-01-15T12:00"),
    ],
)
def test_slots(cadence: str, now: str, slot: str, following: str) -> None:
    found = parse_cadence(cadence).slot(_at(now))
    assert found == _at(slot)
    assert parse_cadence(cadence).following(found) == _at(following)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OFF",
        "hourly",
        "every 0m",
        "every 5s",
        "every 5m ",
        "every 10000m",
        "daily 2:00",
        "daily 02:60",
        "daily 24:00",
        "monthly 0 04:00",
        "monthly 29 04:00",
    ],
)
def test_what_is_no_cadence(text: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_cadence(text)


def test_changes_and_what_is_off() -> None:
    schedule = Schedule({"retention": "daily 05:00", "alerts.deliver": "off"})
    due = schedule.due(_at("2026-11-28T04:00"))
    assert [(job.kind, job.key) for job in due] == [
        ("batches.upkeep", "schedule:batches.upkeep@2026-11-28T04:00Z"),
        ("rollups.verify", "schedule:rollups.verify@2026-11-28T02:00Z"),
        ("retention", "schedule:retention@2026-11-27T05:00Z"),
        ("audit.retention", "schedule:audit.retention@2026-11-28T03:30Z"),
        ("audit.verify", "schedule:audit.verify@2026-11-27T05:00Z"),
        ("invoices.draft", "schedule:invoices.draft@2026-11-01T04:00Z"),
    ]
    assert schedule.texts["alerts.deliver"] == "off"
    with pytest.raises(InvalidSchedule, match=r"usage.*choose one of"):
        Schedule({"usage": "daily 05:00"})


def test_a_key_is_the_same_in_every_time_zone() -> None:
    slot = _at("2026-11-28T02:00")
    shifted = slot.astimezone(datetime.fromisoformat("2026-11-28T00:00+08:00").tzinfo)
    assert slot_key("retention", shifted) == slot_key("retention", slot)


TEXTS = ("every 1m", "every 7m", "every 3h", "daily 00:00", "daily 23:59", "monthly 28 23:59")
CADENCES = st.sampled_from(TEXTS + tuple(DEFAULT_SCHEDULE.values()))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(text=CADENCES, now=INSTANTS)
def test_an_instant_is_in_one_slot(text: str, now: datetime) -> None:
    cadence = parse_cadence(text)
    slot = cadence.slot(now)
    assert slot <= now < cadence.following(slot)
    assert cadence.slot(slot) == slot
    # The slot before ends where this one begins.
    before = cadence.slot(slot - timedelta(microseconds=1))
    assert cadence.following(before) == slot


@given(
    text=CADENCES,
    start=INSTANTS,
    # Seconds to the next tick, also backwards as two processes' clocks differ; and long outages.
    steps=st.lists(st.integers(-120, 900) | st.integers(0, 40 * 86_400), max_size=60),
)
def test_each_slot_fires_once_and_none_that_a_tick_fell_into_is_lost(
    text: str, start: datetime, steps: list[int]
) -> None:
    cadence = parse_cadence(text)
    schedule = Schedule({"retention": text})
    fired: dict[str, datetime] = {}
    now, ticks = start, []
    for step in [0, *steps]:
        now += timedelta(seconds=step)
        ticks.append(now)
        (job,) = (job for job in schedule.due(now) if job.kind == "retention")
        assert fired.setdefault(job.key, job.slot) == job.slot  # a key means one slot
    expected = {cadence.slot(tick) for tick in ticks}
    assert set(fired.values()) == expected
    assert len(fired) == len(expected)  # and a slot has one key
    # After an outage the latest missed slot runs, and only that one.
    slot = cadence.slot(ticks[-1])
    assert slot_key("retention", slot) in fired
