"""A request as it stands at its end, after every stage, for the audit benchmarks.

Three guards looked at it, three hard budgets paid for it, a tier was chosen for it:
the largest record that an ordinary request leaves.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from billing import PriceBook, Reservation, Usage
from billing.settlement import Hold
from core.clock import SystemClock
from core.ids import new_id
from gateway.audit import Journal, RequestRecord
from gateway.exchange import Exchange, GuardDecision, Timing
from gateway.records import (
    call_note,
    intent_body,
    price_usage,
    request_record,
    settlement_of,
)
from gateway.routing.targets import Route, Target
from gateway.settings import PolicySettings
from gateway.surfaces import ChatSurface
from gateway.telemetry.context import TraceContext
from gateway.tenants.keys import Principal
from gateway.tenants.limits import Limits

CLOCK = SystemClock()
BOOK = PriceBook.from_settings(
    [{"model": "sov-flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}]
)
_POLICY = PolicySettings()
_TARGET = Target("flash", "pool", "onprem", "sov-flash")
_ROUTE = Route(_TARGET, "easy chat request", trend="chat", score=0.2134)
_GUARDS = ("pii", "moderation", "injection")
_HOLDS = tuple(Hold(new_id("bp"), new_id("lease")) for _ in range(3))
_DIGEST = "sha256:" + "5e" * 32


@dataclass(frozen=True, slots=True)
class _Scope:
    """The part of a masking scope that the record reads."""

    counts: dict[str, int]


def make_exchange(number: int, tenant: str = "acme") -> Exchange:
    """A completed, streamed chat request."""
    now = CLOCK.now()
    exchange = Exchange(
        request_id=new_id("req"),
        surface=ChatSurface(),
        connection=cast(Any, None),
        started_at=now,
        timing=Timing(100.0, 100.001, 100.004, 100.005, 100.006, 100.1, 100.11, 101.2),
        trace=TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", None, "01"),
        policy=_POLICY,
        principal=_principal(tenant),
        body={"model": "auto", "messages": []},
        body_bytes=480,
        stream=True,
        end_user="eu_9f86d081884c7d659a2feaa0",
        targets=[_TARGET],
    )
    exchange.reservation = _reserve(exchange, now)
    exchange.decisions = [
        GuardDecision(name, "2.2.366+1", "allow", "input", "clean", "0.0123") for name in _GUARDS
    ]
    exchange.scope = cast(Any, _Scope({"PERSON": 1, "EMAIL_ADDRESS": 1}))
    exchange.route, exchange.called, exchange.head_sent = _ROUTE, True, True
    exchange.usage = Usage(input_tokens=120 + number % 50, output_tokens=80 + number % 90)
    exchange.finish_reason = "stop"
    exchange.price_version, exchange.currency = "pv_0123456789abcdef", "USD"
    exchange.cost_text = "0.000066"
    return exchange


def _principal(tenant: str) -> Principal:
    limits = Limits()
    return Principal(
        tenant=tenant,
        project_id="prj_01kb5m3q6v0000000000000000",
        key_id="key_01kb5m3q6v0000000000000000",
        key_name="bench",
        policy="default",
        limits=limits,
        tenant_limits=limits,
        tenant_active=True,
        expires_at=None,
    )


def _reserve(exchange: Exchange, at: datetime) -> Reservation:
    principal, _ = exchange.authenticated
    return Reservation(
        request_id=exchange.request_id,
        tenant=principal.tenant,
        project_id=principal.project_id,
        key_id=principal.key_id,
        amount=Decimal("0.01"),
        at=at,
        end_user=exchange.end_user,
        holds=_HOLDS,
    )


def write_intent(journal: Journal, exchange: Exchange) -> asyncio.Future[None]:
    """As ``Admit`` does; wait for it as ``Call`` does."""
    return journal.intent(exchange.request_id, intent_body(exchange))


def write_note(journal: Journal, exchange: Exchange) -> None:
    """As ``Call`` does."""
    journal.note(exchange.request_id, call_note(exchange))


async def write_outcome(journal: Journal, exchange: Exchange, settlement: Any) -> None:
    """As ``Settle`` does."""
    await journal.outcome(exchange.request_id, record_of(exchange), settlement)


def record_of(exchange: Exchange) -> RequestRecord:
    """The audit record."""
    return request_record(exchange, CLOCK, status=200, weights_digest=_DIGEST)


def settle(exchange: Exchange) -> Any:
    """The settlement, which money needs with or without an audit trail."""
    assert exchange.reservation is not None
    assert exchange.usage is not None
    reservation = exchange.reservation
    breakdown = price_usage(BOOK, _TARGET.model, reservation.at, exchange.usage, reservation.tenant)
    return settlement_of(exchange, breakdown)
