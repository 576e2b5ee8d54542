"""An invoice in euros over prices in dollars, with one charge of every kind; and a ledger."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage, adjust
from billing.focus.charge import Charge, ChargeKind, Priced, Statement
from billing.focus.columns import NAMES
from billing.focus.export import FocusExport, focus_months
from billing.focus.files import cell_text
from billing.focus.rows import RowMaker
from billing.invoices.credits import credit
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.periods import month_span
from billing.prices import ExchangeRate, RateFacts
from billing.prices.exchange import ExchangeRates
from billing.reading import snapshot
from core.clock import ManualClock
from core.database import Database

D = Decimal

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
    """They come to 1.19 euros: 0.15 + 0.36 + 0.06 + 0.005 - 0.005 + 0.4321 + 0.19 - 0.0021."""
    day = date(2026, 11, 4)
    of_use: dict[str, Any] = {
        "project_id": "prj_1",
        "model": "flash",
        "tier": "fast",
        "zone": "onprem",
    }
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


BOOK = PriceBook.from_settings(
    [
        {
            "model": "flash",
            "effective_from": "2026-01-01",
            "per": 1000,
            "input": "0.5",
            "cached_input": "0.05",
            "output": "2",
            "reasoning": "3",
            "worker_second": "0.01",
            "minimum": "0.25",
            "windows": [{"name": "peak", "hours": ["09:00-12:00"], "factor": "2"}],
        }
    ],
    more={"markups": [{"tenant": "acme", "percent": "10", "effective_from": "2026-01-01"}]},
)


async def _rates(_session: AsyncSession) -> ExchangeRates:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    rate = ExchangeRate(currency="USD", quote="EUR", rate=D("0.9"), effective_from=since)
    return ExchangeRates([rate])


TERMS = InvoiceTerms(seller=Seller(name="Example Operator", address="1 Street"), exchange=_rates)


class Ledger:
    """A database and the ways in which the tenant acme's money moves."""

    terms = TERMS

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock

    async def spend(self, request_id: str, at: str, usage: Usage, **facts: Any) -> None:
        await self.spend_all([(request_id, at, usage, facts)])

    async def spend_all(self, requests: Sequence[tuple[str, str, Usage, dict[str, Any]]]) -> None:
        bodies = [_settlement(*request).to_json() for request in requests]
        async with self.database.transaction() as session:
            await LedgerSink(self.clock).apply(session, bodies)

    async def adjust(self, amount: str, at: str, request_id: str | None = None) -> None:
        clock = ManualClock(datetime.fromisoformat(at))
        async with self.database.transaction() as session:
            await adjust(
                session,
                clock,
                tenant="acme",
                amount=amount,
                reason="Counted twice",
                author="finance",
                request_id=request_id,
            )

    async def profile(self, **fields: Any) -> None:
        async with self.database.transaction() as session:
            profile = Profile(legal_name="ACME Ltd", address="2 Street", **fields)
            await put_profile(session, self.clock, "acme", profile, author="finance")

    async def draft(self, month: str) -> str:
        async with self.database.transaction() as session:
            service = InvoiceService(self.clock, TERMS)
            return (await service.draft(session, "acme", month, author="finance")).invoice.id

    async def issue(self, month: str) -> str:
        name = await self.draft(month)
        async with self.database.transaction() as session:
            service = InvoiceService(self.clock, TERMS)
            document = await service.finalise(session, "acme", name, author="finance")
        assert document.invoice.number is not None
        return document.invoice.number

    async def credit(self, name: str, **what: Any) -> str:
        async with self.database.transaction() as session:
            document = await credit(
                session, self.clock, TERMS, "acme", name, author="finance", reason="Late", **what
            )
        assert document.invoice.number is not None
        return document.invoice.number

    async def month(self, month: str, tenant: str = "acme") -> FocusExport:
        async with snapshot(self.database) as session:
            return await focus_months(session, tenant, *month_span(month), TERMS)


def _settlement(request_id: str, at: str, usage: Usage, facts: dict[str, Any]) -> Settlement:
    tenant, project = facts.pop("tenant", "acme"), facts.pop("project_id", "prj_1")
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    reservation = Reservation(
        request_id=request_id,
        tenant=tenant,
        project_id=project,
        key_id="key_1",
        amount=D(0),
        at=instant,
    )
    breakdown = BOOK.price("flash", instant, usage, tenant=tenant)
    return Settlement.settle(reservation, usage=usage, breakdown=breakdown, model="flash", **facts)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, ManualClock(datetime(2026, 12, 2, 8, tzinfo=UTC)))
