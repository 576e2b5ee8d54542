"""An invoice in euros over prices in dollars, with one charge of every kind."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.focus.charge import Charge, ChargeKind, Priced, Statement
from billing.focus.columns import NAMES
from billing.focus.files import cell_text
from billing.focus.rows import RowMaker
from billing.prices import RateFacts

PEAK = RateFacts(
    version="pv_1", model="flash", source_currency="USD", served="flash-0825", window="peak"
)


@pytest.fixture
def statement() -> Statement:
    return Statement(
        tenant="acme",
        account_name="ACME Ltd",
        start=datetime(2026, 11, 1, tzinfo=UTC),
        end=datetime(2026, 12, 1, tzinfo=UTC),
        invoice_id="INV-2026-0001",
        status="final",
        issuer="Example Operator",
        currency="EUR",
        pricing_currency="USD",
        exchange_rate=Decimal("0.5"),
        project_names={"prj_1": "Support"},
        cost_centres={"prj_1": "CC-7"},
    )


def _usage(meter: str, quantity: str, price: str, listed: str, per: int = 1_000_000) -> Charge:
    amount = Decimal(quantity) * Decimal(price) / per
    return Charge(
        kind=ChargeKind.USAGE,
        amount=amount,
        day=date(2026, 11, 3),
        project_id="prj_1",
        model="flash",
        tier="fast",
        zone="onprem",
        meter=meter,
        rate_id="pv_1.aa",
        facts=PEAK,
        priced=Priced(Decimal(quantity), Decimal(price), Decimal(listed), per),
    )


@pytest.fixture
def charges() -> list[Charge]:
    """They come to 1.19 euros: 0.15 + 0.36 + 0.06 + 0.005 - 0.005 + 0.4300 + 0.19."""
    day = date(2026, 11, 4)
    of_use = {"project_id": "prj_1", "model": "flash", "tier": "fast", "zone": "onprem"}
    return [
        _usage("input", "2000000", "0.15", "0.15"),
        _usage("output", "1200000", "0.60", "0.50"),
        _usage("worker_second", "12.5", "0.0096", "0.0096", per=1),
        Charge(
            kind=ChargeKind.MINIMUM,
            amount=Decimal("0.01"),
            day=day,
            meter="minimum_charge",
            rate_id="pv_1.aa",
            facts=PEAK,
            **of_use,
        ),
        Charge(
            kind=ChargeKind.ADJUSTMENT,
            amount=Decimal("-0.01"),
            day=day,
            corrects_earlier=True,
            reference="req_1",
            reason="Counted twice",
            **of_use,
        ),
        Charge(kind=ChargeKind.CREDIT, amount=Decimal("0.4321"), day=day, payable=True),
        Charge(kind=ChargeKind.TAX, amount=Decimal("0.19"), payable=True, label="VAT 19 %"),
        Charge(kind=ChargeKind.ROUNDING, amount=Decimal("-0.0021"), payable=True),
    ]


@pytest.fixture
def lines(statement: Statement, charges: list[Charge]) -> list[list[str]]:
    """The file of those charges as texts, the header first."""
    maker = RowMaker(statement)
    rows = [list(map(cell_text, maker.row(charge))) for charge in charges]
    return [list(NAMES), *rows]
