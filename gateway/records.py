"""From an exchange to what is written down: the audit record and the settlement.

Pure functions over values; the journal writes, the drain stores. Nothing here
reads a prompt or an answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import msgspec

from billing import CostBreakdown, PriceVersion, Reservation, Settlement, Usage
from billing.errors import InvalidUsage, UnpricedModel
from billing.prices import UNPRICED
from billing.settlement import Ended
from core.clock import Clock, isoformat
from core.money import ZERO, format_amount
from gateway.audit import (
    CacheHit,
    DetectorVerdict,
    LatencySplit,
    RequestRecord,
    Route,
    TokenCounts,
    Tried,
    score_text,
)
from gateway.errors import ContentBlocked
from gateway.exchange import Exchange, GuardDecision
from gateway.tokens import TokenCounter, estimate_tokens
from gateway.upstreams.resilience.attempts import Attempt

_NO_TIME = LatencySplit()
_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class Prices(Protocol):
    """The part of ``PriceBook`` that a settlement needs."""

    @property
    def currency(self) -> str: ...

    def price(
        self,
        model: str,
        at: datetime,
        usage: Usage,
        *,
        tenant: str | None = None,
        batch: bool = False,
    ) -> CostBreakdown: ...


def price_usage(
    prices: Prices, model: str, at: datetime, usage: Usage, tenant: str, *, batch: bool = False
) -> CostBreakdown:
    """What a usage costs; a model without a price costs 0 under the version ``unpriced``.

    Admission refused such a model already where the settings say so.
    """
    try:
        return prices.price(model, at, usage, tenant=tenant, batch=batch)
    except UnpricedModel:
        free = PriceVersion(
            model=model, currency=prices.currency, effective_from=_EPOCH, input=ZERO, output=ZERO
        )
        return CostBreakdown(UNPRICED, prices.currency, free.cost(usage).lines)


def usage_of(exchange: Exchange, counter: TokenCounter) -> Usage | None:
    """What the request consumed; ``None`` if no upstream worked on it.

    The upstream's own counts where it gave them, also those within a stream that
    was cut. Where an answer began or the client hung up before it came, what
    ``counter`` makes of the prompt and of what really came, flagged as estimated.
    An upstream that failed before it answered is taken to have done nothing.
    """
    if not exchange.called:
        return None
    if exchange.raw_usage is not None:
        try:
            return exchange.surface.usage(exchange.raw_usage, _worker_seconds(exchange.raw_usage))
        except (InvalidUsage, TypeError, AttributeError):
            pass  # counts that contradict each other are no counts
    if exchange.reply is None and not exchange.disconnected:
        return None
    return exchange.surface.estimate(
        max(1, counter.prompt(exchange.body)), counter.text(exchange.output_texts)
    )


def settlement_of(exchange: Exchange, breakdown: CostBreakdown | None) -> Settlement | None:
    """The ledger's side; ``None`` if nothing was reserved."""
    reservation, route = exchange.reservation, exchange.route
    if reservation is None:
        return None
    if breakdown is None or exchange.usage is None or route is None:
        return Settlement.release(reservation)
    return Settlement.settle(
        reservation,
        usage=exchange.usage,
        breakdown=breakdown,
        model=route.target.model,
        tier=route.target.tier,
        upstream=route.target.upstream if exchange.called else None,
        zone=route.target.zone if exchange.called else None,
        trend=route.trend,
        ended=_ended(exchange),
    )


def _ended(exchange: Exchange) -> Ended:
    if exchange.disconnected:
        return "disconnected"
    cut = exchange.error is not None and not isinstance(exchange.error, ContentBlocked)
    return "error" if cut else "completed"


