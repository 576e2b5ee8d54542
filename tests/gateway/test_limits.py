"""Rate limits, in process and in a real Valkey: the same answers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from core.clock import ManualClock
from gateway.errors import ParallelLimitExceeded, RequestRateExceeded, TokenRateExceeded
from gateway.limits import PARALLEL_TTL_S, Limiter, LocalLimiter
from gateway.limits_shared import SharedLimiter
from gateway.tenants.limits import Limits

CLOCK_START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["local", "shared"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Limiter]:
    clock = ManualClock(CLOCK_START)
    local = LocalLimiter(clock)
    if request.param == "local":
        yield local
        return
    redis = Redis.from_url(request.getfixturevalue("valkey_url"), protocol=2)
    yield SharedLimiter(redis, local, clock)
    await redis.aclose()


async def test_requests_a_minute(limiter: Limiter) -> None:
    scopes = [("tenant:a", Limits(rpm=5))]
    for _ in range(5):
        await limiter.acquire(scopes, 1)
    with pytest.raises(RequestRateExceeded) as caught:
        await limiter.acquire(scopes, 1)
    assert 1 <= caught.value.context["retry_after_s"] <= 13
    await limiter.acquire([("tenant:b", Limits(rpm=5))], 1)


async def test_tokens_a_minute_are_corrected_by_what_was_used(limiter: Limiter) -> None:
    scopes = [("tenant:a", Limits(tpm=100))]
    permit = await limiter.acquire(scopes, 90)
    with pytest.raises(TokenRateExceeded):
        await limiter.acquire(scopes, 90)
    await limiter.release(permit, 10)
    await limiter.acquire(scopes, 90)


async def test_a_request_larger_than_the_bucket_passes_when_it_is_full(limiter: Limiter) -> None:
    scopes = [("tenant:a", Limits(tpm=100))]
    await limiter.acquire(scopes, 500)
    with pytest.raises(TokenRateExceeded):
        await limiter.acquire(scopes, 1)


async def test_parallel(limiter: Limiter) -> None:
    scopes = [("tenant:a", Limits(parallel=2))]
    first = await limiter.acquire(scopes, 1)
    await limiter.acquire(scopes, 1)
    with pytest.raises(ParallelLimitExceeded):
        await limiter.acquire(scopes, 1)
    await limiter.release(first, 1)
    await limiter.acquire(scopes, 1)


async def test_a_refusal_by_one_scope_charges_none(limiter: Limiter) -> None:
    wide = ("tenant:a", Limits(rpm=2, parallel=9, tpm=1000))
    narrow = ("key:k", Limits(rpm=1))
    await limiter.acquire([wide, narrow], 1)
    with pytest.raises(RequestRateExceeded):
        await limiter.acquire([wide, narrow], 1)
    assert (await limiter.acquire([wide], 1)).remaining_requests == 0


async def test_many_at_once_never_exceed(limiter: Limiter) -> None:
    scopes = [("tenant:a", Limits(rpm=40, parallel=30))]
    results = await asyncio.gather(
        *(limiter.acquire(scopes, 1) for _ in range(100)), return_exceptions=True
    )
    assert sum(not isinstance(result, Exception) for result in results) == 30


async def test_local_buckets_refill() -> None:
    clock = ManualClock(CLOCK_START)
    limiter = LocalLimiter(clock)
    scopes = [("tenant:a", Limits(rpm=60))]
    for _ in range(60):
        await limiter.acquire(scopes, 1)
    clock.advance(timedelta(seconds=2))
    await limiter.acquire(scopes, 1)
    await limiter.acquire(scopes, 1)
    with pytest.raises(RequestRateExceeded):
        await limiter.acquire(scopes, 1)


async def test_without_the_server_limits_hold_in_process() -> None:
    redis = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    clock = ManualClock(CLOCK_START)
    limiter = SharedLimiter(redis, LocalLimiter(clock), clock)
    scopes = [("tenant:a", Limits(rpm=1))]
    permit = await limiter.acquire(scopes, 1)
    with pytest.raises(RequestRateExceeded):
        await limiter.acquire(scopes, 1)
    await limiter.release(permit, 1)
    await redis.aclose()


async def test_the_server_hears_of_what_is_limited_only(valkey_url: str) -> None:
    redis = Redis.from_url(valkey_url, protocol=2)
    clock = ManualClock(CLOCK_START)
    limiter = SharedLimiter(redis, LocalLimiter(clock), clock)
    before = (await redis.info("stats"))["total_commands_processed"]
    permit = await limiter.acquire([("tenant:free", Limits()), ("key:free", Limits())], 1)
    await limiter.release(permit, 1)
    # The question itself, and what a connection says of itself before its first one.
    assert (await redis.info("stats"))["total_commands_processed"] - before <= 1
    scopes = [("tenant:held", Limits(parallel=1)), ("key:held", Limits())]
    permit = await limiter.acquire(scopes, 1)
    assert await redis.keys("*held*") == [b"sovgate:running:{tenant:held}"]
    with pytest.raises(ParallelLimitExceeded):
        await limiter.acquire(scopes, 1)
    await limiter.release(permit, 1)
    assert await redis.keys("*held*") == []
    await redis.aclose()


async def test_a_server_whose_clock_was_set_back_refuses_nobody(valkey_url: str) -> None:
    redis = Redis.from_url(valkey_url, protocol=2)
    clock = ManualClock(CLOCK_START)
    limiter = SharedLimiter(redis, LocalLimiter(clock), clock)
    scopes = [("tenant:a", Limits(rpm=3))]
    await limiter.acquire(scopes, 1)
    in_an_hour = (await redis.time())[0] + 3600
    await redis.hset("sovgate:limit:{tenant:a}", "r_at", str(in_an_hour))
    await limiter.acquire(scopes, 1)
    await redis.aclose()


async def test_what_runs_goes_on_counting_and_what_a_killed_replica_held_comes_free(
    valkey_url: str,
) -> None:
    redis = Redis.from_url(valkey_url, protocol=2)
    clock = ManualClock(CLOCK_START)
    alive, killed = (SharedLimiter(redis, LocalLimiter(clock), clock) for _ in range(2))
    scopes = [("tenant:a", Limits(parallel=2))]
    held = await alive.acquire(scopes, 1)
    over = await alive.acquire(scopes, 1)
    await alive.release(over, 1)
    lost = await killed.acquire(scopes, 1)
    running = "sovgate:running:{tenant:a}"
    now = (await redis.time())[0]
    await redis.zadd(running, {held.id: now + 1, lost.id: now - 1})  # nearly a minute later
    await alive.renew()
    renewed = await redis.zscore(running, held.id)
    assert renewed is not None
    assert renewed > now + PARALLEL_TTL_S / 2
    assert await redis.zscore(running, over.id) is None
    await alive.acquire(scopes, 1)
    with pytest.raises(ParallelLimitExceeded):
        await alive.acquire(scopes, 1)
    await redis.aclose()
