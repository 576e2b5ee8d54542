"""Apply migrations from code: what `sovgate db upgrade` and `sovgate serve` call.

Two replicas that start together do not collide: PostgreSQL serialises them by
an advisory lock, SQLite by its write lock.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.database import Database

_LOCK_ID = 0x50F6A7E  # any number that no other program on the server uses


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration; ``connection`` is what ``env.py`` migrates."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """The newest revision that this installation knows."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def current(database: Database) -> str | None:
    """The revision that the database is at, ``None`` when it is empty."""
    async with database.session() as session:
        connection = await session.connection()
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to ``revision`` in one transaction; does nothing when it is there."""
    await _migrate(database, revision, command.upgrade)


async def downgrade(database: Database, revision: str) -> None:
    """Take the database back to ``revision`` (``base`` removes every table)."""
    await _migrate(database, revision, command.downgrade)


async def _migrate(database: Database, revision: str, step: Callable[[Config, str], None]) -> None:
    if database.is_sqlite:
        await _migrate_sqlite(database, revision, step)
        return
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
        await connection.run_sync(lambda sync: step(alembic_config(sync), revision))


async def _migrate_sqlite(
    database: Database, revision: str, step: Callable[[Config, str], None]
) -> None:
    """SQLite changes a table by copying it, and dropping the old one would count as deleting
    what others refer to. So foreign keys rest meanwhile and are checked before the commit."""
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        try:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            await connection.run_sync(lambda sync: step(alembic_config(sync), revision))
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
            if broken is not None:
                raise RuntimeError(f"the migration left a reference to nothing in {broken[0]}")
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
