"""Stage 5: the upstream is called, after the journal knows about it."""

import asyncio
from typing import Any

from core.clock import Clock
from gateway.archive import Archive
from gateway.audit import Journal
from gateway.content import conversation_key
from gateway.errors import UpstreamTimeout
from gateway.exchange import Exchange
from gateway.records import call_note
from gateway.upstreams import Gate, UpstreamRequest


class Call:
    """Sends the masked request and waits for the head of the answer."""

    name = "call"

    def __init__(
        self, gate: Gate, journal: Journal, clock: Clock, archive: Archive | None = None
    ) -> None:
        self._archive = archive
        self._gate = gate
        self._journal = journal
        self._clock = clock

    async def enter(self, exchange: Exchange) -> None:
        principal, policy = exchange.authenticated
        target = exchange.target
        exchange.timing.routed = self._clock.monotonic()
        if exchange.intent is not None:
            await exchange.intent
        # Before the note: where the gate refuses, no upstream was called.
        exchange.passage = self._gate.clear(target.upstream, zone=target.zone, allowed=policy.zones)
        if self._archive is not None:
            await self._archive.prompt(exchange, target.model)
        self._journal.note(exchange.request_id, call_note(exchange))
        exchange.called = True
        exchange.timing.called = self._clock.monotonic()
        request = UpstreamRequest(
            body=upstream_body(exchange, continuous_usage=target.continuous_usage),
            stream=exchange.stream,
            affinity=f"{principal.tenant}\0{conversation_key(exchange.body)}",
            request_id=exchange.request_id,
            endpoint=exchange.surface.endpoint,
            thinking=target.thinking,
            effort=target.effort,
            trace=exchange.trace.headers() if exchange.trace is not None else None,
        )
        try:
            async with asyncio.timeout(target.timeout_s):
                exchange.reply = await exchange.passage.send(request)
        except TimeoutError:
            raise UpstreamTimeout(
                f"Upstream {target.upstream} did not answer in time; try again later.",
                upstream=target.upstream,
            ) from None
        exchange.timing.head = self._clock.monotonic()

    async def leave(self, exchange: Exchange) -> None:
        """Hang up: after a whole answer that is nothing, else it stops the generation."""
        if exchange.reply is not None:
            await exchange.reply.aclose()
        if exchange.passage is not None:
            await exchange.passage.aclose()


def upstream_body(exchange: Exchange, *, continuous_usage: bool = False) -> dict[str, Any]:
    """The body as the upstream gets it: its own model name, and usage at the end of streams.

    With ``continuous_usage`` each event carries the counts so far, so that an answer
    that is cut is billed with what was really generated.
    """
    assert exchange.route is not None, "route comes first"
    body = {**exchange.body, "model": exchange.route.target.model}
    if exchange.stream:
        options = body.get("stream_options") or {}
        exchange.client_wants_usage = options.get("include_usage") is True
        exchange.strip_usage = continuous_usage and not options.get("continuous_usage_stats")
        body["stream_options"] = {**options, "include_usage": True}
        if continuous_usage:
            body["stream_options"]["continuous_usage_stats"] = True
    return body
