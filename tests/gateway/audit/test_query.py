"""Filters find exactly the records whose members match, on both databases."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry
from gateway.audit.errors import InvalidFilter
from gateway.audit.filters import MEMBERS, RecordFilter
from gateway.audit.query import bounds, find, newest, oldest_first

CHOICES: dict[str, list[Any]] = {
    "upstream": ["pool", "pool-2", None],
    "zone": ["eu", "e", 'e"u', None],
    "model": ["sov-flash", "sov-flash%", "\u6a21\u578b"],
    "outcome": ["completed", "blocked"],
    "error_code": [None, "content_blocked"],
    "key_id": ["key_1", "key_11"],
    "project": ["prj_1", "prj_2"],
    "user": ["u1", "U1", "\U0001f600\\"],
    # Texts that look like members, but are values.
    "reason": ['"zone":"eu"', ',"zone":"eu",', '\\"zone":"eu"', '{"kind":"admin"}'],
}
START = datetime(2026, 11, 21, 12, tzinfo=UTC)  # where the clock begins


def _fields(rng: random.Random) -> tuple[str, dict[str, Any]]:
    if rng.random() < 0.3:
        return "admin", {
            "actor": rng.choice(["usr_1", "cli"]),
            "method": rng.choice(["session", "cli"]),
            "action": rng.choice(["key.create", "key.revoke"]),
            "target": rng.choice(["key_1", "key_2"]),
            "reason": rng.choice(CHOICES["reason"]),
        }
    fields = {name: rng.choice(values) for name, values in CHOICES.items()}
    verdict = {
        "name": "pii",
        "verdict": rng.choice(["found", "clean"]),
        "action": rng.choice(["mask", "allow"]),
        "category": rng.choice([None, "violence"]),
    }
    return "request", fields | {
        "detectors": [verdict, verdict | {"verdict": "unsafe"}][: rng.randint(0, 2)],
        "route": {"tier": rng.choice(["flash", "think-max"]), "requested_model": "sov-flash"},
    }


@pytest.fixture
async def records(database: Database, chain: AuditChain, clock: ManualClock) -> list[Any]:
    """300 records of acme's over 30 days, and some of globex's, as they are stored."""
    rng = random.Random(5)
    number = 0
    async with database.transaction() as session:
        for _ in range(60):
            entries = []
            for _ in range(5):
                kind, fields = _fields(rng)
                number += 1
                entries.append(Entry("acme", f"req_{number}", kind, fields))
            entries.append(Entry("globex", f"req_{number}", "request", {"upstream": "pool"}))
            await chain.append(session, entries)
            clock.advance(timedelta(hours=rng.choice([0, 12, 24])))
    async with database.session() as session:
        return [row async for row in oldest_first(session, "acme", RecordFilter())]


def _matches(row: Any, wanted: RecordFilter) -> bool:
    """What the filter means, by walking the decoded record."""
    if wanted.start is not None and row.time < wanted.start:
        return False
    if wanted.end is not None and row.time >= wanted.end:
        return False
    if wanted.kind not in (None, row.kind) or wanted.request_id not in (None, row.request_id):
        return False
    members = list(_members(json.loads(row.body)))
    asked = wanted.to_params()
    return all((MEMBERS[name], asked[name]) in members for name in MEMBERS if name in asked)


def _members(value: Any) -> Any:
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                yield name, item
            yield from _members(item)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item)


def _filters(rng: random.Random) -> list[RecordFilter]:
    values: dict[str, list[str]] = {
        **{name: [v for v in found if v] for name, found in CHOICES.items() if name in MEMBERS},
        "kind": ["request", "admin"],
        "request_id": ["req_7", "req_1", "nothing"],
        "actor": ["usr_1"],
        "method": ["cli"],
        "action": ["key.create", "mask"],
        "target": ["key_1"],
        "verdict": ["found", "unsafe"],
        "category": ["violence"],
        "tier": ["flash"],
    }
    pairs: list[dict[str, Any]] = [
        {name: value} for name, found in values.items() for value in found
    ]
    singles = [RecordFilter(**pair) for pair in pairs]
    mixed = []
    for _ in range(60):
        chosen: dict[str, Any] = {
            name: rng.choice(values[name]) for name in rng.sample(sorted(values), rng.randint(0, 2))
        }
        if rng.random() < 0.8:
            chosen["start"] = START + timedelta(hours=rng.randint(-24, 900))
        if rng.random() < 0.8:
            chosen["end"] = START + timedelta(hours=rng.randint(-24, 900))
        mixed.append(RecordFilter(**chosen))
    return singles + mixed


async def test_every_filter_finds_what_it_says(database: Database, records: list[Any]) -> None:
    assert len(records) == 300
    found_some = 0
    async with database.session() as session:
        for wanted in _filters(random.Random(6)):
            expected = [row.seq for row in records if _matches(row, wanted)]
            rows = [row.seq async for row in oldest_first(session, "acme", wanted)]
            assert rows == expected, wanted
            page = await newest(session, "acme", wanted, limit=500)
            assert [row.seq for row in page.records] == expected[::-1], wanted
            found_some += bool(expected)
    assert found_some > 50


async def test_pages_go_on_where_the_one_before_stopped(
    database: Database, records: list[Any]
) -> None:
    wanted = RecordFilter(zone="eu", start=START + timedelta(days=2))
    expected = [row.seq for row in records if _matches(row, wanted)][::-1]
    async with database.session() as session:
        for limit, scan in ((1, 300), (3, 10), (50, 7), (500, 1)):
            found, before, calls = [], None, 0
            while True:
                page = await newest(session, "acme", wanted, limit=limit, before=before, scan=scan)
                found += [row.seq for row in page.records]
                calls += 1
                if (before := page.next_before) is None:
                    break
            assert found == expected
            assert calls >= len(expected) / limit


async def test_times_become_bounds_also_where_numbers_are_missing(
    database: Database, records: list[Any]
) -> None:
    from sqlalchemy import delete

    from gateway.audit.models import AuditRecord

    gone = {row.seq for row in records if row.seq % 7 < 4 and row.seq > 20}
    async with database.transaction() as session:
        await session.execute(delete(AuditRecord).where(AuditRecord.seq.in_(gone)))
    left = [row for row in records if row.seq not in gone]
    async with database.session() as session:
        for hours in range(-30, 1000, 37):
            wanted = RecordFilter(start=START + timedelta(hours=hours))
            low, high = await bounds(session, "acme", wanted)
            expected = [row.seq for row in left if row.time >= wanted.start]
            assert [row.seq for row in left if low <= row.seq <= high] == expected


async def test_a_record_is_found_by_number_and_by_request(
    database: Database, records: list[Any]
) -> None:
    async with database.session() as session:
        for name in (str(records[6].seq), records[6].request_id):
            row = await find(session, "acme", name)
            assert row is not None
            assert row.hash == records[6].hash
        for name in ("0", "301", "9" * 30, "\u0663", "req_"):
            assert await find(session, "acme", name) is None
        assert await find(session, "initech", "1") is None
        assert await bounds(session, "initech", RecordFilter()) == (1, 0)


def test_filters_travel_as_parameters() -> None:
    wanted = RecordFilter(zone="eu", start=START)
    assert wanted.to_params() == {"start": "2026-11-21T12:00:00.000000Z", "zone": "eu"}
    assert RecordFilter.from_params(wanted.to_params()) == wanted
    assert RecordFilter.from_params({"end": "2026-11-21T12:00"}).end == START
    assert not RecordFilter(start=START).selects
    assert wanted.selects
    for params in ({"zone": ""}, {"zone": "x" * 201}, {"zone": 1}, {"start": "x"}, {"colour": "x"}):
        with pytest.raises(InvalidFilter):
            RecordFilter.from_params(params)
