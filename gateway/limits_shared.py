"""Rate limits counted in Redis or Valkey by one atomic script, for all replicas together.

While the server is away each replica counts for itself. A module of its own: a gateway without
Redis does not load its client.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.clock import Clock
from gateway.limits import PARALLEL_TTL_S, LocalLimiter, Permit, Scope, limit_error
from gateway.tenants.limits import Limits

RETRY_S = 1.0
MAX_OWED = 10_000
_PAID_AT_ONCE = 20
_RENEWED_AT_ONCE = 200
_NEVER_FAILED = float("-inf")
_OUTAGE = (RedisError, OSError)
_UNLIMITED = Limits()
_log = structlog.get_logger(__name__)

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
  -- The server's clock may have been set back.
  local passed = math.max(0, now - tonumber(saved[2]))
  return math.min(capacity, tonumber(saved[1]) + passed * capacity / 60)
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

# What still runs goes on counting; what is over meanwhile does not come back (XX).
_RENEW = """
local t = redis.call('TIME')
local ttl = tonumber(ARGV[1])
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 'XX', t[1] + ttl, ARGV[i])
end
redis.call('EXPIRE', KEYS[1], ttl)
return 1
"""


class SharedLimiter:
    """Counts in Redis or Valkey; local while that cannot be reached.

    A server that failed is not asked again for ``RETRY_S``, so that one that hangs costs one
    request at a time its time-out. What it could not be told is told when it is back: a
    slot that nobody frees, such as a killed replica's, counts for ``PARALLEL_TTL_S``; ``renew``
    has to be called more often than that for the others.

    Args:
        redis: a client whose responses are bytes or text.
        fallback: counts meanwhile: a limit then holds per replica.
    """

    def __init__(self, redis: Redis, fallback: LocalLimiter, clock: Clock) -> None:
        self._redis = redis
        self._fallback = fallback
        self._clock = clock
        self._acquire = redis.register_script(_ACQUIRE)
        self._release = redis.register_script(_RELEASE)
        self._renew = redis.register_script(_RENEW)
        self._running: dict[str, list[str]] = {}  # sets of running requests, by permit
        self._asks_again_at = _NEVER_FAILED
        self._owed: dict[str, tuple[Sequence[Scope], int]] = {}

    async def acquire(self, scopes: Sequence[Scope], tokens: int) -> Permit:
        scopes = [scope for scope in scopes if scope[1] != _UNLIMITED]
        if not scopes:
            return Permit("", (), tokens, None)  # nothing that the server would count
        if self._is_away:
            return await self._fallback.acquire(scopes, tokens)
        if self._asks_again_at > _NEVER_FAILED:
            self._asks_again_at = self._clock.monotonic() + RETRY_S  # one asks, not all at once
        request = secrets.token_hex(8)
        arguments: list[str | int] = [tokens, request, PARALLEL_TTL_S]
        for _, limits in scopes:
            for limit in (limits.rpm, limits.tpm, limits.parallel):
                arguments.append(-1 if limit is None else limit)
        try:
            await self._pay()
            answer = await self._acquire(keys=_keys(scopes), args=arguments)
        except _OUTAGE as error:
            self._failed(error)
            self._owe(request, scopes, 0)  # it may have been counted all the same
            return await self._fallback.acquire(scopes, tokens)
        except asyncio.CancelledError:
            self._owe(request, scopes, 0)
            raise
        self._answered()
        kind, limit, wait_s = cast(tuple[bytes, int, bytes], tuple(answer))
        if kind != b"ok":
            raise limit_error(kind.decode(), limit, float(wait_s))
        if limited := _keys(scope for scope in scopes if scope[1].parallel is not None)[1::2]:
            self._running[request] = limited
        return Permit(request, tuple(scopes), tokens, limit if limit >= 0 else None, shared=True)

    async def release(self, permit: Permit, tokens: int) -> None:
        if not permit.shared:
            await self._fallback.release(permit, tokens)
            return
        self._running.pop(permit.id, None)
        held = [scope for scope in permit.scopes if _is_held(scope[1])]
        if not held:
            return
        self._owe(permit.id, held, permit.tokens - tokens)
        if self._is_away:
            return
        try:
            await self._pay()
        except _OUTAGE as error:
            self._failed(error)

    async def renew(self) -> None:
        """Tell the server which requests still run."""
        by_set: dict[str, list[str]] = {}
        for request, names in self._running.items():
            for name in names:
                by_set.setdefault(name, []).append(request)
        try:
            for name, requests in by_set.items():
                for start in range(0, len(requests), _RENEWED_AT_ONCE):
                    if self._is_away:
                        return
                    some = requests[start : start + _RENEWED_AT_ONCE]
                    await self._renew(keys=[name], args=[PARALLEL_TTL_S, *some])
        except _OUTAGE as error:
            self._failed(error)

    async def keep_renewing(self) -> None:
        """Without end; a task of the process."""
        while True:
            await asyncio.sleep(PARALLEL_TTL_S / 4)
            await self.renew()

    @property
    def _is_away(self) -> bool:
        return self._clock.monotonic() < self._asks_again_at

    def _failed(self, error: Exception) -> None:
        if self._asks_again_at == _NEVER_FAILED:
            _log.warning("limits.local", reason=type(error).__name__)
        self._asks_again_at = self._clock.monotonic() + RETRY_S

    def _answered(self) -> None:
        if self._asks_again_at > _NEVER_FAILED:
            _log.info("limits.shared_again")
        self._asks_again_at = _NEVER_FAILED

    def _owe(self, request: str, scopes: Sequence[Scope], tokens: int) -> None:
        self._owed[request] = (scopes, tokens)
        if len(self._owed) > MAX_OWED:
            del self._owed[next(iter(self._owed))]

    async def _pay(self) -> None:
        """Tell the server what is over, the oldest first, but not all at once."""
        for _ in range(_PAID_AT_ONCE):
            if not self._owed:
                return
            request, (scopes, tokens) = next(iter(self._owed.items()))
            del self._owed[request]  # others pay meanwhile
            try:
                await self._release(keys=_keys(scopes), args=[request, tokens])
            except (*_OUTAGE, asyncio.CancelledError):
                self._owe(request, scopes, tokens)
                raise


def _is_held(limits: Limits) -> bool:
    """Whether a request that is over has something to give back."""
    return limits.tpm is not None or limits.parallel is not None


def _keys(scopes: Iterable[Scope]) -> list[str]:
    return [f"sovgate:{kind}:{{{name}}}" for name, _ in scopes for kind in ("limit", "running")]
