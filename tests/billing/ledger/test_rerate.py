"""Re-rating: entries of the difference, once, with the budgets and accounts that they move."""

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
from msgspec.structs import replace
from sqlalchemy import select

from billing import PriceBook, Reservation, Settlement, Usage, adjust
from billing.errors import InvalidReport
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.ledger.rerate import rerate
from billing.ledger.rerating_report import RerateReport
from billing.models import LedgerEntry, PriceRate, PriceUnit
from billing.prices import UNPRICED, CostBreakdown, CostLine
from billing.prices.hits import hit_cost
from core.clock import ManualClock
from core.database import Database

_NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
_AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
_NUMBERS: Iterator[int] = count(1)


def _book(price: str, *, others: tuple[str, ...] = (), **more: Any) -> PriceBook:
    """``small`` at a price per million tokens of any kind, and others at 1."""
    models = {"small": price} | dict.fromkeys(others, "1")
    return PriceBook.from_settings(
        [
            {
                "model": model,
                "effective_from": "2026-01-01",
                "input": amount,
                "output": amount,
                **(more if model == "small" else {}),
            }
            for model, amount in models.items()
        ]
    )


def _settlement(
    book: PriceBook,
    tokens: int,
    model: str = "small",
    *,
    tenant: str = "acme",
    batch: bool = False,
    hit_share: str | None = None,
) -> Settlement:
    number = next(_NUMBERS)
    reservation = Reservation(
        request_id=f"req_{number}",
        tenant=tenant,
        project_id="prj_1",
        key_id="key_1",
        amount=Decimal(1),
        at=_AT + timedelta(seconds=number),
        organisation="group",
    )
    usage = Usage(input_tokens=tokens)
    if model == UNPRICED:
        line = CostLine("input", Decimal(tokens), Decimal(0), 1, Decimal(0))
        return Settlement.settle(
            reservation,
            usage=usage,
            breakdown=CostBreakdown(UNPRICED, "USD", (line,)),
            model="new-model",
        )
    breakdown = book.price(model, reservation.at, usage, batch=batch)
    if hit_share is not None:
        breakdown = hit_cost(breakdown, Decimal(hit_share))
    return Settlement.settle(reservation, usage=usage, breakdown=breakdown, model=model)


async def _rerate(stage: Any, book: PriceBook, **options: Any) -> RerateReport:
    tenant = options.pop("tenant", "acme")
    facts: dict[str, Any] = {"author": "finance@example.com"} | options
    return await rerate(stage.database, stage.clock, book, tenant, *_NOVEMBER, **facts)


async def _reratings(database: Database) -> list[LedgerEntry]:
    query = select(LedgerEntry).where(LedgerEntry.kind == "adjustment").order_by(LedgerEntry.id)
    async with database.session() as session:
        return list(await session.scalars(query))


async def test_a_corrected_price_enters_the_difference_once(stage: Any, database: Database) -> None:
    """1000 and 3000 tokens, 0.50 a million instead of 0.30: 0.0002 and 0.0006 more."""
    await stage.budget("10")
    await stage.budget("10", scope="project", scope_id="prj_1", period="day")
    wrong, right = _book("0.30"), _book("0.50")
    first, second = _settlement(wrong, 1000), _settlement(wrong, 3000)
    await stage.drain(first, second)
    report = await _rerate(stage, right)
    rates = (wrong.versions[0].id, right.versions[0].id)
    (line,) = report.lines
    assert (line.model, line.old_rate, line.new_rate, line.requests) == ("small", *rates, 2)
    assert (line.before, line.after) == (Decimal("0.0012"), Decimal("0.002"))
    assert (report.examined, report.entries, report.difference) == (2, 2, Decimal("0.0008"))
    entries = await _reratings(database)
    assert [(e.reference, e.amount, e.at, e.author) for e in entries] == [
        (first.request_id, Decimal("0.0002"), first.at, "finance@example.com"),
        (second.request_id, Decimal("0.0006"), second.at, "finance@example.com"),
    ]
    assert {e.reason for e in entries} == {f"re-rated: {rates[0]} -> {rates[1]}"}
    assert {e.organisation for e in entries} == {"group"}
    month, day = (await stage.check()).budgets
    assert (month.spent, day.spent) == (Decimal("0.002"), Decimal("0.002"))
    again = await _rerate(stage, right)
    assert (again.examined, again.entries, again.lines) == (2, 0, [])
    assert await database_has_rate(database, rates[1])


