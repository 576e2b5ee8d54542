"""What is written down about a request whose process died, from what it journaled."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from billing import PriceBook, Reservation, Settlement
from core.clock import ManualClock
from gateway.audit import RequestRecord
from gateway.exchange import Exchange, Timing
from gateway.records import call_note, intent_body, interrupted, request_record
from gateway.routing.targets import Route, Target
from gateway.settings import PolicySettings
from gateway.surfaces import ChatSurface
from gateway.tenants.keys import Principal
from gateway.tenants.limits import Limits

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CLOCK = ManualClock(NOW)
PRICES = PriceBook.from_settings(
    [{"model": "m", "effective_from": "2026-01-01", "input": "1", "output": "1"}]
)
TARGET = Target("flash", "pool", "onprem", "m")


@pytest.fixture
def exchange() -> Exchange:
    limits = Limits()
    exchange = Exchange(
        request_id="req_1",
        surface=ChatSurface(),
        connection=cast(Any, None),
        started_at=NOW,
        timing=Timing(1.0),
        principal=Principal("acme", "prj_1", "key_1", "key", "default", limits, limits, True, None),
        policy=PolicySettings(),
        body={"model": "auto"},
        body_bytes=40,
        targets=[TARGET],
        end_user="eu_1",
    )
    exchange.reservation = Reservation(
        request_id="req_1",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal("0.1"),
        at=NOW,
    )
    return exchange


def journaled(body: Any) -> Any:
    """As a successor reads it."""
    return msgspec.json.decode(msgspec.json.encode(body))


def test_before_the_call_everything_is_released(exchange: Exchange) -> None:
    audit, settlement = interrupted(
        journaled(intent_body(exchange)), None, prices=PRICES, clock=CLOCK
    )
    assert set(audit) == set(RequestRecord.__struct_fields__), "a record has all its fields"
    expected = {**request_record(exchange, CLOCK, status=None).to_dict(), "outcome": "interrupted"}
    assert audit == expected
    assert Settlement.from_json(journaled(settlement)).outcome == "released"


def test_an_intent_that_holds_a_whole_record_is_still_read(exchange: Exchange) -> None:
    record = request_record(exchange, CLOCK, status=None).to_dict()
    whole = journaled({**intent_body(exchange), "audit": record})
    brief = journaled(intent_body(exchange))
    assert interrupted(whole, None, prices=PRICES, clock=CLOCK) == interrupted(
        brief, None, prices=PRICES, clock=CLOCK
    )


def test_after_the_call_the_prompt_is_billed_by_estimate(exchange: Exchange) -> None:
    exchange.route = Route(TARGET, "easy", trend="chat", score=0.5)
    intent, call = journaled(intent_body(exchange)), journaled(call_note(exchange))
    audit, body = interrupted(intent, call, prices=PRICES, clock=CLOCK)
    settlement = Settlement.from_json(journaled(body))
    assert (audit["upstream"], audit["model"], audit["zone"]) == ("pool", "m", "onprem")
    assert audit["tokens"]["estimated"] is True
    assert (settlement.outcome, settlement.ended) == ("settled", "interrupted")
    assert settlement.cost == Decimal(audit["cost"]) > 0
