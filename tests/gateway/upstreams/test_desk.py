"""A running process follows what the database holds, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import SystemClock
from core.database import Database
from gateway.errors import SettingsError
from gateway.settings import Settings, parse_settings
from gateway.upstreams import Gate, open_gate
from gateway.upstreams.definition import DefinitionRules, UpstreamSpec
from gateway.upstreams.desk import State, UpstreamDesk
from gateway.upstreams.service import UpstreamService

FAR = {
    "name": "far",
    "kind": "openai",
    "zone": "eu",
    "models": ["m"],
    "base_url": "https://models.example.com/v1",
}
OPEN = parse_settings({})


def settings(*names: str, **egress: Any) -> Settings:
    own = {"kind": "openai", "zone": "onprem", "models": ["m"], "base_url": "http://127.0.0.1:1/v1"}
    return parse_settings({"egress": egress, "upstreams": [own | {"name": name} for name in names]})


async def store(database: Database, **change: Any) -> None:
    async with database.transaction() as session:
        service = UpstreamService(session, SystemClock(), DefinitionRules(OPEN))
        spec = UpstreamSpec.model_validate(FAR | change)
        found = [row for row in await service.all() if row.name == spec.name]
        if found:
            await service.update(found[0], found[0].version, spec)
        else:
            await service.create(spec)


async def delete(database: Database, name: str) -> None:
    async with database.transaction() as session:
        service = UpstreamService(session, SystemClock(), DefinitionRules(OPEN))
        await service.delete(await service.lock(name))


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = open_gate(OPEN)
    yield gate
    await gate.aclose()


async def test_a_change_is_taken_up(database: Database, gate: Gate) -> None:
    desk = await UpstreamDesk.open(OPEN, database, gate, interval_s=3600)
    assert list(gate) == []
    await store(database)
    await desk.refresh()
    first = gate["far"]
    assert (first.zone, first.origin, desk.states["far"]) == ("eu", "database", State.SERVING)
    await store(database, name="near", zone="onprem")
    await desk.refresh()
    assert gate["far"] is first  # what did not change keeps its connections
    await store(database, models=["n"])
    await desk.refresh()
    assert gate["far"] is not first
    assert gate["far"].models == {"n"}
    await delete(database, "far")
    await desk.refresh()
    assert list(gate) == ["near"]
    await desk.close()


async def test_what_is_there_at_start(database: Database, gate: Gate) -> None:
    await store(database)
    desk = await UpstreamDesk.open(OPEN, database, gate, interval_s=3600)
    assert list(gate) == ["far"]
    await desk.close()


async def test_the_file_shadows(database: Database) -> None:
    await store(database)
    of_file = settings("far")
    gate = open_gate(of_file)
    desk = await UpstreamDesk.open(of_file, database, gate, interval_s=3600)
    assert gate["far"].origin == "file"
    assert desk.states == {"far": State.SHADOWED}
    await desk.close()
    await gate.aclose()


async def test_rows_that_these_settings_do_not_allow(database: Database, gate: Gate) -> None:
    """Another replica with other settings stored them, or somebody wrote them by hand."""
    desk = await UpstreamDesk.open(
        settings(sovereign_only=True, home_zones=["onprem"]), database, gate, interval_s=3600
    )
    await store(database)
    await store(database, name="odd", zone="onprem")
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE upstreams SET definition = :odd WHERE name = 'odd'"),
            {"odd": '{"name": "odd", "kind": "openai", "base_url": "http://10.0.0.1/v1"}'},
        )
    await store(database, name="keyed", zone="onprem", api_key_env="UPSTREAM_KEY_NOT_SET")
    await desk.refresh()
    assert desk.states == {
        "far": State.REFUSED,
        "odd": State.REFUSED,
        "keyed": State.NO_KEY,
    }
    assert list(gate) == []
    await desk.close()


async def test_a_sovereign_start_with_a_foreign_row(database: Database, gate: Gate) -> None:
    await store(database)
    with pytest.raises(SettingsError, match=r"upstream far of the database \(zone eu\)"):
        await UpstreamDesk.open(settings(sovereign_only=True), database, gate)


async def test_the_last_ones_go_on_while_the_database_is_away(
    database: Database, gate: Gate
) -> None:
    await store(database)
    desk = await UpstreamDesk.open(OPEN, database, gate, interval_s=0.01)
    before = gate["far"]
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE upstreams RENAME TO away"))
    while not desk._failing:  # noqa: ASYNC110 - what it waits for happens in the database
        await asyncio.sleep(0.01)
    assert gate["far"] is before
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE away RENAME TO upstreams"))
    await store(database, name="near", zone="onprem")
    while "near" not in gate:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert gate["far"] is before
    await desk.close()
