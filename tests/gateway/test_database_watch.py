"""A start that waits for the database, and what is seen of it afterwards."""

import pytest

from core.clock import SystemClock
from core.database import Database
from gateway.database_watch import DatabaseWatch, once_it_answers
from gateway.tenants.errors import DatabaseUnavailable


async def test_work_is_repeated_until_the_database_answers() -> None:
    outages = [ConnectionRefusedError(), TimeoutError()]

    async def work() -> None:
        if outages:
            raise outages.pop()

    await once_it_answers(work, SystemClock(), 60)
    assert outages == []


async def test_patience_ends_and_faults_of_ours_are_told_at_once() -> None:
    async def refused() -> None:
        raise ConnectionRefusedError

    async def wrong() -> None:
        raise KeyError

    with pytest.raises(DatabaseUnavailable, match="ConnectionRefusedError"):
        await once_it_answers(refused, SystemClock(), 0)
    with pytest.raises(KeyError):
        await once_it_answers(wrong, SystemClock(), 60)


async def test_what_the_watch_has_seen(database: Database) -> None:
    watch = DatabaseWatch(database)
    await watch.look()
    assert watch.answers
    nowhere = DatabaseWatch(Database("postgresql+asyncpg://nobody@127.0.0.1:1/none"))
    await nowhere.look()
    assert not nowhere.answers