async def database_has_rate(database: Database, rate: str) -> bool:
    async with database.session() as session:
        known = await session.get(PriceRate, rate)
        unit = await session.get(PriceUnit, (rate, "input"))
    return known is not None and unit is not None and unit.price == Decimal("0.5")


async def test_there_and_back_and_there_again(stage: Any, database: Database) -> None:
    low, high = _book("0.30"), _book("0.50")
    await stage.drain(_settlement(low, 10**6))
    for book in (high, low, high):
        assert (await _rerate(stage, book)).entries == 1
    entries = await _reratings(database)
    assert [e.amount for e in entries] == [Decimal("0.2"), Decimal("-0.2"), Decimal("0.2")]
    ids = (low.versions[0].id, high.versions[0].id)
    assert [e.reason for e in entries] == [
        f"re-rated: {ids[0]} -> {ids[1]}",
        f"re-rated: {ids[1]} -> {ids[0]}",
        f"re-rated: {ids[0]} -> {ids[1]}",
    ]
    assert len({e.request_id for e in entries}) == 3
    await stage.check()


async def test_a_hit_of_the_cache_keeps_its_share(stage: Any, database: Database) -> None:
    """A million tokens at a quarter of 0.30, and at nothing; then 0.50 instead of 0.30."""
    low, high = _book("0.30"), _book("0.50")
    quarter = _settlement(low, 10**6, hit_share="0.25")
    await stage.drain(quarter, _settlement(low, 10**6, hit_share="0"))
    assert (await _rerate(stage, low)).entries == 0
    assert (await _rerate(stage, high)).entries == 1
    entries = await _reratings(database)
    assert [(e.reference, e.amount) for e in entries] == [(quarter.request_id, Decimal("0.05"))]
    assert (await _rerate(stage, high)).entries == 0
    await stage.check()


async def test_a_dry_run_says_the_same_and_writes_nothing(stage: Any, database: Database) -> None:
    low, high = _book("0.30"), _book("0.50")
    await stage.drain(_settlement(low, 10**6))
    dry = await _rerate(stage, high, dry_run=True)
    assert (dry.entries, await _reratings(database)) == (0, [])
    wet = await _rerate(stage, high)
    assert dry.lines == wet.lines
    assert dry.to_json() == wet.to_json() | {"dry_run": True, "entries": 0}
    assert [len(row) for row in wet.table().rows] == [len(wet.table().columns)]


async def test_what_had_no_price_gets_one_where_there_is_one_now(
    stage: Any, database: Database
) -> None:
    book = _book("0.30")
    await stage.drain(_settlement(book, 10**6, UNPRICED), _settlement(book, 10**6))
    report = await _rerate(stage, book)
    assert (report.entries, report.unpriced) == (0, {"new-model": 1})
    report = await _rerate(stage, _book("0.30", others=("new-model",)))
    assert (report.entries, report.unpriced, report.difference) == (1, {}, Decimal(1))
    (line,) = report.lines
    assert (line.model, line.old_rate) == ("new-model", UNPRICED)
    await stage.check()


async def test_a_persons_correction_is_left_alone(stage: Any, database: Database) -> None:
    low, high = _book("0.30"), _book("0.50")
    settlement = _settlement(low, 10**6)
    await stage.drain(settlement)
    async with database.transaction() as session:
        await adjust(
            session,
            stage.clock,
            tenant="acme",
            amount="-0.1",
            reason="re-rated: by hand -> somehow",
            author="finance@example.com",
            request_id=settlement.request_id,
        )
    assert (await _rerate(stage, high)).difference == Decimal("0.2")
    assert (await _rerate(stage, high)).entries == 0


