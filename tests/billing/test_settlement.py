"""Settlements: nothing contradictory gets as far as the ledger."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from billing import Hold, PriceBook, Reservation, Settlement, Usage
from billing.errors import InvalidSettlement

_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
_VERSION = PriceBook.from_settings(
    [{"model": "m", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}]
).version_for("m", _AT)
_RESERVATION = Reservation(
    request_id="req_1",
    tenant="acme",
    project_id="prj_1",
    key_id="key_1",
    amount=Decimal("0.01"),
    at=_AT,
    holds=(Hold("bud_1/2026-11", "lea_1"),),
)


def _settled() -> Settlement:
    usage = Usage(input_tokens=1000, output_tokens=200)
    breakdown = _VERSION.cost(usage)
    return Settlement.settle(
        _RESERVATION, usage=usage, breakdown=breakdown, model="m", tier="flash"
    )


def test_json_and_back_through_text() -> None:
    for settlement in (_settled(), Settlement.release(_RESERVATION)):
        text = json.dumps(settlement.to_json())
        assert Settlement.from_json(json.loads(text)) == settlement
    text = json.dumps(_RESERVATION.to_json())
    assert Reservation.from_json(json.loads(text)) == _RESERVATION


def test_it_carries_what_finance_needs() -> None:
    body = _settled().to_json()
    assert (body["cost"], body["reserved"], body["at"]) == (
        "0.00027",
        "0.01",
        "2026-11-21T12:00:00.000000Z",
    )
    assert body["lines"][0] == {
        "name": "input",
        "quantity": "1000",
        "price": "0.15",
        "per": 1_000_000,
        "amount": "0.00015",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda s: {"cost": s.cost + Decimal("1E-18")},
        lambda s: {"price_version": None},
        lambda s: {"model": None},
        lambda s: {"lines": ()},
        lambda s: {"lines": s.lines[:1], "cost": s.lines[0].amount},
        lambda s: {"usage": Usage(input_tokens=1000, output_tokens=201)},
        lambda s: {"lines": (replace(s.lines[0], price=Decimal(1)), s.lines[1])},
        lambda s: {"outcome": "released"},
        lambda s: {"outcome": "lost"},
    ],
)
def test_contradictions_are_refused(change: Callable[[Settlement], dict[str, Any]]) -> None:
    settlement = _settled()
    with pytest.raises(InvalidSettlement):
        replace(settlement, **change(settlement))
