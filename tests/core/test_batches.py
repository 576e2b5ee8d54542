"""Whole batches in one statement: what is known is skipped or added to, exactly."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from asyncpg import UniqueViolationError
from sqlalchemy import JSON, Index, LargeBinary, Table, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.batches import add_rows, insert_new, put_rows, write_rows
from core.database import Amount, Database, UtcDateTime
from core.money import InvalidAmount
from core.parts import parts

_LEAST = "0.000000000000000001"


class _Tables(DeclarativeBase):
    pass


class _Item(_Tables):
    __tablename__ = "core_test_items"
    __table_args__ = (Index("uq_core_test_items_code", "code", unique=True),)

    name: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str | None]
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    count: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Amount)
    marks: Mapped[list[str] | None] = mapped_column(JSON, default=list)
    place: Mapped[int | None] = mapped_column(default=7)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


_ITEMS = cast(Table, _Item.__table__)


@pytest.fixture
async def items(database: Database) -> AsyncIterator[Database]:
    async with database.engine.begin() as connection:
        await connection.run_sync(_Tables.metadata.create_all)
    yield database
    async with database.engine.begin() as connection:
        await connection.run_sync(_Tables.metadata.drop_all)


def _row(name: str, **facts: Any) -> dict[str, Any]:
    row = {"name": name, "day": "1", "code": None, "at": None, "count": 1, "amount": Decimal(1)}
    return row | facts


async def _insert(database: Database, *rows: dict[str, Any]) -> list[Any]:
    async with database.transaction() as session:
        return [name for (name,) in await insert_new(session, _ITEMS, rows, _ITEMS.c.name)]


async def _add(database: Database, *rows: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await add_rows(session, _ITEMS, rows, ("count", "amount"))


async def _stored(database: Database) -> list[tuple[Any, ...]]:
    async with database.session() as session:
        rows = await session.execute(select(_ITEMS).order_by(_ITEMS.c.name, _ITEMS.c.day))
        return [tuple(row[:6]) for row in rows]


async def test_what_is_new_is_inserted_and_named(items: Database) -> None:
    at = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    first, second = _row("a", code="x", at=at, amount=Decimal(_LEAST)), _row("b")
    assert await _insert(items, first) == ["a"]
    assert sorted(await _insert(items, first, second, _row("c", code="x"))) == ["b"]
    assert await _stored(items) == [
        ("a", "1", "x", at, 1, Decimal(_LEAST)),
        ("b", "1", None, None, 1, Decimal(1)),
    ]


async def test_twice_in_one_batch_is_inserted_once(items: Database) -> None:
    assert await _insert(items, _row("a", count=1), _row("a", count=2)) == ["a"]
    assert [row[4] for row in await _stored(items)] == [1]


async def test_sums_are_exact_and_by_the_whole_key(items: Database) -> None:
    huge = Decimal("12345678901234567890.123456789012345678")
    await _add(items, _row("a", amount=huge), _row("a", day="2", amount=Decimal("-0.5")))
    await _add(items, _row("a", code="not taken", count=4, amount=Decimal(_LEAST)))
    assert await _stored(items) == [
        ("a", "1", None, None, 5, Decimal("12345678901234567890.123456789012345679")),
        ("a", "2", None, None, 1, Decimal("-0.5")),
    ]


async def test_of_rows_that_are_known_the_named_columns_change(items: Database) -> None:
    await _insert(items, _row("a", code="x"), _row("b", count=5))
    rows = [_row("a", code="y", count=2), _row("a", day="2", count=3), _row("c")]
    async with items.transaction() as session:
        await put_rows(session, _ITEMS, rows, ("count",))
        await put_rows(session, _ITEMS, [], ("count",))
    assert [(row[0], row[1], row[2], row[4]) for row in await _stored(items)] == [
        ("a", "1", "x", 2),
        ("a", "2", None, 3),
        ("b", "1", None, 5),
        ("c", "1", None, 1),
    ]


async def test_bytes_stay_bytes_and_several_columns_are_returned(items: Database) -> None:
    every = bytes(range(256))
    rows = [_row("a", sealed=every), _row("b", sealed=b""), _row("c", sealed=None)]
    async with items.transaction() as session:
        added = await insert_new(session, _ITEMS, rows, _ITEMS.c.name, _ITEMS.c.day)
    assert sorted(added) == [("a", "1"), ("b", "1"), ("c", "1")]
    async with items.session() as session:
        found = await session.execute(select(_ITEMS.c.sealed).order_by(_ITEMS.c.name))
        assert [value for (value,) in found] == [every, b"", None]


async def test_columns_that_are_not_named_get_their_defaults(items: Database) -> None:
    await _insert(items, _row("a"), _row("b"))
    async with items.session() as session:
        rows = await session.execute(select(_ITEMS.c.marks, _ITEMS.c.place))
        assert [tuple(row) for row in rows] == [([], 7), ([], 7)]


async def test_of_many_rows_those_that_are_new_are_named(items: Database) -> None:
    known = [_row(f"{number:03}") for number in range(0, 90, 3)]
    assert sorted(await _insert(items, *known)) == [row["name"] for row in known]
    found = await _insert(items, *(_row(f"{number:03}") for number in range(90)))
    assert sorted(found) == [f"{number:03}" for number in range(90) if number % 3]


async def test_no_rows_are_no_statement(items: Database) -> None:
    assert await _insert(items) == []
    await _add(items)
    assert await _stored(items) == []


async def test_texts_stay_texts(items: Database) -> None:
    """Braces, quotes and NULL mean something in an array's notation."""
    names = ["NULL", '{"a",b}', "it's \\ ünï \U0001f600", ""]
    await _insert(items, *(_row(name) for name in names))
    assert sorted(row[0] for row in await _stored(items)) == sorted(names)


async def test_an_amount_that_does_not_fit_is_refused(items: Database) -> None:
    with pytest.raises(Exception, match="18 places") as caught:
        await _insert(items, _row("a"), _row("b", amount=Decimal("1E-19")))
    assert isinstance(getattr(caught.value, "orig", caught.value), InvalidAmount)
    assert await _stored(items) == []


def test_parts_keep_the_order_and_have_few_lengths() -> None:
    lengths: set[int] = set()
    for count in range(600):
        cut = list(parts(range(count)))
        assert [item for part in cut for item in part] == list(range(count))
        lengths |= {len(part) for part in cut}
    assert lengths == {256, 64, 16, 4, 1}


async def _write(database: Database, rows: list[tuple[Any, ...]], *, fail: bool = False) -> None:
    names = ("name", "day", "code", "at", "count", "amount")
    async with database.transaction() as session:
        await write_rows(session, _ITEMS, names, rows)
        if fail:
            raise ZeroDivisionError


@pytest.mark.parametrize("count", [1, 40])
async def test_new_rows_are_written_in_the_transaction(items: Database, count: int) -> None:
    at = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    rows = [(f"n{number:02}", "1", None, at, number, Decimal("0.5")) for number in range(count)]
    with pytest.raises(ZeroDivisionError):
        await _write(items, rows, fail=True)
    assert await _stored(items) == []
    await _write(items, rows)
    assert await _stored(items) == rows
    with pytest.raises((IntegrityError, UniqueViolationError)):
        await _write(items, rows)
    assert await _stored(items) == rows
