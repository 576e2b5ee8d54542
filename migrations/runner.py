"""Apply migrations from code: what `sovgate db upgrade` and `sovgate serve` call.

Two replicas that start together do not collide: PostgreSQL serialises them by
an advisory lock, SQLite by its write lock. Alembic takes a quarter of a second
to import, so a database that is up to date never sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from core.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "20261128_idempotency"  # the newest revision; a test compares it with the scripts
_LOCK_ID = 0x50F6A7E  # any number that no other program on the server uses


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration; ``connection`` is what ``env.py`` migrates."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


async def current(database: Database) -> str | None:
    """The revision that the database is at, ``None`` when it is empty."""
    async with database.session() as session:
        connection = await session.connection()
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        return await session.scalar(text("SELECT version_num FROM alembic_version"))


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to ``revision`` in one transaction; does nothing when it is there."""
    if revision == "head" and await current(database) == HEAD:
        return
    from alembic.command import upgrade as step

    await _migrate(database, partial(step, revision=revision))


async def downgrade(database: Database, revision: str) -> None:
    """Take the database back to ``revision`` (``base`` removes every table)."""
    from alembic.command import downgrade as step

    await _migrate(database, partial(step, revision=revision))


async def _migrate(database: Database, step: Callable[[Config], None]) -> None:
    if database.is_sqlite:
        await _migrate_sqlite(database, step)
        return
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
        await connection.run_sync(lambda sync: step(alembic_config(sync)))


async def _migrate_sqlite(database: Database, step: Callable[[Config], None]) -> None:
    """SQLite changes a table by copying it, and dropping the old one would count as deleting
    what others refer to. So foreign keys rest meanwhile and are checked before the commit."""
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        try:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            await connection.run_sync(lambda sync: step(alembic_config(sync)))
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
            if broken is not None:
                raise RuntimeError(f"the migration left a reference to nothing in {broken[0]}")
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
