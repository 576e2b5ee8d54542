import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import ManualClock
from core.database import Database
from gateway.tenants.cache import KeyCache
from gateway.tenants.errors import (
    DatabaseUnavailable,
    InvalidKey,
    KeyExpired,
    KeyRevoked,
    TenantSuspended,
)
from gateway.tenants.keys import new_key
from gateway.tenants.limits import Limits
from gateway.tenants.service import KeyService, TenantService


class UnsteadyDatabase(Database):
    """A real database whose server can be away: then connecting is refused."""

    away = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        if self.away:
            raise ConnectionRefusedError("the server is away")
        async with super().session() as session:
            yield session


PEPPER = b"p" * 32
TTL = timedelta(seconds=5)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[UnsteadyDatabase]:
    database = UnsteadyDatabase(database_url)
    yield database
    await database.dispose()


@pytest.fixture
async def cache(database: Database, clock: ManualClock) -> AsyncIterator[KeyCache]:
    cache = KeyCache(database, PEPPER, clock, ttl=TTL, stale=timedelta(minutes=1))
    yield cache
    await cache.close()


@pytest.fixture
async def api_key(database: Database, clock: ManualClock) -> str:
    async with database.transaction() as session:
        tenants = TenantService(session, clock, {"default"})
        await tenants.create_tenant("acme", limits=Limits(rpm=600, parallel=4))
        _, api_key = await KeyService(session, clock, PEPPER).create_key(
            "acme", None, "app", limits=Limits(rpm=60)
        )
    return api_key


@pytest.fixture
def queries(database: Database) -> list[str]:
    """Every statement that the database was sent since."""
    sent: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _u, statement, _p, _x, _m: sent.append(statement),
    )
    return sent


async def test_a_key_stands_for_its_principal(cache: KeyCache, api_key: str) -> None:
    principal = await cache.principal(api_key)
    assert (principal.tenant, principal.key_name, principal.policy) == ("acme", "app", "default")
    assert principal.project_id.startswith("prj_")
    assert principal.limits == Limits(rpm=60, parallel=4)
    assert principal.tenant_limits == Limits(rpm=600, parallel=4)


async def test_many_requests_at_once_ask_once(
    cache: KeyCache, api_key: str, queries: list[str]
) -> None:
    principals = await asyncio.gather(*(cache.principal(api_key) for _ in range(50)))
    assert len({principal.key_id for principal in principals}) == 1
    assert len([sent for sent in queries if "virtual_keys" in sent]) == 1


async def test_an_unknown_key_is_refused_and_remembered_for_a_short_time(
    cache: KeyCache, clock: ManualClock, queries: list[str], api_key: str
) -> None:
    queries.clear()
    for _ in range(3):
        with pytest.raises(InvalidKey):
            await cache.principal(new_key())
    assert len([sent for sent in queries if "virtual_keys" in sent]) == 3
    unknown = new_key()
    queries.clear()
    for _ in range(3):
        with pytest.raises(InvalidKey):
            await cache.principal(unknown)
    assert len([sent for sent in queries if "virtual_keys" in sent]) == 1


async def test_a_key_created_later_is_found_after_the_negative_time(
    cache: KeyCache, clock: ManualClock, database: Database, api_key: str
) -> None:
    value = "a-value-from-elsewhere"
    with pytest.raises(InvalidKey):
        await cache.principal(value)
    async with database.transaction() as session:
        await KeyService(session, clock, PEPPER).create_key("acme", None, "late", value)
    clock.advance(timedelta(seconds=1.1))
    assert (await cache.principal(value)).key_name == "late"


async def test_a_revocation_holds_at_once_when_told_and_within_the_ttl_otherwise(
    cache: KeyCache, clock: ManualClock, database: Database, api_key: str
) -> None:
    principal = await cache.principal(api_key)
    async with database.transaction() as session:
        await KeyService(session, clock, PEPPER).revoke_key("acme", principal.key_id)
    assert await cache.principal(api_key) == principal  # another process revoked it
    clock.advance(TTL)
    with pytest.raises(KeyRevoked):
        await cache.principal(api_key)


