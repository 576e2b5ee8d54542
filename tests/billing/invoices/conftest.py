"""A tenant with a profile, requests at chosen instants and prices, and invoices of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage, run_check
from billing.invoices.document import InvoiceDocument
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.ledger.adjust import adjust
from billing.models import LedgerBalance
from billing.prices.exchange import ExchangeRates
from core.clock import ManualClock
from core.database import Database

SELLER = Seller(
    name="Sovereign AI GmbH",
    address="Hafenstrasse 1\n20457 Hamburg\nGermany",
    tax_id="DE123456789",
    email="billing@sovereign.example",
    payment="Bank: Musterbank, IBAN DE02 1203 0000 0000 2020 51, BIC BYLADEM1001",
    note="Registered at Amtsgericht Hamburg, HRB 12345",
)


def instant(text: str) -> datetime:
    """``2026-11-05 01:30`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Office:
    """Settles requests through the sink at a price book's prices, and invoices them."""

    database: Database
    clock: ManualClock
    book: PriceBook
    seller: Seller | None = SELLER
    numbers: Iterable[int] = field(default_factory=lambda: iter(range(1, 10**6)))

    @property
    def terms(self) -> InvoiceTerms:
        return InvoiceTerms(
            seller=self.seller,
            currency=self.book.currency,
            exchange=self._rates,
            project_names=self._names,
        )

    @property
    def invoices(self) -> InvoiceService:
        return InvoiceService(self.clock, self.terms)

    async def profile(self, tenant: str = "acme", **fields: Any) -> None:
        facts = {"legal_name": "Acme Ltd", "address": "1 High Street\nLondon", **fields}
        async with self.database.transaction() as session:
            profile = Profile(**facts)
            await put_profile(session, self.clock, tenant, profile, author="usr_1")

    def settlement(
        self,
        at: str,
        usage: Usage,
        *,
        model: str = "m",
        tenant: str = "acme",
        project: str = "prj_1",
        tier: str | None = "flash",
        batch: bool = False,
    ) -> Settlement:
        reservation = Reservation(
            request_id=f"req_{next(iter(self.numbers))}",
            tenant=tenant,
            project_id=project,
            key_id="key_1",
            amount=Decimal(0),
            at=instant(at),
        )
        cost = self.book.price(model, reservation.at, usage, tenant=tenant, batch=batch)
        return Settlement.settle(reservation, usage=usage, breakdown=cost, model=model, tier=tier)

    async def settle(self, *settlements: Settlement) -> None:
        async with self.database.transaction() as session:
            bodies = [settlement.to_json() for settlement in settlements]
            await LedgerSink(self.clock).apply(session, bodies)

    async def use(self, at: str, **counts: Any) -> Settlement:
        """A request of the model ``m`` with these tokens."""
        facts = {name: counts.pop(name) for name in ("model", "project") if name in counts}
        settlement = self.settlement(at, Usage(**counts), **facts)
        await self.settle(settlement)
        return settlement

    async def adjust(self, amount: str, **facts: Any) -> str:
        given = {"tenant": "acme", "reason": "agreed", "author": "usr_1", **facts}
        async with self.database.transaction() as session:
            return await adjust(session, self.clock, amount=amount, **given)

    def turn_to(self, at: str) -> None:
        self.clock.advance(instant(at) - self.clock.now())

    async def draft(self, month: str, tenant: str = "acme") -> InvoiceDocument:
        async with self.database.transaction() as session:
            return await self.invoices.draft(session, tenant, month, author="usr_1")

    async def issue(self, month: str, tenant: str = "acme", **options: Any) -> InvoiceDocument:
        """Draft and finalise."""
        draft = await self.draft(month, tenant)
        async with self.database.transaction() as session:
            return await self.invoices.finalise(
                session, tenant, draft.invoice.id, author="usr_1", **options
            )

    async def balances(self, tenant: str = "acme") -> dict[str, str]:
        """``receivable USD`` -> balance, those that are not 0."""
        from sqlalchemy import select

        async with self.database.session() as session:
            query = select(LedgerBalance).where(LedgerBalance.tenant == tenant)
            rows = list(await session.scalars(query))
        return {
            f"{row.account} {row.currency}": format(row.balance.normalize(), "f")
            for row in rows
            if row.balance
        }

    async def check(self) -> None:
        report = await run_check(self.database)
        assert report.ok, report.problems

    async def _rates(self, _session: Any) -> ExchangeRates:
        return self.book.exchange

    @staticmethod
    async def _names(_session: Any, _tenant: str) -> dict[str, str]:
        return {"prj_1": "Support", "prj_2": "Research"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 12, 1, 9, tzinfo=UTC))


def book(*prices: dict[str, Any], **more: Any) -> PriceBook:
    """A price book of settings; prices are per million tokens from 2026 on."""
    defaults = {"model": "m", "effective_from": "2026-01-01"}
    return PriceBook.from_settings([{**defaults, **price} for price in prices], more=more)


@pytest.fixture
def office(database: Database, clock: ManualClock) -> Office:
    """At plain prices: 2 USD a million input tokens, 8 USD a million output tokens."""
    return Office(database, clock, book({"input": "2", "cached_input": "0.5", "output": "8"}))
