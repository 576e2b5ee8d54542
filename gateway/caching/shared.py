"""Answers and questions in Redis or Valkey, sealed with a key of their tenant.

What cannot be reached, read or opened is a miss. Writing happens beside the requests; what does
not fit the queue is not shared. A module of its own: a gateway without Redis does not load its
client.
"""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import structlog
from cryptography.exceptions import InvalidTag
from redis.exceptions import RedisError

from core.clock import Clock
from gateway.caching.entry import Entry, decode_entry, encode_entry
from gateway.caching.semantic import Index
from gateway.vault.keys import open_sealed, seal

if TYPE_CHECKING:
    from redis.asyncio import Redis

RETRY_S = 1.0
MAX_WAITING = 1000
_OUTAGE = (RedisError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


class SharedStore:
    """One per process.

    Args:
        timeout_s: longest that a request waits for an answer.
    """

    def __init__(self, redis: "Redis", clock: Clock, timeout_s: float) -> None:
        self._redis = redis
        self._clock = clock
        self._timeout_s = timeout_s
        self._asks_again_at = float("-inf")
        self._writes: asyncio.Queue[tuple[str, bytes, int, str | None, int]] = asyncio.Queue(
            MAX_WAITING
        )

    async def get(self, tenant: str, key: str, secret: bytes) -> Entry | None:
        """The answer; ``secret`` is the tenant's key."""
        sealed = await self._ask(self._redis.get(_answer(key)))
        if not isinstance(sealed, bytes):
            return None
        try:
            return decode_entry(open_sealed(secret, sealed, "cache", tenant, key))
        except (InvalidTag, msgspec.MsgspecError):
            return None  # of other keys, or somebody wrote there

    def put(self, tenant: str, key: str, entry: Entry, secret: bytes, ttl_s: int) -> None:
        sealed = seal(secret, encode_entry(entry), "cache", tenant, key)
        self._later(_answer(key), sealed, ttl_s, None, 0)

    def add_question(
        self,
        tenant: str,
        context: str,
        row: tuple[str, np.ndarray, float],
        secret: bytes,
        ttl_s: int,
        most: int,
    ) -> None:
        """``row``: key of the answer, unit vector, when it expires."""
        key, vector, expires = row
        plain = msgspec.msgpack.encode((key, vector.tobytes(), expires))
        sealed = seal(secret, plain, "cache-question", tenant, context)
        self._later(_questions(context), sealed, ttl_s, "stream", most)

    async def read_questions(self, tenant: str, context: str, index: Index, secret: bytes) -> None:
        """Add to ``index`` what other processes have added since it was last read."""
        rows = await self._ask(self._redis.xrange(_questions(context), min=index.read_to))
        for identifier, fields in rows or ():
            index.read_to = f"({identifier.decode()}"
            try:
                plain = open_sealed(
                    secret, fields.get(b"s", b""), "cache-question", tenant, context
                )
                key, raw, expires = msgspec.msgpack.decode(plain)
                index.add(key, np.frombuffer(raw, np.float32), expires)
            except (InvalidTag, msgspec.MsgspecError, ValueError, TypeError):
                continue

    async def keep_writing(self) -> None:
        """Without end; a task of the process."""
        while True:
            name, sealed, ttl_s, kind, most = await self._writes.get()
            if kind is None:
                await self._ask(self._redis.set(name, sealed, ex=ttl_s))
            else:
                await self._ask(self._redis.xadd(name, {"s": sealed}, maxlen=most))
                await self._ask(self._redis.expire(name, ttl_s))

    def _later(self, *write: Any) -> None:
        if not self._writes.full():
            self._writes.put_nowait(write)

    async def _ask(self, asking: Awaitable[Any]) -> Any:
        """The answer; ``None`` while the server is away, and for ``RETRY_S`` from then."""
        if self._clock.monotonic() < self._asks_again_at:
            if asyncio.iscoroutine(asking):
                asking.close()
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asking
        except _OUTAGE as error:
            if self._asks_again_at == float("-inf"):
                _log.warning("cache.shared_away", reason=type(error).__name__)
            self._asks_again_at = self._clock.monotonic() + RETRY_S
            return None


def _answer(key: str) -> str:
    return f"sovgate:answer:{{{key}}}"


def _questions(context: str) -> str:
    return f"sovgate:questions:{{{context}}}"
