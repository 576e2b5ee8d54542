"""Price book entries in the database: what is taken, what is refused, what counts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import NewEntry, PriceStore, Usage, load_book
from billing.errors import (
    InvalidPrice,
    MixedCurrencies,
    NamedInFile,
    NoExchangeRate,
    OverlappingPrices,
    UnknownPriceEntry,
    UnpricedModel,
)
from billing.prices.entries import BookEntry, Catalogue, Sections, body_of, parse_item
from billing.prices.repository import Revision, revision
from core.clock import ManualClock
from core.database import Database

FLASH = {"model": "flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}
YUAN = {"model": "yuan", "currency": "CNY", "effective_from": "2026-01-01"}
YUAN |= {"input": "1", "output": "4"}
RATE = {"currency": "CNY", "rate": "0.14", "effective_from": "2026-01-01"}
CALENDAR = {"name": "closed", "dates": ["2026-12-24"]}
PEAK = FLASH | {
    "model": "peak",
    "windows": [{"name": "day", "hours": ["09:00-18:00"], "holidays": "closed", "factor": "2"}],
}


@dataclass
class Shelf:
    """A store and the transactions around it."""

    database: Database
    clock: ManualClock
    sections: Sections

    @property
    def store(self) -> PriceStore:
        return PriceStore(self.sections, self.clock)

    async def add(self, *entries: tuple[str, Mapping[str, Any]], **options: Any) -> list[BookEntry]:
        new = [NewEntry(kind, body) for kind, body in entries]
        async with self.database.transaction() as session:
            change = await self.store.add(session, new, author="ann", **options)
        assert [entry.id for entry in change.archived] == list(options.get("replaces", []))
        return list(change.added)

    async def archive(self, entry: BookEntry) -> BookEntry:
        assert entry.id is not None
        async with self.database.transaction() as session:
            return await self.store.archive(session, entry.id, author="bob")

    async def load(self) -> Catalogue:
        async with self.database.session() as session:
            return await self.store.load(session)

    async def states(self, *entries: BookEntry) -> list[str]:
        """Of these entries, or of all of them."""
        catalogue, ids = await self.load(), [entry.id for entry in entries]
        now = self.clock.now()
        if not ids:
            return [catalogue.state(entry, now).value for entry in catalogue.entries]
        known = {entry.id: catalogue.state(entry, now).value for entry in catalogue.entries}
        return [known[entry_id] for entry_id in ids]

    async def cost(self, model: str, **options: Any) -> Decimal:
        """Of a million input tokens now."""
        book = (await self.load()).book
        return book.price(model, self.clock.now(), Usage(input_tokens=10**6), **options).total


@pytest.fixture
def shelf(database: Database, clock: ManualClock) -> Shelf:
    return Shelf(database, clock, {})


async def test_entries_of_every_kind_come_back_as_they_were_meant(shelf: Shelf) -> None:
    bodies: list[tuple[str, dict[str, Any]]] = [
        (
            "price",
            PEAK | {"minimum": "0.001", "batch": "0.5", "steps": [{"above": 9, "input": "1"}]},
        ),
        ("price", YUAN | {"tenant": "acme", "served": "Yuan-3", "effective_to": "2027-01-01"}),
        ("exchange_rate", RATE | {"source": "a bank"}),
        ("alias", {"name": "fast", "model": "peak", "effective_from": "2026-02-01"}),
        ("calendar", CALENDAR | {"country": "CN", "working_days": ["2026-10-01"]}),
        ("markup", {"percent": "12.5", "tenant": "acme", "effective_from": "2026-01-01"}),
    ]
    added = await shelf.add(*bodies, reason="opening")
    entries = (await shelf.load()).entries
    assert {entry.id: entry for entry in entries} == {entry.id: entry for entry in added}
    for (kind, body), entry in zip(bodies, added, strict=True):
        assert entry.item == parse_item(kind, body) == parse_item(kind, body_of(entry.item))
        assert (entry.kind, entry.author, entry.reason) == (kind, "ann", "opening")
        assert entry.created_at == shelf.clock.now()
    assert entries[0].to_json()["source"] == "database"


async def test_a_later_version_ends_an_open_one(shelf: Shelf) -> None:
    [old] = await shelf.add(("price", FLASH))
    [new] = await shelf.add(("price", FLASH | {"effective_from": "2026-12-01", "input": "0.20"}))
    assert await shelf.states(old, new) == ["in_force", "future"]
    assert await shelf.cost("flash") == Decimal("0.15")
    shelf.clock.advance(timedelta(days=10))  # 2026-12-01
    assert await shelf.states(old, new) == ["ended", "in_force"]
    assert await shelf.cost("flash") == Decimal("0.2")


REFUSED: list[tuple[type[Exception], list[tuple[str, dict[str, Any]]]]] = [
    (OverlappingPrices, [("price", FLASH), ("price", FLASH | {"input": "9"})]),
    (InvalidPrice, [("price", PEAK)]),  # no such calendar
    (MixedCurrencies, [("price", YUAN)]),
    # There is a rate, but none that holds now.
    (NoExchangeRate, [("price", YUAN), ("exchange_rate", RATE | {"effective_from": "2027-01-01"})]),
    (InvalidPrice, [("price", FLASH), ("discount", {})]),
    (InvalidPrice, [("price", FLASH | {"input": 0.15})]),
    (OverlappingPrices, [("calendar", CALENDAR), ("calendar", CALENDAR)]),
    (OverlappingPrices, [("exchange_rate", RATE), ("exchange_rate", RATE | {"rate": "2"})]),
]


@pytest.mark.parametrize(("error", "entries"), REFUSED)
async def test_what_leaves_no_valid_book_is_refused_as_a_whole(
    shelf: Shelf, error: type[Exception], entries: list[tuple[str, dict[str, Any]]]
) -> None:
    with pytest.raises(error):
        await shelf.add(*entries)
    assert (await shelf.load()).entries == ()


async def test_a_rate_may_come_with_the_price_that_needs_it(shelf: Shelf) -> None:
    await shelf.add(("price", YUAN), ("exchange_rate", RATE))
    assert await shelf.cost("yuan") == Decimal("0.14")


async def test_what_another_entry_needs_is_not_archived(shelf: Shelf) -> None:
    rate, calendar, old, *others = await shelf.add(
        ("exchange_rate", RATE | {"effective_from": "2026-10-01"}),
        ("calendar", CALENDAR),
        ("exchange_rate", RATE | {"effective_from": "2026-01-01"}),
        ("price", YUAN),
        ("price", PEAK),
    )
    with pytest.raises(InvalidPrice, match="closed"):
        await shelf.archive(calendar)
    await shelf.archive(rate)
    with pytest.raises(MixedCurrencies):
        await shelf.archive(old)
    assert await shelf.states(rate, calendar, old, *others) == ["archived", *["in_force"] * 4]


async def test_the_last_rate_that_holds_is_not_archived(shelf: Shelf) -> None:
    now, _, _ = await shelf.add(
        ("exchange_rate", RATE),
        ("exchange_rate", RATE | {"effective_from": "2027-01-01"}),
        ("price", YUAN),
    )
    with pytest.raises(NoExchangeRate):
        await shelf.archive(now)


async def test_archiving_takes_an_entry_out_and_says_who_did(shelf: Shelf) -> None:
    [entry] = await shelf.add(("price", FLASH))
    archived = await shelf.archive(entry)
    assert (archived.archived_by, archived.archived_at) == ("bob", shelf.clock.now())
    assert (await shelf.load()).entries == (archived,)
    with pytest.raises(UnpricedModel):
        await shelf.cost("flash")
    with pytest.raises(UnknownPriceEntry):
        await shelf.archive(entry)


async def test_a_correction_replaces_at_once(shelf: Shelf) -> None:
    [wrong] = await shelf.add(("price", FLASH | {"input": "15"}))
    [right] = await shelf.add(("price", FLASH), replaces=[wrong.id])
    assert await shelf.states(wrong, right) == ["archived", "in_force"]
    assert await shelf.cost("flash") == Decimal("0.15")
    with pytest.raises(UnknownPriceEntry):
        await shelf.add(("price", FLASH), replaces=[wrong.id])


async def test_the_file_alone_decides_about_what_it_names(shelf: Shelf) -> None:
    added = await shelf.add(
        ("price", FLASH),
        ("price", FLASH | {"tenant": "acme", "input": "0.10"}),
        ("price", FLASH | {"effective_from": "2026-11-01", "input": "0.30"}),
        ("alias", {"name": "fast", "model": "flash", "effective_from": "2026-01-01"}),
        ("markup", {"percent": "10", "tenant": "globex", "effective_from": "2026-01-01"}),
    )
    shelf.sections = {
        "prices": [FLASH | {"input": "0.50", "effective_from": "2026-06-01"}],
        "markups": [{"percent": "100", "tenant": "globex", "effective_from": "2026-01-01"}],
    }
    # Its price of the model shadows both list prices of the database, and its mark-up the
    # other one, but not the tenant's own price.
    expected = ["shadowed", "in_force", "shadowed", "in_force", "shadowed"]
    assert await shelf.states(*added) == expected
    assert await shelf.cost("fast") == Decimal("0.5")
    assert await shelf.cost("flash", tenant="acme") == Decimal("0.1")
    assert await shelf.cost("flash", tenant="globex") == Decimal("1")
    with pytest.raises(NamedInFile, match="price of model flash"):
        await shelf.add(("price", FLASH | {"effective_from": "2027-01-01"}))


async def test_an_entry_may_stand_on_what_the_file_names(shelf: Shelf) -> None:
    shelf.sections = {"calendars": [CALENDAR], "exchange_rates": [RATE]}
    await shelf.add(("price", PEAK), ("price", YUAN))
    async with shelf.database.session() as session:
        book = await load_book(session, shelf.sections, shelf.clock)
    assert {version.model for version in book.versions} == {"peak", "yuan"}
    async with shelf.database.session() as session:
        with pytest.raises(InvalidPrice):
            await load_book(session, {}, shelf.clock)


async def test_each_change_makes_another_revision(shelf: Shelf) -> None:
    async def current() -> Revision:
        async with shelf.database.session() as session:
            return await revision(session)

    empty = await current()
    [entry] = await shelf.add(("price", FLASH))
    added = await current()
    await shelf.archive(entry)
    assert len({empty, added, await current()}) == 3


async def test_of_two_that_add_the_same_at_once_one_is_refused(shelf: Shelf) -> None:
    results = await asyncio.gather(
        *(shelf.add(("price", FLASH)) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, OverlappingPrices) for result in results) == 3
    assert await shelf.states() == ["in_force"]


async def test_a_version_of_the_past_prices_the_past(shelf: Shelf) -> None:
    await shelf.add(("price", FLASH))
    await shelf.add(("price", FLASH | {"effective_from": "2026-11-01", "input": "0.30"}))
    book = (await shelf.load()).book
    october = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    assert book.price("flash", october, Usage(input_tokens=10**6)).total == Decimal("0.15")