async def test_an_invoiced_month_is_corrected_in_the_running_one(
    stage: Any, database: Database
) -> None:
    await stage.budget("10", period="month")
    low, high = _book("0.30"), _book("0.50")
    await stage.drain(_settlement(low, 10**6), _settlement(low, 2 * 10**6))
    stage.clock.advance(timedelta(days=20))
    seller = Seller(name="Seller", address="Street 1")
    invoices = InvoiceService(stage.clock, InvoiceTerms(seller=seller))
    async with database.transaction() as session:
        buyer = Profile(legal_name="Acme Ltd", address="Street 2")
        await put_profile(session, stage.clock, "acme", buyer, author="finance")
        november = await invoices.draft(session, "acme", "2026-11", author="finance")
        await invoices.finalise(session, "acme", november.invoice.id, author="finance")
    await _rerate(stage, high)
    assert {entry.at for entry in await _reratings(database)} == {stage.clock.now()}
    (budget,) = (await stage.check()).budgets
    assert (budget.period_id[-7:], budget.spent) == ("2026-12", Decimal("0.6"))
    async with database.transaction() as session:
        december = await invoices.preview(session, "acme", "2026-12")
    (line,) = december.lines  # both requests in one
    assert (line.amount, december.invoice.subtotal) == (Decimal("0.6"), Decimal("0.6"))


async def test_only_the_tenant_the_span_and_the_model_asked_for(
    stage: Any, database: Database
) -> None:
    low = _book("0.30", others=("other",))
    high = _book("0.50")
    await stage.drain(
        _settlement(low, 10**6),
        _settlement(low, 10**6, "other"),
        _settlement(low, 10**6, tenant="globex"),
    )
    report = await _rerate(stage, _book("0.50", others=("other",)), model="other")
    assert (report.examined, report.entries) == (1, 0)
    report = await _rerate(stage, high, model="small")
    assert (report.examined, report.entries) == (1, 1)
    async with database.session() as session:
        tenants = await session.scalars(
            select(LedgerEntry.tenant).where(LedgerEntry.kind == "adjustment")
        )
        assert list(tenants) == ["acme"]
    start, end = _NOVEMBER
    with pytest.raises(InvalidReport):
        await rerate(database, stage.clock, high, "acme", end, start, author="finance")


async def test_batch_traffic_stays_batch_traffic(stage: Any) -> None:
    """Half of 0.30, then half of 0.50."""
    await stage.drain(_settlement(_book("0.30", batch="0.5"), 10**6, batch=True))
    report = await _rerate(stage, _book("0.50", batch="0.5"))
    assert (report.lines[0].before, report.difference) == (Decimal("0.15"), Decimal("0.1"))


async def test_costs_in_another_currency_are_refused(stage: Any, database: Database) -> None:
    euros = replace(_settlement(_book("0.30"), 10**6), currency="EUR")
    await stage.drain(euros)
    with pytest.raises(InvalidReport, match="costs in EUR"):
        await _rerate(stage, _book("0.50"))


async def _play(url: str, stage_of: Any, tokens: list[int], prices: list[int]) -> None:
    database, tenant = Database(url), f"tenant-{next(_NUMBERS)}"
    stage = stage_of(database, ManualClock(_AT + timedelta(days=1)))
    try:
        await stage.budget("100", tenant, period="total")
        first = _book("0.30")
        await stage.drain(*(_settlement(first, number, tenant=tenant) for number in tokens))
        for price in prices:
            book = _book(str(price))
            await _rerate(stage, book, tenant=tenant)
            spent = {one.tenant: one.spent for one in (await stage.check()).budgets}
            assert spent.get(tenant, 0) == Decimal(price) * sum(tokens) / 10**6
    finally:
        await database.dispose()


@pytest.mark.timeout(300)
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    tokens=st.lists(st.integers(0, 10**6), min_size=1, max_size=6),
    prices=st.lists(st.integers(0, 3), min_size=1, max_size=5),
)
def test_after_any_re_ratings_the_last_book_counts(
    fresh_database: Callable[[], AbstractContextManager[str]],
    stage_of: Any,
    tokens: list[int],
    prices: list[int],
) -> None:
    with fresh_database() as url:
        asyncio.run(_play(url, stage_of, tokens, prices))