def request_record(
    exchange: Exchange, clock: Clock, *, status: int | None, weights_digest: str | None = None
) -> RequestRecord:
    """The audit record of an exchange as it stands."""
    route, usage = exchange.route, exchange.usage
    target = route.target if route is not None else None
    called = exchange.called and target is not None
    return RequestRecord(
        outcome=exchange.outcome,
        ended_at=isoformat(clock.now()),
        first_token_at=_instant(exchange, exchange.timing.first_token),
        status=status,
        error_code=exchange.error.code if exchange.error is not None else None,
        finish_reason=exchange.finish_reason,
        detectors=[_verdict(decision) for decision in exchange.decisions],
        masked=exchange.masked,
        route=_route(exchange),
        cache=_cache_hit(exchange),
        upstream=target.upstream if called and target else None,
        zone=target.zone if called and target else None,
        model=target.model if called and target else None,
        weights_digest=weights_digest,
        tokens=_tokens(usage) if usage is not None else None,
        price_version=exchange.price_version,
        currency=exchange.currency,
        cost=exchange.cost_text if exchange.price_version is not None else None,
        latency=_latency(exchange),
        bodies=list(exchange.stored.values()) if called else [],
        **(exchange.admitted or _admitted(exchange)),
    )


def _admitted(exchange: Exchange) -> dict[str, Any]:
    """What is known of a request as soon as it is admitted."""
    principal, policy = exchange.principal, exchange.policy
    known: dict[str, Any] = {
        "request_id": exchange.request_id,
        "surface": exchange.surface.name,
        "started_at": isoformat(exchange.started_at),
        "trace_id": exchange.trace_id,
        "user": exchange.end_user,
        "client_address": exchange.client_address,
        "stream": exchange.stream,
    }
    if principal is not None:
        known["tenant"] = principal.tenant
        known["project"] = principal.project_id
        known["key_id"] = principal.key_id
        known["policy"] = principal.policy
    if policy is not None:
        known["policy_digest"] = policy.digest
    return known


