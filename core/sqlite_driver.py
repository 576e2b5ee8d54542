"""aiosqlite for SQLAlchemy with one turn of the connection's thread a statement.

SQLAlchemy's adapter takes four turns (a cursor, the statement, its rows, the end of the cursor),
and one more to roll back where nothing was begun. Each is a change of threads there and back,
for which the thread of the event loop has to give Python's lock away: with SQLite beside the
requests they cost more than the statements.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)


def one_turn_driver() -> Any:
    """What ``create_async_engine`` takes as ``module`` for ``sqlite+aiosqlite``."""
    return _Driver(aiosqlite, sqlite3)


class _Done:
    """A statement that has run; stands where SQLAlchemy keeps a cursor."""

    __slots__ = ("arraysize", "description", "lastrowid", "rowcount", "rows")

    def __init__(self, cursor: sqlite3.Cursor | None = None) -> None:
        self.arraysize = 1
        self.description: Any = None
        self.rowcount, self.lastrowid = -1, 0
        self.rows: deque[Any] = deque()
        if cursor is not None:
            self.description = cursor.description
            self.rows += cursor.fetchall() if cursor.description else ()
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid or 0
            cursor.close()

    def close(self) -> None:
        """There is nothing left to close."""


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()
    _awaitable_cursor_close = False

    def _make_new_cursor(self, connection: Any) -> Any:
        return _Done()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        return await self._run("execute", operation, () if parameters is None else parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        return await self._run("executemany", operation, seq_of_parameters)

    async def _run(self, method: str, operation: str, parameters: Sequence[Any]) -> None:
        connection = cast(_Connection, self._adapt_connection)
        driver: Any = self._connection
        async with connection._execute_mutex:
            connection.unfinished = True
            try:
                run = getattr(driver._conn, method)
                done: _Done = await driver._execute(lambda: _Done(run(operation, parameters)))
            except sqlite3.Error:
                connection.unfinished = False
                raise
            connection.unfinished = False
        self._cursor, self._rows = cast(Any, done), done.rows


class _Connection(AsyncAdapt_aiosqlite_connection):
    """
    Attributes:
        unfinished: the thread may still be at a statement for which nobody waits.
    """

    __slots__ = ("unfinished",)
    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.unfinished = False

    def rollback(self) -> None:
        """Not asked for where there is nothing to roll back: each return to the pool does it."""
        driver: Any = self._connection
        opened = driver._connection
        if self.unfinished or opened is None or opened.in_transaction:
            super().rollback()


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        connected = super().connect(*arg, **kw)
        return _Connection(self, connected._connection)