async def test_invalidation_by_key_and_by_tenant(
    cache: KeyCache, clock: ManualClock, database: Database, api_key: str
) -> None:
    principal = await cache.principal(api_key)
    async with database.transaction() as session:
        await TenantService(session, clock, {"default"}).suspend("acme")
    cache.invalidate(tenant="acme")
    with pytest.raises(TenantSuspended):
        await cache.principal(api_key)
    async with database.transaction() as session:
        await KeyService(session, clock, PEPPER).revoke_key("acme", principal.key_id)
    cache.invalidate(key_id=principal.key_id)
    with pytest.raises(KeyRevoked):
        await cache.principal(api_key)


async def test_an_invalidation_during_a_look_up_is_not_overtaken_by_it(
    cache: KeyCache, clock: ManualClock, database: Database, api_key: str
) -> None:
    """The look-up reads the key, then it is revoked, then the look-up returns."""
    principal = await cache.principal(api_key)
    cache.invalidate(key_id=principal.key_id)
    read, revoked = asyncio.Event(), asyncio.Event()
    query = cache._query

    async def slow(digest: bytes):
        found = await query(digest)
        read.set()
        await revoked.wait()
        return found

    cache._query = slow  # type: ignore[method-assign]
    request = asyncio.create_task(cache.principal(api_key))
    await read.wait()
    async with database.transaction() as session:
        await KeyService(session, clock, PEPPER).revoke_key("acme", principal.key_id)
    cache.invalidate(key_id=principal.key_id)
    revoked.set()
    with pytest.raises(KeyRevoked):
        await request


async def test_a_key_expires_while_it_is_cached(
    cache: KeyCache, clock: ManualClock, database: Database, api_key: str
) -> None:
    async with database.transaction() as session:
        _, value = await KeyService(session, clock, PEPPER).create_key(
            "acme", None, "short", expires_at=clock.now() + timedelta(seconds=2)
        )
    await cache.principal(value)
    clock.advance(timedelta(seconds=2))
    with pytest.raises(KeyExpired):
        await cache.principal(value)


async def test_an_outage_serves_known_keys_for_a_bounded_time_and_is_no_401(
    cache: KeyCache, clock: ManualClock, database: UnsteadyDatabase, api_key: str
) -> None:
    principal = await cache.principal(api_key)
    database.away = True
    with pytest.raises(DatabaseUnavailable):
        await cache.principal(new_key())
    for _ in range(13):
        assert await cache.principal(api_key) == principal
        clock.advance(TTL)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(DatabaseUnavailable):
        await cache.principal(api_key)
    database.away = False
    assert await cache.principal(api_key) == principal


async def test_a_revoked_key_is_not_served_stale(
    cache: KeyCache, clock: ManualClock, database: UnsteadyDatabase, api_key: str
) -> None:
    principal = await cache.principal(api_key)
    cache.invalidate(key_id=principal.key_id)
    database.away = True
    with pytest.raises(DatabaseUnavailable):
        await cache.principal(api_key)


async def test_a_key_in_use_is_renewed_before_it_has_to_wait(
    cache: KeyCache, clock: ManualClock, api_key: str, queries: list[str]
) -> None:
    await cache.principal(api_key)
    queries.clear()
    clock.advance(TTL * 0.6)
    await cache.principal(api_key)
    assert queries == []  # answered from memory; the renewal is on its way
    await asyncio.gather(*cache._loads.values())
    assert len([sent for sent in queries if "virtual_keys" in sent]) == 1
    clock.advance(TTL * 0.6)
    queries.clear()
    await cache.principal(api_key)
    assert queries == []


async def test_memory_is_bounded(database: Database, clock: ManualClock, api_key: str) -> None:
    cache = KeyCache(database, PEPPER, clock, size=3)
    for _ in range(10):
        with pytest.raises(InvalidKey):
            await cache.principal(new_key())
    assert len(cache._unknown) == 3


async def test_a_client_that_hangs_up_does_not_cancel_the_look_up_of_others(
    cache: KeyCache, api_key: str
) -> None:
    first = asyncio.create_task(cache.principal(api_key))
    second = asyncio.create_task(cache.principal(api_key))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).tenant == "acme"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_cached_look_up_costs_microseconds(cache: KeyCache, api_key: str) -> None:
    await cache.principal(api_key)
    best = min([await _time(cache, api_key) for _ in range(5)])
    assert best < 50e-6, f"{best * 1e6:.1f} us"


async def _time(cache: KeyCache, api_key: str, rounds: int = 2000) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        await cache.principal(api_key)
    return (time.perf_counter() - start) / rounds
