"""The database base: declarative base, column types, sessions.

SQLite (WAL, one writer at a time) and PostgreSQL behave alike through it:
``Database.transaction()`` takes SQLite's write lock at its start, so that
read-then-write code is as safe there as with ``SELECT ... FOR UPDATE``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData, Numeric, String, event
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.money import EXACT, SCALE, ZERO, format_amount, parse_amount
from core.sqlite_driver import one_turn_driver

_DISPOSE_S = 5.0
# The time-out of the session at hand, where each statement renews it.
_patience: ContextVar[tuple[asyncio.Timeout, float] | None] = ContextVar("patience", default=None)


class Base(DeclarativeBase):
    """Declarative base of all tables; the names of constraints are predictable for Alembic."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Amount(TypeDecorator[Decimal]):
    """Exact money: NUMERIC(38, 18) on PostgreSQL, plain decimal text on SQLite.

    SQLite would store a float. Compare and add in Python under a lock, or sum
    with ``amount_sum``; SQLite cannot order or compare these columns.
    """

    impl = Numeric(38, SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(60))
        return dialect.type_descriptor(Numeric(38, SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        amount = parse_amount(value)
        return format_amount(amount) if dialect.name == "sqlite" else amount

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC on both databases; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored; use the clock")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class amount_sum(FunctionElement[Decimal]):
    """``SUM`` over an ``Amount`` column, exact on both databases; NULL for no rows."""

    type = Amount()
    inherit_cache = True


@compiles(amount_sum)
def _compile_sum(element: amount_sum, compiler: Any, **kwargs: Any) -> str:
    return f"sum({compiler.process(element.clauses, **kwargs)})"


@compiles(amount_sum, "sqlite")
def _compile_sqlite_sum(element: amount_sum, compiler: Any, **kwargs: Any) -> str:
    return f"amount_sum({compiler.process(element.clauses, **kwargs)})"


class _SqliteSum:
    """The aggregate behind ``amount_sum`` on SQLite."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: str | None) -> None:
        if value is not None:
            self._total = EXACT.add(Decimal(value), self._total or ZERO)

    def finalize(self) -> str | None:
        return None if self._total is None else format_amount(self._total)


def _sqlite_add(left: str, right: str) -> str:
    return format_amount(EXACT.add(Decimal(left), Decimal(right)))


class Database:
    """An engine and its sessions.

    Args:
        url: ``sqlite+aiosqlite:///FILE`` or ``postgresql+asyncpg://...``.
        pool_size: connections kept on PostgreSQL.
        busy_timeout_s: how long SQLite waits for its lock, and how long a session waits for
            a connection of PostgreSQL's pool or for a new one.
    """

    def __init__(self, url: str, *, pool_size: int = 10, busy_timeout_s: float = 15.0) -> None:
        self.is_sqlite = url.startswith("sqlite")
        self.engine: AsyncEngine = create_async_engine(
            url,
            **(
                {"module": one_turn_driver()}
                if self.is_sqlite
                else _postgres_options(pool_size, busy_timeout_s)
            ),
        )
        if self.is_sqlite:
            prepare = partial(_prepare_sqlite, busy_timeout_s)
            event.listen(self.engine.sync_engine, "connect", prepare)
        event.listen(self.engine.sync_engine, "before_cursor_execute", _keep_waiting)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._limit_s: float | None = None
        self._patient = False

    def within(self, seconds: float) -> "Database":
        """The same database, whose sessions end with ``TimeoutError`` after so many seconds.

        A server that is paused, or behind a network that drops packets, answers nothing and
        refuses nothing. What was cut off while it committed may have happened. The
        connection is given up, which takes up to two seconds more. SQLite has no such
        silence: it waits for its lock, and only so long as ``busy_timeout_s`` says.
        """
        limited = copy(self)
        limited._limit_s = None if self.is_sqlite else seconds
        return limited

    def answering_within(self, seconds: float) -> "Database":
        """Like ``within``, but each statement has so many seconds: for work that may take long
        and must get done on a slow database, too."""
        limited = self.within(seconds)
        limited._patient = True
        return limited

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session for reading; nothing is committed."""
        async with self._limited(), self._sessions() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end of the block and rolls back on an error."""
        async with self._limited(), self._sessions() as session:
            if self.is_sqlite:
                connection = await session.connection()
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield session
            await session.commit()

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        if self._limit_s is None:
            yield
            return
        async with asyncio.timeout(self._limit_s) as timeout:
            token = _patience.set((timeout, self._limit_s) if self._patient else None)
            try:
                yield
            finally:
                _patience.reset(token)

    async def dispose(self) -> None:
        """Close the connections; a server that does not answer is left alone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISPOSE_S):
                await self.engine.dispose()


def _keep_waiting(*_: object) -> None:
    """A statement begins: the one before was answered."""
    patience = _patience.get()
    if patience is not None:
        timeout, seconds = patience
        timeout.reschedule(asyncio.get_running_loop().time() + seconds)


def _postgres_options(pool_size: int, busy_timeout_s: float) -> dict[str, Any]:
    return {
        "pool_pre_ping": True,
        "pool_size": pool_size,
        "pool_timeout": busy_timeout_s,
        "connect_args": {"timeout": busy_timeout_s},
    }


def _prepare_sqlite(busy_timeout_s: float, connection: Any, _record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN is deferred and deadlocks two writers; ours is explicit.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={round(busy_timeout_s * 1000)}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

    async def register(driver: Any) -> None:
        await driver._execute(driver._conn.create_aggregate, "amount_sum", 1, _SqliteSum)
        await driver._execute(driver._conn.create_function, "amount_add", 2, _sqlite_add)

    connection.run_async(register)
