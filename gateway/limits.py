"""Rate limits: requests and tokens a minute as token buckets, requests at the same time.

``LocalLimiter`` counts in this process; ``SharedLimiter`` counts in Redis or
Valkey with one atomic script, so that replicas share a limit, and falls back to
counting locally while the server is away. Neither knows of tenants: a scope is
a name and its limits.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.clock import Clock
from gateway.errors import (
    LimitExceeded,
    ParallelLimitExceeded,
    RequestRateExceeded,
    TokenRateExceeded,
)
from gateway.tenants.limits import Limits

_MINUTE_S = 60.0
_PARALLEL_TTL_S = 900  # a crashed replica's slots come free after this
_log = structlog.get_logger(__name__)

Scope = tuple[str, Limits]


@dataclass(frozen=True, slots=True)
class Permit:
    """A granted request: what was counted, to be settled and released."""

    id: str
    scopes: tuple[Scope, ...]
    tokens: int
    remaining_requests: int | None
    shared: bool = False


class Limiter(Protocol):
    """Counts requests against limits."""

    async def acquire(self, scopes: Sequence[Scope], tokens: int) -> Permit:
        """Count one request of about ``tokens`` tokens in every scope, or in none.

        Raises:
            LimitExceeded: its kind says which limit; ``retry_after_s`` when to come back.
        """
        ...

    async def release(self, permit: Permit, tokens: int) -> None:
        """The request is over and really took ``tokens`` tokens."""
        ...


class _Bucket:
    """A token bucket: ``capacity`` a minute, full at first, possibly in debt."""

    __slots__ = ("capacity", "level", "updated_at")

    def __init__(self, capacity: int, now: float) -> None:
        self.capacity = capacity
        self.level = float(capacity)
        self.updated_at = now

    def refill(self, capacity: int, now: float) -> None:
        self.level += (now - self.updated_at) * capacity / _MINUTE_S
        self.level = min(float(capacity), self.level)
        self.capacity = capacity
        self.updated_at = now

    def wait_s(self, amount: float) -> float:
        """Seconds until ``amount`` fits; a request larger than the bucket waits for a full one."""
        missing = min(amount, self.capacity) - self.level
        return max(0.0, missing * _MINUTE_S / self.capacity)


class LocalLimiter:
    """Counts in this process; exact with one gateway process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._requests: dict[str, _Bucket] = {}
        self._tokens: dict[str, _Bucket] = {}
        self._parallel: dict[str, int] = {}

    async def acquire(self, scopes: Sequence[Scope], tokens: int) -> Permit:
        now = self._clock.monotonic()
        for name, limits in scopes:
            self._check(name, limits, tokens, now)
        remaining: list[int] = []
        for name, limits in scopes:
            if limits.rpm is not None:
                self._requests[name].level -= 1
                remaining.append(int(self._requests[name].level))
            if limits.tpm is not None:
                self._tokens[name].level -= tokens
            if limits.parallel is not None:
                self._parallel[name] = self._parallel.get(name, 0) + 1
        return Permit("", tuple(scopes), tokens, min(remaining, default=None))

    async def release(self, permit: Permit, tokens: int) -> None:
        for name, limits in permit.scopes:
            if limits.tpm is not None:
                self._tokens[name].level += permit.tokens - tokens
            if limits.parallel is not None:
                self._parallel[name] -= 1

    def _check(self, name: str, limits: Limits, tokens: int, now: float) -> None:
        if limits.parallel is not None and self._parallel.get(name, 0) >= limits.parallel:
            raise limit_error("parallel", limits.parallel, 1.0)
        for kind, limit, buckets, amount in (
            ("rpm", limits.rpm, self._requests, 1),
            ("tpm", limits.tpm, self._tokens, tokens),
        ):
            if limit is None:
                continue
            bucket = buckets.setdefault(name, _Bucket(limit, now))
            bucket.refill(limit, now)
            if wait_s := bucket.wait_s(amount):
                raise limit_error(kind, limit, wait_s)


# For each scope: KEYS name of its hash and of its set of running requests;
# ARGV rpm, tpm, parallel (-1: unlimited). All scopes are checked before any is charged.
_ACQUIRE = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local tokens, id, ttl = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local levels, remaining = {}, -1
local function level(key, field, capacity)
  local saved = redis.call('HMGET', key, field, field .. '_at')
  if not saved[1] then return capacity end
  return math.min(capacity, tonumber(saved[1]) + (now - tonumber(saved[2])) * capacity / 60)
