"""Stored turns on both databases: sealed, apart, and gone when they have to be."""

import base64
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, text

from core.database import Database
from gateway.errors import BodyTooLarge
from gateway.responses import ResponseStore, StoredTurn
from gateway.responses.errors import PreviousResponseNotFound
from gateway.responses.models import StoredResponse, StoredResponseSubject
from gateway.responses.repository import ResponseRepository
from gateway.retention.erasure import Person, erase_person
from gateway.retention.removal import remove_due
from gateway.tenants.errors import DatabaseUnavailable
from gateway.tenants.keys import Principal
from gateway.tenants.limits import Limits
from gateway.vault.erasure import erase_tenant, erase_value
from gateway.vault.models import VaultDataKey
from support.trail import BORIS, GRETA, Trail

ACME = Principal("acme", "prj_1", "key_1", "app", "default", Limits(), Limits(), True, None)
STRANGERS = (replace(ACME, tenant="globex"), replace(ACME, project_id="prj_2"))
CANARY = "Greta Vogel 4711"
DAY = timedelta(days=1)
MOST = 1_000_000


@pytest.fixture
def store(trail: Trail) -> ResponseStore:
    return ResponseStore(trail.database, trail.clock, trail.master)


def turn(name: str, previous: str | None = None, thread: str | None = None) -> StoredTurn:
    response = {"id": f"resp_{name}", "output": [{"id": f"msg_{name}_0", "text": CANARY}]}
    return StoredTurn(
        f"resp_{name}",
        f"resp_{thread or name}",
        f"resp_{previous}" if previous else None,
        response,
        [{"id": f"msg_{name}_i0", "text": CANARY}],
    )


async def keep(
    store: ResponseStore,
    trail: Trail,
    one: StoredTurn,
    principal: Principal = ACME,
    owner: str = GRETA,
    values: tuple[str, ...] = (),
    kept: timedelta = 30 * DAY,
) -> bool:
    since = trail.clock.now()
    return await store.keep(principal, one, owner=owner, values=values, since=since, kept=kept)


async def count(trail: Trail, *tables: Any) -> list[int]:
    async with trail.database.session() as session:
        return [await session.scalar(select(func.count()).select_from(t)) or 0 for t in tables]


async def test_what_was_kept_comes_back_to_its_project_only(
    store: ResponseStore, trail: Trail
) -> None:
    assert await keep(store, trail, turn("a"))
    assert await store.find(ACME, "resp_a") == turn("a")
    for stranger in STRANGERS:
        assert await store.find(stranger, "resp_a") is None
        assert not await store.delete(stranger, "resp_a")
        with pytest.raises(PreviousResponseNotFound):
            await store.chain(stranger, "resp_a", most=MOST)
    for unknown in ("resp_b", "", "resp_a\0", "resp_'", "msg_a", "resp_" + "a" * 99):
        assert await store.find(ACME, unknown) is None
        assert not await store.delete(ACME, unknown)
        with pytest.raises(PreviousResponseNotFound):
            await store.chain(ACME, unknown, most=MOST)


async def test_a_chain_is_its_own_branch_in_order(store: ResponseStore, trail: Trail) -> None:
    for one in (turn("a"), turn("b", "a", "a"), turn("c", "b", "a"), turn("d", "b", "a")):
        assert await keep(store, trail, one)
    assert [one.id for one in await store.chain(ACME, "resp_d", most=MOST)] == [
        "resp_a",
        "resp_b",
        "resp_d",
    ]
    assert [one.id for one in await store.chain(ACME, "resp_a", most=MOST)] == ["resp_a"]
    assert await store.delete(ACME, "resp_a")
    with pytest.raises(PreviousResponseNotFound):  # no turn goes missing silently
        await store.chain(ACME, "resp_d", most=MOST)


async def test_a_chain_that_is_too_long_is_refused_or_cut(
    store: ResponseStore, trail: Trail
) -> None:
    for one in (turn("a"), turn("b", "a", "a"), turn("c", "b", "a")):
        assert await keep(store, trail, one)
    async with trail.database.session() as session:
        sizes = list(await session.scalars(select(StoredResponse.size)))
    two = sum(sorted(sizes)[:2]) + 50
    with pytest.raises(BodyTooLarge):
        await store.chain(ACME, "resp_c", most=two)
    cut = await store.chain(ACME, "resp_c", most=two, cut=True)
    assert [one.id for one in cut] == ["resp_b", "resp_c"]
    with pytest.raises(BodyTooLarge):  # one turn there must be
        await store.chain(ACME, "resp_c", most=50, cut=True)


async def test_deleting_takes_the_key_along(store: ResponseStore, trail: Trail) -> None:
    assert await keep(store, trail, turn("a"), values=(CANARY, "x"))
    tables = (StoredResponse, StoredResponseSubject, VaultDataKey)
    assert await count(trail, *tables) == [1, 2, 1]
    assert await store.delete(ACME, "resp_a")
    assert await store.find(ACME, "resp_a") is None
    assert not await store.delete(ACME, "resp_a")
    assert await count(trail, *tables) == [0, 0, 0]


