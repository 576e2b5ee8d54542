"""Stage 5: the upstream is called, after the journal knows about it.

Where it fails before it answers, the request goes on to the next target of its route that the
tenant's policy allows (docs/resilience.md).
"""

import hashlib
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from core.clock import Clock
from gateway.archive import Archive
from gateway.audit import Journal
from gateway.content import conversation_key
from gateway.errors import (
    GatewayError,
    UpstreamError,
    UpstreamUnavailable,
    ZoneForbidden,
)
from gateway.exchange import Exchange
from gateway.pipeline.stage import Stage
from gateway.records import call_note
from gateway.routing.targets import Target
from gateway.upstreams import Gate, Passage, UpstreamRequest
from gateway.upstreams.resilience import Turn
from gateway.upstreams.resilience.attempts import Kind
from gateway.upstreams.resilience.failures import may_go_elsewhere
from gateway.upstreams.resilience.queue import Priority


class Call(Stage):
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
        exchange.timing.routed = self._clock.monotonic()
        if exchange.intent is not None:
            await exchange.intent
        target = exchange.target
        others = self._others(exchange)
        failed: GatewayError | None = None
        while True:
            try:
                await self._ask(exchange, target, patient=not others)
            except (UpstreamError, ZoneForbidden) as error:
                failed = _said(exchange, failed, error)
                if exchange.passage is not None:
                    await exchange.passage.aclose()  # its room is somebody else's now
                if not others or not _goes_on(error):
                    raise failed from None
                target = others.pop(0)
            else:
                return

    async def leave(self, exchange: Exchange) -> None:
        """Hang up: after a whole answer that is nothing, else it stops the generation."""
        if exchange.reply is not None:
            await exchange.reply.aclose()
        if exchange.passage is not None:
            await exchange.passage.aclose(exchange.error)

    def _others(self, exchange: Exchange) -> list[Target]:
        """Where else the request may go, those with good prospects first."""
        assert exchange.route is not None, "route comes first"
        others = exchange.route.others
        if not others:
            return []
        _, policy = exchange.authenticated
        allowed = [each for each in others if each.zone in policy.zones]
        return sorted(allowed, key=lambda each: not self._is_available(each))

    def _is_available(self, target: Target) -> bool:
        deployed = self._gate.get(target.upstream)
        return deployed is not None and deployed.is_available

    async def _ask(self, exchange: Exchange, target: Target, *, patient: bool) -> None:
        """Have ``target`` begin to answer."""
        _, policy = exchange.authenticated
        passage = self._gate.clear(target.upstream, zone=target.zone, allowed=policy.zones)
        try:
            await passage.enter(lambda: _turn(exchange))
        except BaseException:
            await passage.aclose()
            raise
        # From here on the upstream counts as called: the record names it.
        exchange.passage = passage
        assert exchange.route is not None, "route comes first"
        if target is not exchange.route.target:
            exchange.route = replace(exchange.route, target=target)
        await self._send(exchange, target, passage, patient=patient)

    async def _send(
        self, exchange: Exchange, target: Target, passage: Passage, *, patient: bool
    ) -> None:
        if self._archive is not None:
            await self._archive.prompt(exchange, target.model)
        self._journal.note(exchange.request_id, call_note(exchange))
        kind: Kind = "fallback" if exchange.called else "first"
        exchange.called = True
        if exchange.timing.called is None:
            exchange.timing.called = self._clock.monotonic()
        request = UpstreamRequest(
            body=upstream_body(exchange, continuous_usage=target.continuous_usage),
            stream=exchange.stream,
            affinity=self._affinity(exchange, passage),
            request_id=exchange.request_id,
            endpoint=exchange.surface.endpoint,
            thinking=target.thinking,
            effort=target.effort,
            trace=exchange.trace.headers() if exchange.trace is not None else None,
            files=exchange.files,
            cache_salt=_cache_salt(exchange.authenticated[0].tenant),
        )
        exchange.reply = await passage.send(
            request,
            exchange.attempts,
            kind=kind,
            total_by=exchange.timing.called + target.timeout_s,
            patient=patient,
        )
        exchange.timing.head = self._clock.monotonic()

    def _affinity(self, exchange: Exchange, passage: Passage) -> str:
        """What brings a conversation to the same server, where there are several."""
        if len(passage.deployed.standing.servers) == 1:
            return ""
        principal, _ = exchange.authenticated
        return f"{principal.tenant}\0{conversation_key(exchange.body)}"


@lru_cache(4096)
def _cache_salt(tenant: str) -> str:
    """Keeps tenants' prompts apart in a worker's cache, without naming them."""
    return hashlib.sha256(f"cache of {tenant}".encode()).hexdigest()[:32]


def _turn(exchange: Exchange) -> Turn:
    """As whom the request waits for an upstream that has no room."""
    principal, policy = exchange.authenticated
    patient = (
        exchange.priority == "batch"
        or exchange.body.get("service_tier") == "flex"
        or exchange.connection.header(b"x-sovgate-priority") == "batch"
    )
    priority: Priority = "batch" if patient else "interactive"
    return Turn(principal.tenant, policy.routing.queue_weight, priority)


def _goes_on(error: GatewayError) -> bool:
    """Whether another upstream may be asked."""
    return isinstance(error, ZoneForbidden) or (
        isinstance(error, UpstreamError) and may_go_elsewhere(error)
    )


def _said(exchange: Exchange, before: GatewayError | None, error: GatewayError) -> GatewayError:
    """The error that the client gets: of the upstream that the record names."""
    refused = isinstance(error, UpstreamUnavailable | ZoneForbidden)
    return before if before is not None and refused and exchange.called else error


def upstream_body(exchange: Exchange, *, continuous_usage: bool = False) -> dict[str, Any]:
    """The body as the upstream gets it: its own model name, and usage at the end of streams.

    With ``continuous_usage`` each event carries the counts so far, so that an answer
    that is cut is billed with what was really generated.
    """
    assert exchange.route is not None, "route comes first"
    body = {**exchange.body, "model": exchange.route.target.model}
    if exchange.stream and exchange.surface.stream_usage:
        options = body.get("stream_options") or {}
        exchange.client_wants_usage = options.get("include_usage") is True
        exchange.strip_usage = continuous_usage and not options.get("continuous_usage_stats")
        body["stream_options"] = {**options, "include_usage": True}
        if continuous_usage:
            body["stream_options"]["continuous_usage_stats"] = True
    return body