end
for i = 1, #KEYS, 2 do
  local a = 3 + (i - 1) / 2 * 3
  local rpm, tpm, parallel = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  if parallel >= 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[i + 1], '-inf', now)
    if redis.call('ZCARD', KEYS[i + 1]) >= parallel then return {'parallel', parallel, '1'} end
  end
  if rpm >= 0 then
    levels[i] = level(KEYS[i], 'r', rpm)
    if levels[i] < 1 then return {'rpm', rpm, tostring((1 - levels[i]) * 60 / rpm)} end
  end
  if tpm >= 0 then
    levels[i + 1] = level(KEYS[i], 't', tpm)
    local missing = math.min(tokens, tpm) - levels[i + 1]
    if missing > 0 then return {'tpm', tpm, tostring(missing * 60 / tpm)} end
  end
end
for i = 1, #KEYS, 2 do
  local a = 3 + (i - 1) / 2 * 3
  local rpm, tpm, parallel = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  if rpm >= 0 then
    redis.call('HSET', KEYS[i], 'r', tostring(levels[i] - 1), 'r_at', tostring(now))
    local left = math.floor(levels[i] - 1)
    if remaining < 0 or left < remaining then remaining = left end
  end
  if tpm >= 0 then
    redis.call('HSET', KEYS[i], 't', tostring(levels[i + 1] - tokens), 't_at', tostring(now))
  end
  if rpm >= 0 or tpm >= 0 then redis.call('EXPIRE', KEYS[i], 3600) end
  if parallel >= 0 then
    redis.call('ZADD', KEYS[i + 1], now + ttl, id)
    redis.call('EXPIRE', KEYS[i + 1], ttl)
  end
end
return {'ok', remaining, '0'}
"""

_RELEASE = """
for i = 1, #KEYS, 2 do
  redis.call('ZREM', KEYS[i + 1], ARGV[1])
  if redis.call('HEXISTS', KEYS[i], 't') == 1 then
    redis.call('HINCRBYFLOAT', KEYS[i], 't', ARGV[2])
  end
end
return 1
"""


class SharedLimiter:
    """Counts in Redis or Valkey; local while that cannot be reached.

    Args:
        redis: a client whose responses are bytes or text.
        fallback: counts meanwhile: a limit then holds per replica.
    """

    def __init__(self, redis: Redis, fallback: LocalLimiter) -> None:
        self._redis = redis
        self._fallback = fallback
        self._acquire = redis.register_script(_ACQUIRE)
        self._release = redis.register_script(_RELEASE)

    async def acquire(self, scopes: Sequence[Scope], tokens: int) -> Permit:
        request = secrets.token_hex(8)
        arguments: list[str | int] = [tokens, request, _PARALLEL_TTL_S]
        for _, limits in scopes:
            for limit in (limits.rpm, limits.tpm, limits.parallel):
                arguments.append(-1 if limit is None else limit)
        try:
            answer = await self._acquire(keys=_keys(scopes), args=arguments)
        except RedisError as error:
            _log.warning("limits.local", reason=type(error).__name__)
            return await self._fallback.acquire(scopes, tokens)
        kind, limit, wait_s = cast(tuple[bytes, int, bytes], tuple(answer))
        if kind != b"ok":
            raise limit_error(kind.decode(), limit, float(wait_s))
        return Permit(request, tuple(scopes), tokens, limit if limit >= 0 else None, shared=True)

    async def release(self, permit: Permit, tokens: int) -> None:
        if not permit.shared:
            await self._fallback.release(permit, tokens)
            return
        try:
            await self._release(keys=_keys(permit.scopes), args=[permit.id, permit.tokens - tokens])
        except RedisError as error:
            _log.warning("limits.not_released", reason=type(error).__name__)


def _keys(scopes: Sequence[Scope]) -> list[str]:
    return [f"sovgate:{kind}:{{{name}}}" for name, _ in scopes for kind in ("limit", "running")]


def limit_error(kind: str, limit: int, wait_s: float) -> LimitExceeded:
    """The error for a limit of ``kind`` rpm, tpm or parallel."""
    retry_after_s = max(1, round(wait_s + 0.5))
    if kind == "parallel":
        return ParallelLimitExceeded(
            f"More than {limit} requests at the same time; wait for one to finish.",
            retry_after_s=retry_after_s,
        )
    if kind == "rpm":
        return RequestRateExceeded(
            f"More than {limit} requests a minute; try again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )
    return TokenRateExceeded(
        f"More than {limit} tokens a minute; try again in {retry_after_s} s.",
        retry_after_s=retry_after_s,
    )
