"""Any mix of settlements, late arrivals, corrections, invoices and credit notes: every
charge stands on exactly one invoice, and nothing is lost or billed twice.

The model knows nothing of ids and months of lines: an invoice holds all charges that
were on none so far and that are dated before its month ends.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.errors import CreditTooLarge, InvoiceError, PeriodInvoiced
from billing.invoices.credits import credit
from billing.periods import PeriodKind, month_span, period_at
from core.clock import ManualClock
from core.database import Database
from core.money import EXACT, ZERO
from tests.billing.invoices.conftest import Office, book

_DAYS_BACK = st.integers(0, 75)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), _DAYS_BACK, st.integers(0, 10**7), st.integers(1, 2)),
        st.tuples(st.just("use"), _DAYS_BACK, st.integers(0, 10**7), st.integers(1, 2)),
        st.tuples(st.just("correct"), st.none() | _DAYS_BACK, st.integers(-500, 500)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("draft")),
        st.tuples(st.just("issue"), st.booleans()),
        st.tuples(st.just("issue"), st.booleans()),
        st.tuples(st.just("credit"), st.none() | st.integers(1, 2000)),
    ),
    min_size=14,
    max_size=26,
)
_NUMBERS: Iterator[int] = count(1)
_RATE = Decimal("0.913579")


class Books:
    """What the ledger and the invoices must say."""

    def __init__(self, office: Office, tenant: str) -> None:
        self.office = office
        self.tenant = tenant
        self.open: list[tuple[datetime, Decimal]] = []
        self.charged = self.invoiced = ZERO
        self.numbers: list[str] = []

    @property
    def now(self) -> datetime:
        return self.office.clock.now()

    def _charge(self, at: datetime, amount: Decimal) -> None:
        self.open.append((at, amount))
        self.charged = EXACT.add(self.charged, amount)

    async def use(self, days_back: int, tokens: int, project: int) -> None:
        from billing import Usage

        at = self.now - timedelta(days=days_back, minutes=1)
        settlement = self.office.settlement(
            at.replace(tzinfo=None).isoformat(),
            Usage(input_tokens=tokens, output_tokens=tokens // 7),
            tenant=self.tenant,
            project=f"prj_{project}",
        )
        await self.office.settle(settlement)
        self._charge(at, settlement.cost)

    async def correct(self, days_back: int | None, cents: int) -> None:
        at = None if days_back is None else self.now - timedelta(days=days_back)
        amount = Decimal(cents) / 100
        try:
            await self.office.adjust(str(amount), tenant=self.tenant, at=at)
        except PeriodInvoiced:
            return
        self._charge(at or self.now, amount)

    async def wait(self, days: int) -> None:
        self.office.clock.advance(timedelta(days=days))

    def _month(self) -> str:
        at = min((at for at, _ in self.open), default=self.now)
        return period_at(PeriodKind.MONTH, at).label

    async def draft(self) -> None:
        try:
            await self.office.draft(self._month(), self.tenant)
        except InvoiceError:
            return

    async def issue(self, force: bool) -> None:
        """The oldest month with open charges, else the month now: refusals are fine."""
        for month in (self._month(), period_at(PeriodKind.MONTH, self.now).label):
            try:
                document = await self.office.issue(month, self.tenant, force=force)
            except InvoiceError:
                continue
            end = month_span(month)[1]
            held = [(at, amount) for at, amount in self.open if at < end]
            self.open = [(at, amount) for at, amount in self.open if at >= end]
            subtotal = document.invoice.subtotal
            assert subtotal == sum((amount for _, amount in held), ZERO)
            self.invoiced = EXACT.add(self.invoiced, subtotal)
            self.numbers.append(document.invoice.number or "")

    async def credit(self, cents: int | None) -> None:
        if not self.numbers:
            return
        amount = None if cents is None else Decimal(cents) / 100
        try:
            async with self.office.database.transaction() as session:
                await credit(
                    session,
                    self.office.clock,
                    self.office.terms,
                    self.tenant,
                    self.numbers[-1],
                    reason="goodwill",
                    author="usr_1",
                    amount=amount,
                )
        except CreditTooLarge:
            return

    async def check(self) -> None:
        await self.office.check()
        balances = await self.office.balances(self.tenant)
        unbilled = Decimal(balances.get("unbilled USD", "0"))
        assert EXACT.add(self.invoiced, unbilled) == self.charged
        assert unbilled == sum((amount for _, amount in self.open), ZERO)
        assert "receivable USD" not in balances
        async with self.office.database.session() as session:
            documents = await self.office.invoices.of_tenant(session, self.tenant)
        owed = sum((each.total for each in documents if each.status == "final"), ZERO)
        assert Decimal(balances.get("receivable EUR", "0")) == owed


async def _play(url: str, steps: list[tuple[Any, ...]]) -> None:
    database = Database(url)
    prices = book(
        {"input": "1.37", "output": "8.123456"},
        exchange_rates=[
            {
                "currency": "USD",
                "quote": "EUR",
                "rate": str(_RATE),
                "effective_from": "2020-01-01",
            }
        ],
    )
    clock = ManualClock(datetime(2026, 11, 20, 12, tzinfo=UTC))
    numbers = iter(range(10**6 * next(_NUMBERS), 10**12))
    office = Office(database, clock, prices, numbers=numbers)
    tenant = f"tenant-{next(_NUMBERS)}"
    try:
        facts = {"currency": "EUR", "tax_label": "VAT", "tax_percent": Decimal("7.7")}
        await office.profile(tenant, **facts)
        books = Books(office, tenant)
        for name, *arguments in steps:
            await getattr(books, name)(*arguments)
            if name in ("issue", "credit"):
                await books.check()
        await books.check()
    finally:
        await database.dispose()


@pytest.mark.timeout(300)
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
def test_every_charge_stands_on_one_invoice(
    fresh_database: Callable[[], AbstractContextManager[str]],
    steps: list[tuple[Any, ...]],
) -> None:
    with fresh_database() as url:
        asyncio.run(_play(url, steps))
