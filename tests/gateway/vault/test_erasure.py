"""What was erased opens nowhere: not in the rows, not in an old copy, not in memory."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from gateway.vault import MasterKeys, VaultKeyUnusable
from gateway.vault.erasure import Erasure, erase_tenant, erase_value, rewrap_all
from gateway.vault.repository import TABLES, SealedEntry, VaultRepository
from gateway.vault.sealing import open_entries
from guardrails.types import MaskMode

from .conftest import Open, answer, user

TEXT = "Greta Vogel, greta.vogel@example.com, Ann Oak"


async def _copy(session: AsyncSession) -> list[tuple[Any, list[dict[str, Any]]]]:
    copies = []
    for model in TABLES:
        table = model.__table__
        rows = [dict(row) for row in (await session.execute(select(table))).mappings()]
        copies.append((table, rows))
    return copies


async def _put_back(database: Database, copies: list[tuple[Any, list[dict[str, Any]]]]) -> None:
    async with database.transaction() as session:
        for table, rows in copies:
            await session.execute(delete(table))
            if rows:
                await session.execute(insert(table), rows)


async def _erase(database: Database, folder: Path, value: str | None, **options: Any) -> Any:
    """As the command does it."""
    master = MasterKeys.load(None, None, folder)
    async with database.transaction() as session:
        if value is None:
            erased = await erase_tenant(session, master, "acme")
        else:
            erased = await erase_value(session, master, "acme", value, **options)
    if erased is not None:
        async with database.transaction() as session:
            await rewrap_all(session, master)
        master.finish_rotation()
    return erased


async def _values(database: Database, folder: Path, tenant: str = "acme") -> set[str]:
    """All that opens with the keys there are."""
    master = MasterKeys.load(None, None, folder)
    async with database.session() as session:
        repository = VaultRepository(session, tenant)
        row = await repository.tenant()
        if row is None:
            return set()
        keys = master.unwrap(tenant, row.generation, row.wrapped)
        rows: list[SealedEntry] = []
        for subject in await repository.all_subjects():
            rows += await repository.entries_of_subject(subject)
    return {entry.value for entry in open_entries(keys, rows)}


async def test_one_value_is_gone_and_the_rest_stays(
    replica: Open, database: Database, master_file: Path
) -> None:
    one = await replica()
    await one.turn(user(TEXT))
    await one.turn(user("Greta Vogel again"), conversation="c")
    await one.turn(user(TEXT), tenant="globex")
    erased = await _erase(database, master_file.parent, "  GRETA vogel", aliases=False)
    assert isinstance(erased, Erasure)
    assert (erased.entries, erased.conversations) == (2, 2)
    assert [(alias.entity_type, alias.slot) for alias in erased.aliases] == [
        ("EMAIL_ADDRESS", "EMAIL_ADDRESS_1")
    ]
    assert await _values(database, master_file.parent) == {"greta.vogel@example.com", "Ann Oak"}
    assert "Greta Vogel" in await _values(database, master_file.parent, "globex")


async def test_aliases_go_with_it_if_asked(
    replica: Open, database: Database, master_file: Path
) -> None:
    one = await replica()
    await one.turn(user(TEXT), modes={"PERSON": MaskMode.SURROGATE})
    await _erase(database, master_file.parent, "Greta Vogel", aliases=True)
    assert await _values(database, master_file.parent) == {"Ann Oak"}


@pytest.mark.parametrize("value", ["Greta Vogel", None])
async def test_an_old_copy_of_all_rows_does_not_open(
    replica: Open, database: Database, master_file: Path, value: str | None
) -> None:
    one = await replica()
    await one.turn(user(TEXT), end_user="eu_1")
    async with database.session() as session:
        old = await _copy(session)
    assert all(rows for table, rows in old if table.name != "vault_data_keys")
    await _erase(database, master_file.parent, value, **({} if value is None else {"aliases": 0}))
    await _put_back(database, old)
    with pytest.raises(VaultKeyUnusable):
        await _values(database, master_file.parent)


async def test_old_entries_among_new_keys_do_not_open(
    replica: Open, database: Database, master_file: Path
) -> None:
    one = await replica()
    await one.turn(user(TEXT))
    async with database.session() as session:
        old = await _copy(session)
    await _erase(database, master_file.parent, "Greta Vogel", aliases=False)
    await _put_back(database, [pair for pair in old if pair[0].name != "vault_tenants"])
    assert await _values(database, master_file.parent) == set()


async def test_a_whole_tenant_is_gone_and_others_stay(
    replica: Open, database: Database, master_file: Path
) -> None:
    one = await replica()
    await one.turn(user(TEXT))
    await one.turn(user(TEXT), tenant="globex")
    erased = await _erase(database, master_file.parent, None)
    assert erased.entries == 3
    assert await _values(database, master_file.parent) == set()
    assert len(await _values(database, master_file.parent, "globex")) == 3
    async with database.session() as session:
        assert [rows for _, rows in await _copy(session) if rows and len(rows) < 1] == []


async def test_running_replicas_forget_and_go_on(
    replica: Open, database: Database, master_file: Path
) -> None:
    one = await replica()
    await one.turn(user(TEXT), conversation="c")
    await _erase(database, master_file.parent, "Greta Vogel", aliases=False)
    async with asyncio.timeout(30):
        while len(one.vault._held):  # noqa: ASYNC110 - what it waits for happens in the database
            await asyncio.sleep(0.02)
    assert await one.turn(user("Ann Oak and Bo Lind"), conversation="c") == [
        "[PERSON_2] and [PERSON_3]"
    ]


async def test_a_replica_that_has_not_noticed_writes_nothing_back(
    replica: Open, database: Database, master_file: Path
) -> None:
    one = await replica(watch_s=3600)
    await one.turn(user(TEXT), conversation="c")
    await _erase(database, master_file.parent, "Greta Vogel", aliases=False)
    await one.turn(user("Bo Lind, Greta Vogel"), conversation="c")
    assert "Greta Vogel" not in await _values(database, master_file.parent)
    # From then on it is a value like any other: the client has sent it anew.
    await one.turn(user("Greta Vogel"), conversation="c")
    assert "Greta Vogel" in await _values(database, master_file.parent)


async def test_what_is_not_there_is_not_found(
    replica: Open, database: Database, master_file: Path
) -> None:
    assert await _erase(database, master_file.parent, "Greta Vogel", aliases=False) is None
    assert await _erase(database, master_file.parent, None) is None
    one = await replica()
    await one.turn(user("Ann Oak"))
    assert await _erase(database, master_file.parent, "Greta Vogel", aliases=False) is None
    assert await _values(database, master_file.parent) == {"Ann Oak"}


def _files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("sovgate.db*"))


async def test_the_database_holds_no_value_in_clear_or_as_plain_hash(
    replica: Open, database: Database, tmp_path: Path
) -> None:
    one = await replica()
    values = ["Greta Vogel", "greta.vogel@example.com", "Ann Oak"]
    modes = {"PERSON": MaskMode.SURROGATE}
    masked = await one.turn(user(TEXT), answer(TEXT), user(f"so {TEXT}"), modes=modes)
    async with database.session() as session:
        content = b"".join(
            item if isinstance(item, bytes) else str(item).encode()
            for _, rows in await _copy(session)
            for row in rows
            for item in row.values()
        )
    if database.is_sqlite:
        content += _files(tmp_path)
    secrets = [*values, masked[0].split(",")[0], TEXT]
    for secret in secrets:
        assert secret.encode() not in content
        assert secret.encode().hex().encode() not in content
        for name in ("md5", "sha1", "sha256", "blake2b"):
            for form in (secret, secret.casefold()):
                digest = hashlib.new(name, form.encode())
                assert digest.digest() not in content
                assert digest.hexdigest().encode() not in content
