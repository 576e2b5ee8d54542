"""What ``sovgate plan`` is given: a workload, prices and measurements, from texts or usage."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.planning.apis import PriceLookup
from billing.planning.plan import YOURS, Prices
from billing.planning.published import Basis, Throughput
from billing.planning.workload import (
    PEAK_SHARE,
    Workload,
    measured_workload,
    requests_a_day,
    stated_workload,
)
from core.money import EXACT, parse_amount
from gateway.errors import InvalidRequest

if TYPE_CHECKING:
    from gateway.settings import Settings


def stated(
    requests_per_day: Decimal | None,
    tokens_per_month: Decimal | None,
    peak_price_share: Decimal | None,
    **shape: Decimal,
) -> Workload:
    """A workload from the command's options; ``shape`` are ``stated_workload``'s."""
    if (requests_per_day is None) == (tokens_per_month is None):
        raise InvalidRequest(
            "Say how much: --requests-per-day, --tokens-per-month or --from-usage.",
            param="requests_per_day",
        )
    share = PEAK_SHARE if peak_price_share is None else peak_price_share
    one = stated_workload(requests_per_day=Decimal(1), peak_price_share=share, **shape)
    if requests_per_day is None:
        assert tokens_per_month is not None
        requests_per_day = requests_a_day(tokens_per_month, one)
    return stated_workload(requests_per_day=requests_per_day, peak_price_share=share, **shape)


def measured(
    settings: "Settings", month: str | None, tenant: str | None, models: Sequence[str]
) -> Workload:
    """A month of recorded usage; of the running month what there is, brought to a whole one."""
    from billing.periods import month_span
    from billing.planning.repository import hourly_usage
    from billing.reading import snapshot
    from core.database import Database

    if month is None:
        raise InvalidRequest("Say which month, such as --month 2026-11.", param="month")
    start, end = month_span(month)
    end = min(end, datetime.now(UTC))

    async def read() -> Workload:
        database = Database(settings.database.url)
        try:
            async with snapshot(database) as session:
                hours = await hourly_usage(session, tenant, start, end, models=models)
        finally:
            await database.dispose()
        who = f"tenant {tenant}" if tenant else "all tenants"
        return measured_workload(hours, start, end, f"usage of {who} in {month}")

    return asyncio.run(read())


def price_lookup(settings: "Settings") -> PriceLookup:
    """Today's prices in the price book, USD per million tokens; other currencies are left out."""
    from billing.errors import UnpricedModel
    from gateway.prices import price_book

    book, now = price_book(settings), datetime.now(UTC)

    def lookup(name: str) -> tuple[Decimal, Decimal, Decimal] | None:
        try:
            version = book.version_for(name, now)
        except UnpricedModel:
            return None
        if version.currency != "USD":
            return None

        def per_million(token_class: str) -> Decimal:
            price = EXACT.multiply(version.price(token_class), Decimal(10**6))
            return EXACT.divide(price, Decimal(version.unit(token_class)))

        return per_million("input"), per_million("cached_input"), per_million("output")

    return lookup


def prices(basis: str, device_hours: Sequence[str], overhead: Decimal) -> Prices:
    """``DEVICE=USD`` each."""
    if basis not in tuple(Basis):
        raise InvalidRequest("--basis is rental or ownership.", param="basis")
    own: dict[str, Decimal] = {}
    for text in device_hours:
        device, _, usd = text.partition("=")
        own[device] = parse_amount(usd)
    if overhead < 0 or any(usd <= 0 for usd in own.values()):
        raise InvalidRequest("Prices are more than 0 and the overhead is not negative.")
    return Prices(basis=Basis(basis), own=own, overhead=overhead)


def throughput(text: str) -> Throughput:
    """``MODEL:DEVICE=DEVICES:INPUT:OUTPUT``, the latter in tokens a second of one replica."""
    name, _, figures = text.partition("=")
    model, _, device = name.partition(":")
    parts = figures.split(":")
    if not device or len(parts) != 3 or not parts[0].isdecimal():
        raise InvalidRequest(
            f"--throughput {text!r} does not look like v4-flash:atlas-800-a2=8:9000:1100.",
            param="throughput",
        )
    devices, sent, written = int(parts[0]), parse_amount(parts[1]), parse_amount(parts[2])
    if min(devices, sent, written) <= 0:
        raise InvalidRequest("Devices and tokens a second are more than 0.", param="throughput")
    return Throughput(
        model=model,
        device=device,
        devices=devices,
        input_rate=sent,
        output_rate=written,
        source=YOURS,
    )
