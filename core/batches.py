"""Many rows in one statement, on both databases.

PostgreSQL gets all rows as one JSON text (``INSERT ... SELECT FROM json_to_recordset``),
which costs a third of a statement per row or of a parameter per cell; numbers stay
decimal text on the way. SQLite gets statements of many rows in one turn of its thread
(``core.sqlite_batches``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeDecorator

from core import sqlite_batches

_PAUSE = 64  # rows made ready before others get the event loop
_COPY = 16  # rows from which on COPY, which asks for the table's types first, is cheaper
_BEGIN = text("SELECT 1")

Rows = Sequence[Mapping[str, Any]]
"""Mappings of column names to values, all with the names of the first."""


async def insert_new(
    session: AsyncSession, table: Table, rows: Rows, *returning: Column[Any]
) -> list[tuple[Any, ...]]:
    """Insert what no unique key of the table knows yet, and skip the rest.

    Returns:
        Of the rows that were inserted the columns ``returning``, in any order.
    """
    if not rows:
        return []
    if _dialect(session) == "sqlite":
        return await sqlite_batches.insert_new(session, table, rows, returning)
    statement = _insert(table, tuple(rows[0])).on_conflict_do_nothing()
    if not returning:
        await session.execute(statement, await _parameters(session, table, rows))
        return []
    result = await session.execute(
        statement.returning(*returning), await _parameters(session, table, rows)
    )
    return [tuple(row) for row in result]


async def write_rows(
    session: AsyncSession, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows that no unique key knows: tuples in the order of ``names``.

    PostgreSQL gets more than a few by COPY, in the session's transaction.

    Raises:
        sqlalchemy.exc.IntegrityError, asyncpg.UniqueViolationError: one was there; roll back.
    """
    if _dialect(session) == "sqlite":
        await sqlite_batches.write_rows(session, table, names, rows)
        return
    if len(rows) < _COPY:
        plain = [dict(zip(names, row, strict=True)) for row in rows]
        await session.execute(insert(table), plain)
        return
    connection = await session.connection()
    await connection.execute(_BEGIN)  # the driver begins a transaction with its first statement
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.copy_records_to_table(
        table.name, columns=names, records=_bound(table, names, rows, session)
    )


def _bound(
    table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], session: AsyncSession
) -> list[tuple[Any, ...]]:
    """The rows as the driver takes them."""
    dialect, checked = session.get_bind().dialect, dict(_checked(table, tuple(names)))
    binders = [checked.get(name) for name in names]
    columns = [
        column if kind is None else [kind.process_bind_param(value, dialect) for value in column]
        for kind, column in zip(binders, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


async def add_rows(session: AsyncSession, table: Table, rows: Rows, sums: Sequence[str]) -> None:
    """Insert rows; where the primary key is known, add the columns ``sums`` to its row.

    No two rows may have the same key.
    """
    if not rows:
        return
    if _dialect(session) == "sqlite":
        await sqlite_batches.add_rows(session, table, rows, sums)
        return
    statement = _insert(table, tuple(rows[0]))
    changes = {name: table.c[name] + statement.excluded[name] for name in sums}
    await _upsert(session, table, rows, statement, changes)


async def put_rows(session: AsyncSession, table: Table, rows: Rows, names: Sequence[str]) -> None:
    """Insert rows; where the primary key is known, its row gets their values of ``names``.

    No two rows may have the same key.
    """
    if not rows:
        return
    if _dialect(session) == "sqlite":
        await sqlite_batches.put_rows(session, table, rows, names)
        return
    statement = _insert(table, tuple(rows[0]))
    changes = {name: statement.excluded[name] for name in names}
    await _upsert(session, table, rows, statement, changes)


async def _upsert(
    session: AsyncSession, table: Table, rows: Rows, statement: Any, changes: dict[str, Any]
) -> None:
    key = list(table.primary_key.columns)
    statement = statement.on_conflict_do_update(index_elements=key, set_=changes)
    await session.execute(statement, await _parameters(session, table, rows))


def _dialect(session: AsyncSession) -> str:
    return session.get_bind().dialect.name


async def _parameters(session: AsyncSession, table: Table, rows: Rows) -> Any:
    dialect, checked = session.get_bind().dialect, _checked(table, tuple(rows[0]))
    parts = []
    for start in range(0, len(rows), _PAUSE):
        if start:
            await asyncio.sleep(0)  # requests share this event loop
        plain = [
            {**row, **{name: kind.process_bind_param(row[name], dialect) for name, kind in checked}}
            for row in rows[start : start + _PAUSE]
        ]
        parts.append(msgspec.json.encode(plain)[1:-1])
    return {"rows": f"[{b','.join(parts).decode()}]"}


@cache
def _checked(table: Table, names: tuple[str, ...]) -> list[tuple[str, TypeDecorator[Any]]]:
    """Columns whose type looks at a value before it lets it in."""
    types = ((name, table.c[name].type) for name in names)
    return [(name, kind) for name, kind in types if isinstance(kind, TypeDecorator)]


@cache
def _insert(table: Table, names: tuple[str, ...]) -> Any:
    # Bytes stand in JSON as base64.
    binary = {name for name in names if isinstance(table.c[name].type, LargeBinary)}
    columns = (column(name, Text() if name in binary else table.c[name].type) for name in names)
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(
        *columns, name="rows"
    )
    values = (
        func.decode(value, "base64") if value.name in binary else value
        for value in rows.render_derived(with_types=True).columns
    )
    return postgresql.insert(table).from_select(names, select(*values))
