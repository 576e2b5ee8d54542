"""The book that a running process charges by: fresh within moments, never gone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from billing import NewEntry, PriceStore, Usage
from billing.errors import InvalidPrice, UnpricedModel
from core.clock import ManualClock
from core.database import Database
from gateway.prices import PriceDesk, price_store, served_models, unpriced_models
from gateway.settings import parse_settings

FLASH = {"model": "flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}
DEAR = FLASH | {"effective_from": "2026-06-01", "input": "0.50"}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = parse_settings(
    {
        "upstreams": [
            {
                "name": "pool",
                "kind": "openai",
                "base_url": "http://127.0.0.1:1/v1",
                "zone": "onprem",
                "models": ["flash", "pro", "other"],
            }
        ],
        "prices": [FLASH | {"model": "pro"}],
        "price_book": {
            "aliases": [{"name": "other", "model": "pro", "effective_from": "2026-01-01"}]
        },
    }
)


@pytest.fixture
def store() -> PriceStore:
    return price_store(SETTINGS, ManualClock(NOW))


@pytest.fixture
async def desk(database: Database, store: PriceStore) -> AsyncIterator[PriceDesk]:
    """Its own look at the database never comes: tests call ``refresh``."""
    desk = await PriceDesk.open(database, store, interval_s=3600)
    yield desk
    await desk.close()


async def add(database: Database, store: PriceStore, body: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await store.add(session, [NewEntry("price", body)], author="ann")


def cost(desk: PriceDesk, model: str = "flash") -> Decimal:
    return desk.price(model, NOW, Usage(input_tokens=10**6)).total


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if done():
                return
            await asyncio.sleep(0.01)


async def test_an_added_price_holds_after_a_refresh(
    database: Database, store: PriceStore, desk: PriceDesk
) -> None:
    assert cost(desk, "other") == Decimal("0.15")
    with pytest.raises(UnpricedModel):
        cost(desk)
    await add(database, store, FLASH)
    held = desk.book
    await desk.refresh()
    assert cost(desk) == Decimal("0.15")
    assert desk.worst_case("flash", NOW, 10**6, 0) == Decimal("0.15")
    with pytest.raises(UnpricedModel):  # who holds a book sees one state
        held.version_for("flash", NOW)


async def test_without_a_change_the_book_stays_the_same(
    database: Database, store: PriceStore, desk: PriceDesk
) -> None:
    before = desk.book
    await desk.refresh()
    assert desk.book is before


async def test_another_process_notices_by_itself(database: Database, store: PriceStore) -> None:
    desk = await PriceDesk.open(database, store, interval_s=0.01)
    try:
        await add(database, store, FLASH)
        await until(lambda: any(version.model == "flash" for version in desk.versions))
    finally:
        await desk.close()


async def test_what_makes_no_book_leaves_the_last_one(
    database: Database, store: PriceStore, desk: PriceDesk
) -> None:
    await add(database, store, FLASH)
    await desk.refresh()
    async with database.transaction() as session:  # nobody could store this by the store
        await session.execute(
            text("UPDATE price_book_entries SET kind = 'markup', archived_at = created_at")
        )
    with pytest.raises(InvalidPrice):
        await desk.refresh()
    assert cost(desk) == Decimal("0.15")


async def test_while_the_database_is_away_the_last_book_goes_on(
    database: Database, store: PriceStore
) -> None:
    await add(database, store, FLASH)
    desk = await PriceDesk.open(database, store, interval_s=0.01)
    try:
        with capture_logs() as lines:
            async with database.transaction() as session:
                await session.execute(text("ALTER TABLE price_book_entries RENAME TO elsewhere"))
            await until(lambda: bool(lines))
            await asyncio.sleep(0.1)
        assert [line["event"] for line in lines] == ["prices.not_refreshed"]  # said once
        assert cost(desk) == Decimal("0.15")
        async with database.transaction() as session:
            await session.execute(text("ALTER TABLE elsewhere RENAME TO price_book_entries"))
        await add(database, store, DEAR)
        await until(lambda: cost(desk) == Decimal("0.5"))
    finally:
        await desk.close()


async def test_an_unpriced_model_is_in_the_log_once(desk: PriceDesk) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(UnpricedModel):
                desk.worst_case("flash", NOW, 1, 1)
    assert [(line["event"], line["model"]) for line in lines] == [("prices.unpriced", "flash")]


async def test_models_without_a_price_are_named(desk: PriceDesk) -> None:
    models = served_models(SETTINGS)
    assert models == ["flash", "other", "pro"]
    assert unpriced_models(models, desk.book, NOW) == ["flash"]
    assert unpriced_models(models, desk.book, datetime(2025, 1, 1, tzinfo=UTC)) == models
