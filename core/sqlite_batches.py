"""Many rows for SQLite: statements of many rows, run in one turn of the connection's thread.

SQLite gives Python's lock away and takes it again with each statement, so a statement a row
costs a change of threads a row, and the ORM's machinery costs more than the row itself. The
texts are made from the table, and values are bound by its columns' types.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Date, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Amount, UtcDateTime
from core.money import format_amount, parse_amount
from core.parts import parts

Values = tuple[Any, ...]
Binder = Callable[[Any], Any]
# Rows of a statement: few lengths, since a connection keeps each statement prepared.
_LENGTHS = (32, 4, 1)
_DIALECT = sqlite.dialect()
_INSTANT = UtcDateTime()
_REMEMBERED = 2048
_PAUSE = 64  # rows made ready before others get the event loop


async def insert_new(
    session: AsyncSession,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    returning: Sequence[Column[Any]],
) -> list[Values]:
    """See ``core.batches.insert_new``."""
    then = " ON CONFLICT DO NOTHING"
    if returning:
        then += " RETURNING " + ", ".join(f'"{column.name}"' for column in returning)
    names = tuple(rows[0])
    return await _insert(session, table, names, rows, then, itemgetter(*names))


async def write_rows(
    session: AsyncSession, table: Table, names: Sequence[str], rows: Sequence[Values]
) -> None:
    """See ``core.batches.write_rows``."""
    await _insert(session, table, tuple(names), rows, "")


async def add_rows(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], sums: Sequence[str]
) -> None:
    """See ``core.batches.add_rows``."""
    names = tuple(rows[0])
    await _insert(session, table, names, rows, _adding(table, tuple(sums)), itemgetter(*names))


async def put_rows(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], put: Sequence[str]
) -> None:
    """See ``core.batches.put_rows``."""
    names = tuple(rows[0])
    await _insert(session, table, names, rows, _putting(table, tuple(put)), itemgetter(*names))


async def _insert(
    session: AsyncSession,
    table: Table,
    names: tuple[str, ...],
    rows: Sequence[Any],
    then: str,
    values_of: Callable[[Any], Values] = tuple,
) -> list[Values]:
    """What the statements return; columns that are not named get their defaults."""
    defaults = _defaults(table, names)
    extra = tuple(default() for _, default in defaults)
    names += tuple(name for name, _ in defaults)
    bound: list[Values] = []
    for start in range(0, len(rows), _PAUSE):
        if start:
            await asyncio.sleep(0)  # requests share this event loop
        bound += _bound(
            table, names, [values_of(row) + extra for row in rows[start : start + _PAUSE]]
        )
    statements = _statements(table, names, then)
    return await _in_thread(session, lambda connection: _write(connection, statements, bound))


async def _in_thread(session: AsyncSession, run: Callable[[sqlite3.Connection], Any]) -> Any:
    """What ``run`` makes of the session's connection.

    Raises:
        sqlalchemy.exc.DBAPIError: as the session's own statements do; it quotes no values.
    """
    raw = await (await session.connection()).get_raw_connection()
    driver: Any = raw.driver_connection
    try:
        return await driver._execute(run, driver._conn)
    except sqlite3.Error as error:
        raise DBAPIError.instance(
            None, None, error, sqlite3.Error, hide_parameters=True, dialect=_DIALECT
        ) from error


def _write(
    connection: sqlite3.Connection, statements: Mapping[int, str], rows: Sequence[Values]
) -> list[Values]:
    """What the statements return."""
    cursor, returned = connection.cursor(), []
    for part in parts(rows, _LENGTHS):
        cursor.execute(statements[len(part)], tuple(chain.from_iterable(part)))
        returned += cursor.fetchall()
    cursor.close()
    return returned


@cache
def _defaults(table: Table, names: tuple[str, ...]) -> list[tuple[str, Callable[[], Any]]]:
    return [
        (column.name, partial(_default, column.default))
        for column in table.columns
        if column.default is not None and column.name not in names
    ]


def _default(default: Any) -> Any:
    return default.arg(None) if default.is_callable else default.arg


@cache
def _statements(table: Table, names: tuple[str, ...], then: str) -> Mapping[int, str]:
    """An ``INSERT`` by how many rows it takes: ``_LENGTHS``."""
    columns = ", ".join(f'"{table.c[name].name}"' for name in names)
    row = f"({', '.join('?' * len(names))})"
    return {
        length: f'INSERT INTO "{table.name}" ({columns}) VALUES {", ".join([row] * length)}{then}'
        for length in _LENGTHS
    }


@cache
def _adding(table: Table, sums: tuple[str, ...]) -> str:
    return _updating(table, ", ".join(f'"{name}" = {_sum(table, name)}' for name in sums))


@cache
def _putting(table: Table, names: tuple[str, ...]) -> str:
    return _updating(table, ", ".join(f'"{name}" = excluded."{name}"' for name in names))


def _updating(table: Table, changes: str) -> str:
    key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    return f" ON CONFLICT ({key}) DO UPDATE SET {changes}"


def _sum(table: Table, name: str) -> str:
    old, new = f'"{table.name}"."{name}"', f'excluded."{name}"'
    if isinstance(table.c[name].type, Amount):
        return f"amount_add({old}, {new})"
    return f"{old} + {new}"


def _bound(table: Table, names: tuple[str, ...], rows: Sequence[Values]) -> list[Values]:
    """The rows as the driver takes them."""
    binders = _binders(table, names)
    columns = [
        column if bind is None else list(map(bind, column))
        for bind, column in zip(binders, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


@cache
def _binders(table: Table, names: tuple[str, ...]) -> tuple[Binder | None, ...]:
    """What each column's type does to a value, if anything."""
    return tuple(_binder(table.c[name]) for name in names)


def _binder(column: Column[Any]) -> Binder | None:
    for kind, binder in _QUICK.items():
        if isinstance(column.type, kind):
            return binder
    return column.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)


def _instant(value: datetime | None) -> str | None:
    stored = _INSTANT.process_bind_param(value, _DIALECT)
    return None if stored is None else stored.isoformat(" ", "microseconds")


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else format_amount(parse_amount(value))


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


# What SQLAlchemy makes of a value, in a fraction of the time; rows of several tables share it.
_QUICK: dict[type, Binder] = {
    UtcDateTime: lru_cache(_REMEMBERED)(_instant),
    Amount: lru_cache(_REMEMBERED, typed=True)(_amount),
    Date: _day,
}
