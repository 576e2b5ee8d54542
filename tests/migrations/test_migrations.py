"""Migrations make exactly the tables that the models declare, on both databases, both ways."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from core.database import Database
from migrations import models
from migrations.runner import HEAD, alembic_config, current, downgrade, upgrade
from support.repository import PACKAGES, ROOT, python_files

_SCRIPTS = ScriptDirectory.from_config(alembic_config())


def _difference(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), models.metadata())


async def _tables(database: Database) -> set[str]:
    async with database.session() as session:
        connection = await session.connection()
        return await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))


async def test_models_and_migrations_agree(database: Database) -> None:
    async with database.session() as session:
        connection = await session.connection()
        assert await connection.run_sync(_difference) == []


async def test_the_comparison_can_fail(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE unknown_table (id INTEGER PRIMARY KEY)"))
        connection = await session.connection()
        assert await connection.run_sync(_difference) != []


async def test_all_the_way_back_and_up_again(database: Database) -> None:
    before = await _tables(database)
    await downgrade(database, "base")
    assert await _tables(database) == {"alembic_version"}
    assert await current(database) is None
    await upgrade(database)
    assert await _tables(database) == before


async def test_back_leaves_no_function_behind(database: Database) -> None:
    """What a migration makes beside tables goes too, or the way up fails the second time."""
    await downgrade(database, "base")
    query = (
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public'"
    )
    async with database.session() as session:
        assert (await session.execute(text(query))).scalar() == 0


async def test_upgrade_of_the_newest_does_nothing(database: Database) -> None:
    assert await current(database) == HEAD
    await upgrade(database)
    assert await current(database) == HEAD


async def test_two_replicas_that_start_together(database: Database, database_url: str) -> None:
    await downgrade(database, "base")
    other = Database(database_url)
    try:
        await asyncio.gather(upgrade(database), upgrade(other))
    finally:
        await other.dispose()
    assert await current(database) == HEAD


async def test_failed_upgrade_leaves_nothing(database: Database) -> None:
    """The table in the way makes a later statement fail; the earlier ones are undone."""
    table = models.metadata().sorted_tables[-1].name
    await downgrade(database, "base")
    async with database.transaction() as session:
        await session.execute(text(f"CREATE TABLE {table} (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        await upgrade(database)
    assert await _tables(database) - {"alembic_version"} == {table}


def test_one_line_of_revisions_with_dated_names() -> None:
    assert _SCRIPTS.get_heads() == [HEAD]
    names = [Path(script.path).name for script in _SCRIPTS.walk_revisions()]
    assert [name for name in names if not re.fullmatch(r"20\d{6}_[a-z0-9_]+\.py", name)] == []


def test_every_models_module_is_loaded() -> None:
    declaring = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in python_files(*PACKAGES)
        if re.search(r"^    __tablename__ = ", path.read_text("utf-8"), re.MULTILINE)
    }
    assert declaring == set(models.MODULES)


def test_the_alembic_command_line_works(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/cli.db"
    for command in (["upgrade", "head"], ["check"]):
        finished = subprocess.run(
            [sys.executable, "-m", "alembic", *command],
            cwd=ROOT,
            env={**os.environ, "SOVGATE_DATABASE__URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
    assert "No new upgrade operations" in finished.stdout
