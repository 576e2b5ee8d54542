"""Stage 5 where some policy has a cache: what is kept is not asked for again."""

from core.clock import Clock
from gateway.caching.cache import AnswerCache
from gateway.caching.reply import KeptReply, WatchedReply
from gateway.exchange import Exchange
from gateway.pipeline.stage import Stage


class CachedCall:
    """Around the call: a hit takes its place, the answer to a miss is kept on the way out."""

    name = "call"

    def __init__(self, call: Stage, cache: AnswerCache, clock: Clock) -> None:
        self._call = call
        self._cache = cache
        self._clock = clock

    async def enter(self, exchange: Exchange) -> None:
        if not exchange.authenticated[1].cache.enabled:
            await self._call.enter(exchange)
            return
        use = exchange.cache = await self._cache.look_up(exchange)
        if use.entry is not None:
            self._answer(exchange, use.entry.body)
            return
        await self._call.enter(exchange)
        if use.key is not None and exchange.reply is not None:
            exchange.reply = WatchedReply(exchange.reply, self._cache.max_answer_bytes)

    async def leave(self, exchange: Exchange) -> None:
        await self._call.leave(exchange)
        reply = exchange.reply
        if isinstance(reply, WatchedReply) and exchange.outcome == "completed":
            raw = reply.answer()
            if raw is not None:
                await self._cache.keep(exchange, raw)

    def _answer(self, exchange: Exchange, body: bytes) -> None:
        options = exchange.body.get("stream_options") or {}
        exchange.client_wants_usage = options.get("include_usage") is True
        exchange.reply = KeptReply(body)
        timing = exchange.timing
        timing.routed = timing.called = timing.head = self._clock.monotonic()
