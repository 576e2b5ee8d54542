"""A quarter of three tenants, entered as the gateway would, and exported as FOCUS files.

Peak and off-peak prices in yuan, long prompts, batches, cached and reasoning
tokens, worker-seconds, minimum charges, a mark-up, a tenant's own price, an alias;
corrections, late requests, invoices in two currencies with tax, credit notes.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage, adjust
from billing.focus.export import FocusExport, focus_months
from billing.invoices.credits import credit
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from billing.periods import month_span
from billing.prices import ExchangeRate
from billing.prices.exchange import ExchangeRates
from billing.reading import snapshot
from core.clock import ManualClock
from core.database import Database
from migrations.runner import upgrade

_SEED = 12
_REQUESTS = 600  # of a tenant and month
_BATCH = 200
_START = "2026-01-01"
_PRICES = [
    {
        "model": "deepseek-v4-flash",
        "currency": "CNY",
        "effective_from": _START,
        "input": "1.0",
        "cached_input": "0.02",
        "output": "2.0",
        "windows": [
            {
                "name": "peak",
                "hours": ["09:00-12:00", "14:00-18:00"],
                "timezone": "Asia/Shanghai",
                "days": ["mon", "tue", "wed", "thu", "fri"],
                "factor": "2",
            }
        ],
    },
    {
        "model": "large",
        "effective_from": _START,
        "input": "2.50",
        "cached_input": "0.25",
        "cache_write": "3.125",
        "output": "15",
        "embedding": "0.02",
        "guard": "0.10",
        "batch": "0.5",
        "minimum": "0.0005",
        "steps": [{"above": 272000, "factor": "2"}],
    },
    {"model": "large", "effective_from": "2026-11-16", "input": "2.25", "output": "12"},
    {"model": "own", "effective_from": _START, "input": "0", "output": "0"}
    | {"worker_second": "0.00042", "per": 1000},
    {"model": "own", "tenant": "nordwind", "effective_from": _START, "input": "0.001"}
    | {"output": "0.002", "worker_second": "0.0003", "per": 1000},
]
_MORE = {
    "exchange_rates": [{"currency": "CNY", "rate": "0.1391", "effective_from": _START}],
    "aliases": [{"name": "fast", "model": "deepseek-v4-flash", "effective_from": _START}],
    "markups": [{"tenant": "acme", "percent": "7.5", "effective_from": _START}],
}
_TENANTS = {
    "acme": {"currency": "EUR", "tax_label": "VAT", "tax_percent": Decimal(19)},
    "nordwind": {"currency": "USD"},
    "labs": {"currency": "CHF", "tax_label": "MWST", "tax_percent": Decimal("8.1")},
}
_RATES = {"EUR": "0.863714", "CHF": "0.7958"}


@dataclass(frozen=True)
class SampleFile:
    """One exported month."""

    name: str
    export: FocusExport
    csv: Path
    parquet: Path


async def sample_files(folder: Path) -> list[SampleFile]:
    """Fill a database in ``folder`` and write its months there."""
    database = Database(f"sqlite+aiosqlite:///{folder / 'sample.db'}")
    try:
        await upgrade(database)
        await _Quarter(database).run()
        return [
            await _export(database, folder, tenant, month)
            for tenant in _TENANTS
            for month in ("2026-10", "2026-11", "2026-12")
        ]
    finally:
        await database.dispose()


async def _export(database: Database, folder: Path, tenant: str, month: str) -> SampleFile:
    async with snapshot(database) as session:
        export = await focus_months(session, tenant, *month_span(month), _terms())
    name = f"{tenant}-{month}"
    file = SampleFile(name, export, folder / f"{name}.csv", folder / f"{name}.parquet")
    export.write(file.csv, "csv")
    export.write(file.parquet, "parquet")
    return file


class _Quarter:
    """What happens: October and November are invoiced, December is still open or a draft."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._random = random.Random(_SEED)
        self._book = PriceBook.from_settings(_PRICES, more=_MORE)
        self._numbers = iter(range(1, 10**9))

    async def run(self) -> None:
        for tenant, fields in _TENANTS.items():
            await self._profile(tenant, fields)
        for tenant in _TENANTS:
            await self._month(tenant, 10)
        october = {tenant: await self._issue(tenant, 10) for tenant in _TENANTS}
        await self._enter(self._requests("acme", 10, 40))  # too late for October's invoice
        for tenant in _TENANTS:
            await self._month(tenant, 11)
        await self._credit("acme", october["acme"], 11, amount=Decimal("0.05"))
        november = {tenant: await self._issue(tenant, 11) for tenant in ("acme", "labs")}
        for tenant in _TENANTS:
            await self._month(tenant, 12)
        await self._credit("labs", november["labs"], 12)
        await self._draft("acme", 12)

    async def _profile(self, tenant: str, fields: dict[str, Any]) -> None:
        profile = Profile(
            legal_name=f"{tenant.title()} Ltd",
            address="1 Example Street",
            cost_centres={f"prj_{tenant}_1": "CC-100", "*": "CC-900"},
            **fields,
        )
        clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
        async with self._database.transaction() as session:
            await put_profile(session, clock, tenant, profile, author="finance")

    async def _month(self, tenant: str, month: int) -> None:
        settlements = list(self._requests(tenant, month, _REQUESTS))
        await self._enter(iter(settlements))
        clock = ManualClock(datetime(2026, month, 27, 9, tzinfo=UTC))
        async with self._database.transaction() as session:
            for settlement in settlements[:3]:
                await adjust(
                    session,
                    clock,
                    tenant=tenant,
                    amount=Decimal("-0.0001"),
                    reason="Answer was cut short",
                    author="finance",
                    request_id=settlement.request_id,
                )

    async def _enter(self, settlements: Iterator[Settlement]) -> None:
        clock = ManualClock(datetime(2026, 12, 31, tzinfo=UTC))
        bodies = [settlement.to_json() for settlement in settlements]
        for at in range(0, len(bodies), _BATCH):
            async with self._database.transaction() as session:
                await LedgerSink(clock).apply(session, bodies[at : at + _BATCH])

    def _requests(self, tenant: str, month: int, count: int) -> Iterator[Settlement]:
        start = datetime(2026, month, 1, tzinfo=UTC)
        for _ in range(count):
            at = start + timedelta(seconds=self._random.randrange(30 * 86400))
            yield self._request(tenant, at)

    def _request(self, tenant: str, at: datetime) -> Settlement:
        chance = self._random
        model = chance.choice(["deepseek-v4-flash", "fast", "large", "large", "own"])
        usage = self._usage(model)
        reservation = Reservation(
            request_id=f"req_{next(self._numbers)}",
            tenant=tenant,
            project_id=f"prj_{tenant}_{chance.randint(1, 3)}",
            key_id="key_1",
            amount=Decimal(0),
            at=at,
        )
        batch = chance.random() < 0.1
        return Settlement.settle(
            reservation,
            usage=usage,
            breakdown=self._book.price(model, at, usage, tenant=tenant, batch=batch),
            model=model,
            tier=chance.choice(["fast", "deep", None]),
            zone="eu-central" if model == "own" else chance.choice(["eu-central", "cn-north"]),
            upstream=f"{model}-pool",
            trend=chance.choice(["code", "chat"]),
        )

    def _usage(self, model: str) -> Usage:
        chance = self._random
        if model == "own":
            seconds = Decimal(chance.randrange(1, 90_000_000)).scaleb(-6)
            return Usage(output_tokens=chance.randrange(2000), worker_seconds=seconds)
        if chance.random() < 0.05 and model == "large":
            return Usage(embedding_tokens=chance.randrange(1, 4000))
        long = chance.random() < 0.03
        return Usage(
            input_tokens=chance.randrange(272_001, 400_000) if long else chance.randrange(4000),
            cached_input_tokens=chance.choice([0, 0, 1024, 4096]),
            cache_write_tokens=chance.choice([0, 0, 0, 512]),
            output_tokens=chance.randrange(1500),
            reasoning_tokens=chance.choice([0, 0, chance.randrange(6000)]),
            guard_tokens=chance.choice([0, 300]) if model == "large" else 0,
        )

    async def _draft(self, tenant: str, month: int) -> str:
        service = InvoiceService(_after(month), _terms())
        async with self._database.transaction() as session:
            drafted = await service.draft(session, tenant, f"2026-{month}", author="finance")
        return drafted.invoice.id

    async def _issue(self, tenant: str, month: int) -> str:
        name = await self._draft(tenant, month)
        service = InvoiceService(_after(month), _terms())
        async with self._database.transaction() as session:
            issued = await service.finalise(session, tenant, name, author="finance")
        return issued.name

    async def _credit(self, tenant: str, name: str, month: int, **what: Any) -> None:
        clock = ManualClock(datetime(2026, month, 20, tzinfo=UTC))
        async with self._database.transaction() as session:
            await credit(
                session, clock, _terms(), tenant, name, reason="Outage", author="finance", **what
            )


def _after(month: int) -> ManualClock:
    return ManualClock(datetime(2026, month, 1, 8, tzinfo=UTC) + timedelta(days=32))


def _terms() -> InvoiceTerms:
    seller = Seller(name="Example Operator", address="2 Example Street")
    return InvoiceTerms(seller=seller, exchange=_exchange_rates)


async def _exchange_rates(_session: AsyncSession) -> ExchangeRates:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return ExchangeRates(
        ExchangeRate(currency="USD", quote=quote, rate=Decimal(rate), effective_from=since)
        for quote, rate in _RATES.items()
    )