def interrupted(
    intent: Mapping[str, Any], call: Mapping[str, Any] | None, *, prices: Prices, clock: Clock
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Audit record and settlement of a request whose process died (see ``Journal.replay``).

    Without a ``call`` note no upstream was asked, and everything is released.
    With one, its prompt is billed by estimate: the upstream worked on it, and
    how far it got nobody knows.
    """
    ended = {"outcome": "interrupted", "ended_at": isoformat(clock.now())}
    record = {"latency": {}, **intent["audit"], **ended}
    audit = msgspec.convert(record, RequestRecord).to_dict()
    reservation = Reservation.from_json(intent["reservation"])
    if call is None:
        return audit, Settlement.release(reservation).to_json()
    usage = Usage(input_tokens=intent["input_tokens"], estimated=True)
    breakdown = price_usage(
        prices,
        call["model"],
        reservation.at,
        usage,
        reservation.tenant,
        batch=intent.get("batch", False),
    )
    for name in ("upstream", "zone", "model", "route"):
        audit[name] = call[name]
    audit["bodies"] = call.get("stored", [])
    audit |= {
        "tokens": msgspec.to_builtins(_tokens(usage)),
        "price_version": breakdown.price_version,
        "currency": breakdown.currency,
        "cost": format_amount(breakdown.total),
    }
    settlement = Settlement.settle(
        reservation,
        usage=usage,
        breakdown=breakdown,
        model=call["model"],
        tier=call["tier"],
        upstream=call["upstream"],
        zone=call["zone"],
        trend=call["trend"],
        ended="interrupted",
    )
    return audit, settlement.to_json()


def intent_body(exchange: Exchange) -> dict[str, Any]:
    """What a successor needs to settle this request if this process dies."""
    assert exchange.reservation is not None, "written after admission"
    exchange.admitted = _admitted(exchange)
    return {
        "audit": {**exchange.admitted, "route": _route(exchange)},
        "reservation": exchange.reservation,
        "input_tokens": estimate_tokens(exchange.body_bytes),
        **({"batch": True} if exchange.priority == "batch" else {}),
    }


def call_note(exchange: Exchange) -> dict[str, Any]:
    """Which upstream is about to be asked."""
    assert exchange.route is not None, "written after routing"
    target = exchange.route.target
    return {
        "upstream": target.upstream,
        "zone": target.zone,
        "model": target.model,
        "tier": target.tier,
        "trend": exchange.route.trend,
        "route": _route(exchange, calling=1),
        **({"bodies": exchange.bodies} if exchange.bodies else {}),
        "stored": list(exchange.stored.values()),
    }


def _route(exchange: Exchange, *, calling: int = 0) -> Route | None:
    """
    Args:
        calling: attempts that are about to be made.
    """
    route = exchange.route
    if route is None:
        # A name that was found nowhere may be anything, so it is not written down.
        return Route(requested_model=exchange.body["model"]) if exchange.targets else None
    return Route(
        requested_model=exchange.body["model"],
        tier=route.target.tier,
        trend=route.trend,
        score=score_text(route.score),
        reason=route.reason,
        attempts=len(exchange.attempts) + calling,
        tried=[_tried(each) for each in exchange.attempts] if len(exchange.attempts) > 1 else [],
    )


def _tried(attempt: Attempt) -> Tried:
    return Tried(
        upstream=attempt.upstream,
        zone=attempt.zone,
        model=attempt.model,
        server=attempt.server,
        kind=attempt.kind,
        result=attempt.result,
        us=attempt.microseconds,
    )


def _cache_hit(exchange: Exchange) -> CacheHit | None:
    cache = exchange.cache
    if cache is None or cache.entry is None:
        return None
    return CacheHit(
        kind="semantic" if cache.result == "semantic-hit" else "exact",
        request_id=cache.entry.request_id,
        model=cache.entry.model,
        age_s=max(0, int(exchange.started_at.timestamp() - cache.entry.at)),
        similarity=score_text(cache.similarity),
    )


def _verdict(decision: GuardDecision) -> DetectorVerdict:
    return DetectorVerdict(
        name=decision.name,
        version=decision.version,
        direction=decision.direction,
        verdict=decision.verdict,
        action=decision.action,
        score=decision.score,
        category=decision.category,
    )


def _tokens(usage: Usage) -> TokenCounts:
    return TokenCounts(
        input=usage.input_tokens,
        cached_input=usage.cached_input_tokens,
        cache_write=usage.cache_write_tokens,
        output=usage.output_tokens,
        reasoning=usage.reasoning_tokens,
        estimated=usage.estimated,
    )


def _latency(exchange: Exchange) -> LatencySplit:
    timing = exchange.timing
    ended = timing.ended
    if ended is None:
        return _NO_TIME
    admitted = timing.admitted or ended
    inspected = timing.inspected or ended
    return LatencySplit(
        total_us=_microseconds(timing.started, ended),
        admit_us=_microseconds(timing.started, admitted),
        inspect_input_us=_microseconds(admitted, inspected),
        route_us=_microseconds(inspected, timing.routed or ended),
        journal_us=_microseconds(timing.routed, timing.called or ended),
        upstream_us=_microseconds(timing.called, timing.head or ended),
        inspect_output_us=_microseconds(timing.head, ended),
    )


def _microseconds(start: float | None, end: float | None) -> int:
    return 0 if start is None or end is None or end < start else round((end - start) * 1_000_000)


def _instant(exchange: Exchange, mark: float | None) -> str | None:
    if mark is None:
        return None
    return isoformat(exchange.started_at + timedelta(seconds=mark - exchange.timing.started))


def _worker_seconds(usage: Mapping[str, Any]) -> Decimal:
    """Our workers report their compute time as decimal text."""
    given = usage.get("worker_seconds")
    if given is None:
        return ZERO
    try:
        seconds = Decimal(str(given))
    except InvalidOperation:
        return ZERO
    return seconds if seconds.is_finite() and seconds >= 0 else ZERO
