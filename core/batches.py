"""Many rows in one statement, on both databases.

PostgreSQL gets a column as an array (``INSERT ... SELECT FROM unnest(...)``): half the
work of a statement per row, and of a VALUES list with a parameter per cell. SQLite
repeats a statement that it has prepared once.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Table, bindparam, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Amount, amount_add

Rows = Sequence[Mapping[str, Any]]
"""Mappings of column names to values, all with the names of the first."""


async def insert_new(
    session: AsyncSession, table: Table, rows: Rows, returning: Column[Any] | None = None
) -> list[Any]:
    """Insert what no unique key of the table knows yet, and skip the rest.

    Returns:
        Of the rows that were inserted the column ``returning``, in any order.
    """
    if not rows:
        return []
    statement = _insert(_dialect(session), table, tuple(rows[0])).on_conflict_do_nothing()
    if returning is None:
        await session.execute(statement, _parameters(session, rows))
        return []
    result = await session.execute(statement.returning(returning), _parameters(session, rows))
    return list(result.scalars())


async def add_rows(session: AsyncSession, table: Table, rows: Rows, sums: Sequence[str]) -> None:
    """Insert rows; where the primary key is known, add the columns ``sums`` to its row.

    No two rows may have the same key.
    """
    if not rows:
        return
    statement = _insert(_dialect(session), table, tuple(rows[0]))
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: _added(table.c[name], statement.excluded[name]) for name in sums},
    )
    await session.execute(statement, _parameters(session, rows))


def _dialect(session: AsyncSession) -> str:
    return session.get_bind().dialect.name


def _parameters(session: AsyncSession, rows: Rows) -> Any:
    if _dialect(session) == "sqlite":
        return rows
    return {name: [row[name] for row in rows] for name in rows[0]}


def _added(old: Any, new: Any) -> Any:
    return amount_add(old, new) if isinstance(old.type, Amount) else old + new


@cache
def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    if dialect == "sqlite":
        return sqlite.insert(table)
    types = {name: table.c[name].type for name in names}
    arrays = (
        bindparam(name, type_=postgresql.ARRAY(kind, dimensions=1)) for name, kind in types.items()
    )
    rows = func.unnest(*arrays).table_valued(*(column(name, types[name]) for name in names))
    return postgresql.insert(table).from_select(names, select(*rows.render_derived().columns))
