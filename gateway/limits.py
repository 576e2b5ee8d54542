"""Rate limits: requests and tokens a minute as token buckets, requests at the same time.

``LocalLimiter`` counts in this process; ``gateway.limits_shared`` counts in Redis or
Valkey. Neither knows of tenants: a scope is a name and its limits.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from core.clock import Clock
from gateway.errors import (
    LimitExceeded,
    ParallelLimitExceeded,
    RequestRateExceeded,
    TokenRateExceeded,
)
from gateway.tenants.limits import Limits

_MINUTE_S = 60.0
PARALLEL_TTL_S = 60  # a crashed replica's slots come free after this

Scope = tuple[str, Limits]


class Permit(msgspec.Struct, frozen=True, gc=False):
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
        level = self.level + (now - self.updated_at) * capacity / _MINUTE_S
        self.level = level if level < capacity else float(capacity)
        self.capacity = capacity
        self.updated_at = now

    def wait_s(self, amount: float) -> float:
        """Seconds until ``amount`` fits; a request larger than the bucket waits for a full one."""
        if amount <= self.level:
            return 0.0
        missing = min(amount, self.capacity) - self.level
        return max(0.0, missing * _MINUTE_S / self.capacity)


class _Counts:
    """What is counted of one scope."""

    __slots__ = ("parallel", "requests", "tokens")

    def __init__(self) -> None:
        self.requests: _Bucket | None = None
        self.tokens: _Bucket | None = None
        self.parallel = 0


class LocalLimiter:
    """Counts in this process; exact with one gateway process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[str, _Counts] = {}

    async def acquire(self, scopes: Sequence[Scope], tokens: int) -> Permit:
        now = self._clock.monotonic()
        checked = [self._checked(name, limits, tokens, now) for name, limits in scopes]
        remaining: int | None = None
        for counts, (_, limits) in zip(checked, scopes, strict=True):
            if limits.rpm is not None and counts.requests is not None:
                counts.requests.level -= 1
                left = int(counts.requests.level)
                remaining = left if remaining is None or left < remaining else remaining
            if limits.tpm is not None and counts.tokens is not None:
                counts.tokens.level -= tokens
            if limits.parallel is not None:
                counts.parallel += 1
        return Permit("", tuple(scopes), tokens, remaining)

    async def release(self, permit: Permit, tokens: int) -> None:
        for name, limits in permit.scopes:
            if limits.tpm is None and limits.parallel is None:
                continue
            counts = self._counts[name]
            if limits.tpm is not None and counts.tokens is not None:
                counts.tokens.level += permit.tokens - tokens
            if limits.parallel is not None:
                counts.parallel -= 1

    def _checked(self, name: str, limits: Limits, tokens: int, now: float) -> _Counts:
        """Nothing is taken yet: the other scopes have to agree."""
        counts = self._counts.get(name)
        if counts is None:
            counts = self._counts[name] = _Counts()
        if limits.parallel is not None and counts.parallel >= limits.parallel:
            raise limit_error("parallel", limits.parallel, 1.0)
        if limits.rpm is not None:
            if counts.requests is None:
                counts.requests = _Bucket(limits.rpm, now)
            counts.requests.refill(limits.rpm, now)
            if wait_s := counts.requests.wait_s(1):
                raise limit_error("rpm", limits.rpm, wait_s)
        if limits.tpm is not None:
            if counts.tokens is None:
                counts.tokens = _Bucket(limits.tpm, now)
            counts.tokens.refill(limits.tpm, now)
            if wait_s := counts.tokens.wait_s(tokens):
                raise limit_error("tpm", limits.tpm, wait_s)
        return counts


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
