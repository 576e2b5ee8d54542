"""What was erased of a person opens nowhere: not in rows, not in old copies, not on its way."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from gateway.archive.errors import BodyGone
from gateway.archive.models import AuditBody
from gateway.archive.reading import read_bodies
from gateway.audit.verify import verify_database
from gateway.retention.errors import LegalHold
from gateway.retention.holds import Holds, HoldScope
from gateway.vault import MasterKeys, Vault, VaultKeyUnusable, VaultOptions
from gateway.vault.erasure import erase_value, rewrap_all
from gateway.vault.models import VaultUser
from gateway.vault.repository import TABLES, VaultRepository
from gateway.vault.sealing import open_entries
from support.trail import BORIS, GRETA, Trail, erase_as_commanded
from tests.gateway.vault.conftest import mask

_SECOND = timedelta(seconds=1)
BODY = b'{"messages":[{"content":"canary 4711"}]}'
MODELS = (*TABLES, AuditBody)
Copy = list[tuple[Any, list[dict[str, Any]]]]


async def copy(session: AsyncSession) -> Copy:
    tables = [model.__table__ for model in MODELS]
    return [
        (table, [dict(row) for row in (await session.execute(select(table))).mappings()])
        for table in tables
    ]


async def put_back(database: Database, copies: Copy) -> None:
    async with database.transaction() as session:
        for table, rows in copies:
            await session.execute(delete(table))
            if rows:
                await session.execute(insert(table), rows)


async def opens(trail: Trail, request_id: str, tenant: str = "acme") -> bool:
    """With the keys that there are now."""
    wrapper = MasterKeys.load(None, None, trail.folder)
    async with trail.database.session() as session:
        try:
            (part,) = await read_bodies(session, wrapper, tenant, request_id)
        except BodyGone:
            return False
    assert part.content == {"messages": [{"content": "canary 4711"}]}
    return True


async def talk(
    trail: Trail, text: str, *, user: str | None = GRETA, key: str = "key_1", tenant: str = "acme"
) -> None:
    """A turn of a conversation, as a gateway would remember it."""
    wrapper = MasterKeys.load(None, None, trail.folder)
    vault = Vault(trail.database, trail.clock, wrapper, VaultOptions(watch_s=3600))
    await vault.start()
    body = {"messages": [{"role": "user", "content": text}]}
    memory = await vault.open(tenant, key, body, {}, user)
    mask(memory, [text])
    vault.keep(memory)
    await vault.kept(memory)
    await vault.stop()


async def remembered(trail: Trail, tenant: str = "acme") -> list[str]:
    """All values that open with the keys there are, as often as they stand."""
    wrapper = MasterKeys.load(None, None, trail.folder)
    found: list[str] = []
    async with trail.database.session() as session:
        repository = VaultRepository(session, tenant)
        row = await repository.tenant()
        assert row is not None
        keys = wrapper.unwrap(tenant, row.generation, row.wrapped)
        for subject in await repository.all_subjects():
            rows = await repository.entries_of_subject(subject)
            found += [entry.value for entry in open_entries(keys, rows)]
    return sorted(found)


async def test_one_persons_bodies_are_gone_and_all_others_open(trail: Trail) -> None:
    (hers,) = await trail.requests(body=BODY)
    (his,) = await trail.requests(body=BODY, user=BORIS)
    (nobodys,) = await trail.requests(body=BODY, user=None)
    (elsewhere,) = await trail.requests(body=BODY, tenant="globex")
    statement = await erase_as_commanded(trail, GRETA)
    assert statement.bodies == 1
    assert statement.holds()
    assert not await opens(trail, hers)
    assert await opens(trail, his)
    assert await opens(trail, nobodys)
    assert await opens(trail, elsewhere, "globex")
    async with trail.database.session() as session:
        (report, *_) = await verify_database(session, ["acme"], [trail.key.public_key])
    assert (report.ok, report.records) == (True, 3)


async def test_old_copies_of_all_rows_open_nothing(trail: Trail) -> None:
    (hers,) = await trail.requests(body=BODY)
    await talk(trail, "Greta Vogel, Ann Oak")
    async with trail.database.session() as session:
        old = await copy(session)
    assert all(rows for _, rows in old)
    await erase_as_commanded(trail, GRETA)
    await put_back(trail.database, old)
    assert not await opens(trail, hers)
    with pytest.raises(VaultKeyUnusable):
        await remembered(trail)


async def test_old_rows_under_the_new_keys_open_nothing(trail: Trail) -> None:
    (hers,) = await trail.requests(body=BODY)
    await talk(trail, "Greta Vogel and Ann Oak")
    await talk(trail, "Ann Oak", user=BORIS, key="key_2")
    async with trail.database.session() as session:
        old = await copy(session)
    await erase_as_commanded(trail, GRETA)
    async with trail.database.session() as session:
        new = dict(await copy(session))
    kept = {"vault_tenants", "vault_subjects"}
    await put_back(
        trail.database,
        [(table, new[table] if table.name in kept else rows) for table, rows in old],
    )
    assert not await opens(trail, hers)
    # The value that both have talked of has another key now, so no old row of it opens.
    assert await remembered(trail) == []


async def test_what_others_have_talked_of_stays(trail: Trail) -> None:
    await talk(trail, "Greta Vogel and Ann Oak")
    await talk(trail, "Ann Oak", user=BORIS, key="key_2")
    await talk(trail, "Greta Vogel", tenant="globex")
    statement = await erase_as_commanded(trail, GRETA)
    assert (statement.conversations, statement.entries) == (1, 2)
    assert await remembered(trail) == ["Ann Oak"]
    assert await remembered(trail, "globex") == ["Greta Vogel"]
    async with trail.database.session() as session:
        users = list(await session.scalars(select(VaultUser.end_user).order_by(VaultUser.end_user)))
    assert users == sorted([BORIS, GRETA])  # hers is globex's


async def test_named_values_go_wherever_they_stand(trail: Trail) -> None:
    await talk(trail, "Greta Vogel and Ann Oak", user=BORIS)
    statement = await erase_as_commanded(trail, GRETA, " greta  VOGEL ")
    assert statement.entries == 1
    assert await remembered(trail) == ["Ann Oak"]


async def test_bodies_on_their_way_are_wrapped_anew_but_for_hers(trail: Trail) -> None:
    """Sealed before the erasure, drained after it."""
    await trail.requests(body=BODY)
    await trail.requests(body=BODY, user=BORIS)
    sealer = trail.sealer
    until = trail.clock.now().replace(year=2027)

    def sealed(request_id: str, owner: str) -> dict[str, str]:
        return sealer.seal("acme", request_id, "prompt", BODY, owner=owner, expires=until).to_json()

    before = [sealed("req_a", GRETA), sealed("req_b", BORIS)]
    await erase_as_commanded(trail, GRETA)
    trail.clock.advance(_SECOND)
    # This process has not noticed yet and seals on with the keys that it knows.
    after = [sealed("req_c", BORIS), sealed("req_d", GRETA)]
    async with trail.database.transaction() as session:
        await trail.sink.store(session, before + after)
    assert [await opens(trail, f"req_{name}") for name in "abc"] == [False, True, True]
    async with trail.database.session() as session:
        row = await session.get(AuditBody, ("acme", "req_a", "prompt"))
        assert row is not None
        assert row.removed_by is not None
        assert row.removed_by.startswith("era_")
    later = [sealed("req_e", GRETA), sealed("req_f", BORIS)]
    async with trail.database.transaction() as session:
        await trail.sink.store(session, later)
    assert await opens(trail, "req_e")  # she came back: that is a new body
    assert await opens(trail, "req_f")


async def test_a_body_of_a_dead_process_under_old_keys_is_lost_and_said_to_be(
    trail: Trail,
) -> None:
    await trail.requests(body=BODY)
    body = trail.sealer.seal(
        "acme", "req_z", "prompt", BODY, owner=BORIS, expires=trail.clock.now().replace(year=2027)
    )
    await erase_as_commanded(trail, GRETA)
    successor = Trail.open(trail.database, trail.clock, trail.folder)
    async with trail.database.transaction() as session:
        await successor.sink.store(session, [body.to_json()])
    assert not await opens(trail, "req_z")
    async with trail.database.session() as session:
        row = await session.get(AuditBody, ("acme", "req_z", "prompt"))
    assert row is not None
    assert (row.sealed, row.removed_by) == (None, "lost")


async def test_erasing_a_value_leaves_bodies_readable(trail: Trail) -> None:
    (hers,) = await trail.requests(body=BODY)
    await talk(trail, "Greta Vogel and Ann Oak")
    wrapper = MasterKeys.load(None, None, trail.folder)
    async with trail.database.transaction() as session:
        assert await erase_value(session, wrapper, "acme", "Greta Vogel", aliases=False)
    async with trail.database.transaction() as session:
        await rewrap_all(session, wrapper)
    wrapper.finish_rotation()
    assert await opens(trail, hers)


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ({}, True),
        ({"end_user": GRETA}, True),
        ({"end_user": BORIS}, False),
        ({"request_ids": ("req_0001",)}, True),
        ({"request_ids": ("req_0002",)}, False),
        ({"actor": "usr_1"}, False),
    ],
)
async def test_a_hold_forbids_it(trail: Trail, scope: dict[str, Any], refused: bool) -> None:
    (hers,) = await trail.requests(body=BODY)
    await trail.requests(body=BODY, user=BORIS)
    async with trail.database.transaction() as session:
        hold = await Holds(session, "acme").create(
            HoldScope(**scope), reason="case 7", author="cli", now=trail.clock.now()
        )
    if refused:
        with pytest.raises(LegalHold, match=hold.id):
            await erase_as_commanded(trail, GRETA)
        async with trail.database.transaction() as session:
            await Holds(session, "acme").release(
                hold.id, reason="closed", author="cli", now=trail.clock.now()
            )
    await erase_as_commanded(trail, GRETA)
    assert not await opens(trail, hers)


async def test_erasures_of_two_at_once_leave_the_third(trail: Trail) -> None:
    for user in (GRETA, BORIS):
        await trail.requests(body=BODY, user=user)
    (nobodys,) = await trail.requests(body=BODY, user=None)
    await asyncio.gather(erase_as_commanded(trail, GRETA), talk(trail, "Ann Oak", user=BORIS))
    await erase_as_commanded(trail, BORIS)
    assert await opens(trail, nobodys)
    assert await remembered(trail) == []


async def test_no_content_is_in_the_files_of_the_database(trail: Trail, tmp_path: Path) -> None:
    await trail.requests(3, body=BODY)
    async with trail.database.session() as session:
        content = b"".join(
            item if isinstance(item, bytes) else str(item).encode()
            for _, rows in await copy(session)
            for row in rows
            for item in row.values()
        )
    content += _files(tmp_path)
    for secret in (b"canary 4711", b"canary 4711".hex().encode()):
        assert secret not in content


def _files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("sovgate.db*"))