async def test_nothing_of_it_stands_in_the_database_in_clear(
    store: ResponseStore, trail: Trail
) -> None:
    assert await keep(store, trail, turn("a"), values=(CANARY,))
    async with trail.database.session() as session:
        for table in ("stored_responses", "stored_response_subjects", "vault_data_keys"):
            for row in await session.execute(text(f"SELECT * FROM {table}")):
                for cell in row:
                    raw = (
                        bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
                    )
                    assert b"Greta" not in raw
                    assert b"4711" not in raw
                    assert base64.b64encode(CANARY.encode())[:12] not in raw


async def test_a_row_that_was_moved_opens_nothing(store: ResponseStore, trail: Trail) -> None:
    """A turn's bytes under another id, or another tenant's name, are no turn."""
    assert await keep(store, trail, turn("a"))
    async with trail.database.transaction() as session:
        await session.execute(text("UPDATE stored_responses SET id = 'resp_z'"))
    assert await store.find(ACME, "resp_z") is None


async def test_time_removes_them_and_their_keys(store: ResponseStore, trail: Trail) -> None:
    await trail.requests()
    assert await keep(store, trail, turn("a"), kept=DAY)
    assert await keep(store, trail, turn("b"), kept=40 * DAY)
    trail.clock.advance(10 * DAY)
    assert await store.find(ACME, "resp_a") is None  # before anything has removed it
    async with trail.database.transaction() as session:
        await remove_due(session, "acme", trail.key, trail.clock.now(), None)
    assert await count(trail, StoredResponse, VaultDataKey) == [1, 1]
    assert await store.find(ACME, "resp_b") == turn("b")


async def test_erasing_a_person_takes_hers_and_those_that_name_her(
    store: ResponseStore, trail: Trail
) -> None:
    assert await keep(store, trail, turn("a"))
    assert await keep(store, trail, turn("b"), owner=BORIS, values=(CANARY,))
    assert await keep(store, trail, turn("c"), owner=BORIS, values=("somebody",))
    async with trail.database.transaction() as session:
        person = Person(GRETA, (CANARY.upper(),))
        statement = await erase_person(
            session, trail.master, trail.key, "acme", person,
            reason="asked for", now=trail.clock.now(),
        )  # fmt: skip
    assert statement.bodies == 2
    assert await store.find(ACME, "resp_a") is None
    assert await store.find(ACME, "resp_b") is None
    assert await store.find(ACME, "resp_c") == turn("c")  # under the changed keys


async def test_what_was_under_way_while_she_was_erased_is_not_kept(
    store: ResponseStore, trail: Trail
) -> None:
    since = trail.clock.now()
    trail.clock.advance(timedelta(seconds=1))
    async with trail.database.transaction() as session:
        await erase_person(
            session, trail.master, trail.key, "acme", Person(GRETA),
            reason="asked for", now=trail.clock.now(),
        )  # fmt: skip
    assert not await store.keep(ACME, turn("a"), owner=GRETA, values=(), since=since, kept=DAY)
    assert await count(trail, StoredResponse) == [0]


async def test_erasing_a_value_or_a_tenant_reaches_them(store: ResponseStore, trail: Trail) -> None:
    assert await keep(store, trail, turn("a"), values=(CANARY,))
    assert await keep(store, trail, turn("b"))
    async with trail.database.transaction() as session:
        assert await erase_value(session, trail.master, "acme", CANARY, aliases=False) is not None
    assert await store.find(ACME, "resp_a") is None
    assert await store.find(ACME, "resp_b") == turn("b")
    async with trail.database.transaction() as session:
        assert await erase_tenant(session, trail.master, "acme") is not None
    assert await count(trail, StoredResponse, StoredResponseSubject) == [0, 0]


async def test_a_database_that_is_away_is_said(trail: Trail) -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    away = ResponseStore(nowhere, trail.clock, trail.master)
    assert not await keep(away, trail, turn("a"))
    for call in (away.find, partial(away.chain, most=MOST), away.delete):
        with pytest.raises(DatabaseUnavailable):
            await call(ACME, "resp_a")
    with pytest.raises(DatabaseUnavailable):
        await away.reasoning_seal("acme")


async def test_other_tenants_rows_are_never_touched(store: ResponseStore, trail: Trail) -> None:
    globex = STRANGERS[0]
    assert await keep(store, trail, turn("a"))
    assert await keep(store, trail, turn("a"), principal=globex)
    async with trail.database.transaction() as session:
        assert await ResponseRepository(session, "acme").erase_all() == 1
    assert await store.find(globex, "resp_a") == turn("a")
