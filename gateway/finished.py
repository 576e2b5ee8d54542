"""What metrics and the log say of a finished request, taken from it before it is let go."""

from datetime import datetime

import msgspec

from billing import Usage
from gateway.exchange import Exchange, GuardDecision, Timing
from gateway.routing.targets import Target
from gateway.tenants.keys import Principal


class Finished(msgspec.Struct, frozen=True, gc=False):
    """Names and numbers, no content; made on the request's turn and read later, with many others.

    Attributes:
        at: when it was noted.
        target: where it was routed; ``called`` says whether it went there.
        cache: what the tenant's cache did, if it has one.
        kept: a kept answer was given.
    """

    at: datetime
    request_id: str
    trace_id: str | None
    surface: str
    principal: Principal | None
    outcome: str
    code: str | None
    target: Target | None
    called: bool
    cache: str | None
    kept: bool
    stream: bool
    timing: Timing
    usage: Usage | None
    price_version: str | None
    currency: str | None
    cost_text: str
    masked: dict[str, int]
    decisions: list[GuardDecision]


def finished(exchange: Exchange, at: datetime) -> Finished:
    """The exchange as it ended."""
    cache = exchange.cache
    return Finished(
        at,
        exchange.request_id,
        exchange.trace_id,
        exchange.surface.name,
        exchange.principal,
        exchange.outcome,
        None if exchange.error is None else exchange.error.code,
        None if exchange.route is None else exchange.route.target,
        exchange.called,
        None if cache is None else cache.result,
        cache is not None and cache.entry is not None,
        exchange.stream,
        exchange.timing,
        exchange.usage,
        exchange.price_version,
        exchange.currency,
        exchange.cost_text,
        exchange.masked,
        exchange.decisions,
    )
