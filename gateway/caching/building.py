"""Whether a deployment has a cache, and how it is put together."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from core.tasks import cancel
from gateway.caching.cache import AnswerCache
from gateway.caching.embedding import Embedder
from gateway.settings import Settings

if TYPE_CHECKING:
    from core.clock import Clock
    from gateway.archive import BodySealer
    from gateway.caching.shared import SharedStore
    from gateway.guarding import Guards
    from gateway.upstreams import Gate


def wants_cache(settings: Settings) -> bool:
    """Whether any policy has one."""
    return any(policy.cache.enabled for policy in settings.policies.values())


async def open_cache(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    pepper: bytes,
    clock: "Clock",
    guards: "Guards",
    gate: "Gate",
    sealer: "BodySealer",
    embedder: Embedder,
) -> AnswerCache | None:
    """The cache, closed with ``stack``; ``None`` where no policy has one."""
    if not wants_cache(settings):
        return None
    shared = None
    if settings.redis.url is not None:
        shared = await _shared(settings, clock, stack)
    return AnswerCache(settings.caching, pepper, guards, gate, sealer, embedder, shared)


async def _shared(settings: Settings, clock: "Clock", stack: AsyncExitStack) -> "SharedStore":
    from redis.asyncio import Redis

    from gateway.caching.shared import SharedStore

    timeout_s = settings.caching.timeout_ms / 1000
    redis = Redis.from_url(
        str(settings.redis.url),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        protocol=2,
    )
    stack.push_async_callback(redis.aclose)
    store = SharedStore(redis, clock, timeout_s)
    writing = asyncio.create_task(store.keep_writing(), name="cache-writes")
    stack.push_async_callback(cancel, writing)
    return store
