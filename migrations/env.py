"""Alembic's entry point.

Given a connection (``migrations.runner``) it migrates that one; from the
``alembic`` command line, the database that ``SOVGATE_DATABASE__URL`` names.
"""

import asyncio
import os
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from core.database import Amount, Database, UtcDateTime
from migrations.models import metadata


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata(),
        compare_type=True,
        compare_server_default=True,
        render_item=_render_item,
        # SQLite changes a column only by copying the table.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


def _render_item(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Our column types by their short names in generated migrations."""
    if kind == "type" and isinstance(item, Amount | UtcDateTime):
        name = type(item).__name__
        autogen.imports.add(f"from core.database import {name}")
        return f"{name}()"
    return False


async def _run_from_command_line() -> None:
    url = os.environ.get("SOVGATE_DATABASE__URL", "sqlite+aiosqlite:///./data/sovgate.db")
    database = Database(url)
    try:
        async with database.transaction() as session:
            connection = await session.connection()
            await connection.run_sync(_run)
    finally:
        await database.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    asyncio.run(_run_from_command_line())
