"""Amounts, instants and transactions behave alike on SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import MetaData, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.database import Amount, Base, Database, UtcDateTime, amount_sum
from core.money import InvalidAmount


class _Tables(DeclarativeBase):
    # Apart from Base, whose tables are what migrations create.
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class Account(_Tables):
    __tablename__ = "core_test_accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[Decimal | None] = mapped_column(Amount())
    at: Mapped[datetime | None] = mapped_column(UtcDateTime())


@pytest.fixture
async def accounts(database: Database) -> AsyncIterator[Database]:
    async with database.engine.begin() as connection:
        await connection.run_sync(_Tables.metadata.create_all)
    yield database
    async with database.engine.begin() as connection:
        await connection.run_sync(_Tables.metadata.drop_all)


async def _store(database: Database, **columns: object) -> Account:
    async with database.transaction() as session:
        account = Account(**columns)
        session.add(account)
    async with database.session() as session:
        return (await session.execute(select(Account).where(Account.id == account.id))).scalar_one()


@pytest.mark.parametrize(
    "text",
    ["0", "0.1", "-0.000000000000000001", "12345678901234567890.123456789012345678", "1E+3"],
)
async def test_amount_comes_back_exactly(accounts: Database, text: str) -> None:
    stored = await _store(accounts, amount=Decimal(text))
    assert stored.amount == Decimal(text)


async def test_null_stays_null(accounts: Database) -> None:
    stored = await _store(accounts)
    assert stored.amount is None
    assert stored.at is None


async def test_amount_refuses_a_float(accounts: Database) -> None:
    with pytest.raises((InvalidAmount, StatementError)):
        await _store(accounts, amount=0.1)


async def test_sum_is_exact_where_floats_are_not(accounts: Database) -> None:
    async with accounts.transaction() as session:
        session.add_all(Account(amount=Decimal("0.1")) for _ in range(10))
        session.add(Account(amount=Decimal("0.000000000000000001")))
        session.add(Account(amount=None))
    async with accounts.session() as session:
        total = (await session.execute(select(amount_sum(Account.amount)))).scalar()
        nothing = (
            await session.execute(select(amount_sum(Account.amount)).where(Account.id < 0))
        ).scalar()
    assert total == Decimal("1.000000000000000001")
    assert nothing is None


async def test_instant_comes_back_in_utc(accounts: Database) -> None:
    berlin = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=1)))
    stored = await _store(accounts, at=berlin)
    assert stored.at is not None
    assert stored.at == berlin
    assert stored.at.tzinfo is UTC


async def test_instant_without_zone_is_refused(accounts: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        await _store(accounts, at=datetime(2026, 3, 1))


async def test_transaction_rolls_back_on_an_error(accounts: Database) -> None:
    async def fail() -> None:
        async with accounts.transaction() as session:
            session.add(Account(amount=Decimal(1)))
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with accounts.session() as session:
        assert (await session.execute(select(Account))).first() is None


async def test_read_then_write_loses_no_update(accounts: Database) -> None:
    """Twenty tasks each read a total under a lock and add one to it."""
    await _store(accounts, id=1, amount=Decimal(0))

    async def add_one() -> None:
        async with accounts.transaction() as session:
            query = select(Account).where(Account.id == 1).with_for_update()
            account = (await session.execute(query)).scalar_one()
            assert account.amount is not None
            await asyncio.sleep(0.001)
            account.amount += 1

    await asyncio.gather(*(add_one() for _ in range(20)))
    async with accounts.session() as session:
        assert (await session.execute(select(Account.amount))).scalar_one() == 20


async def test_a_session_ends_when_the_database_takes_too_long(postgres_url: str) -> None:
    database = Database(f"{postgres_url}/postgres")
    with pytest.raises(TimeoutError):
        async with database.within(0.1).session() as session:
            await session.execute(text("SELECT pg_sleep(30)"))
    async with database.session() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    await database.dispose()


async def test_each_statement_has_its_own_time(postgres_url: str) -> None:
    database = Database(f"{postgres_url}/postgres")
    patient = database.answering_within(2.5)
    async with patient.transaction() as session:
        for _ in range(3):
            await session.execute(text("SELECT pg_sleep(0.9)"))
    with pytest.raises(TimeoutError):
        async with patient.session() as session:
            await session.execute(text("SELECT pg_sleep(30)"))
    await database.dispose()
