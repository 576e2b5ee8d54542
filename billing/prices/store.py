"""Price book entries in the database: added and archived, never changed.

Nothing is stored that would leave a book in which something is missing or holds
twice. Knows neither who calls nor how they are told.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import NamedInFile, NoExchangeRate, UnknownPriceEntry
from billing.locks import lock_price_book
from billing.models import PriceBookEntry
from billing.prices import repository
from billing.prices.book import PriceBook
from billing.prices.entries import (
    BookEntry,
    Catalogue,
    Kind,
    Sections,
    Source,
    body_of,
    entries_of,
    parse_item,
)
from billing.prices.version import PriceVersion
from core.clock import Clock
from core.ids import new_id


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What somebody wants to add: a body as in the settings."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BookChange:
    """What one change did."""

    added: tuple[BookEntry, ...]
    archived: tuple[BookEntry, ...]


class PriceStore:
    """The price book of one deployment.

    Args:
        sections: what the settings file holds; it wins (see ``entries``).
        currency: the ledger's.

    Raises:
        InvalidPrice: the file's part is not valid by itself where it says it all.
    """

    def __init__(self, sections: Sections, clock: Clock, *, currency: str = "USD") -> None:
        self._of_file = entries_of(sections)
        self._clock = clock
        self._currency = currency

    async def load(self, session: AsyncSession) -> Catalogue:
        """Everything there is, and the book that it makes.

        Raises:
            InvalidPrice: file and database together make no valid book.
        """
        rows = await repository.all_entries(session)
        # Thousands of entries take a while: not in the event loop.
        return await asyncio.to_thread(self._build, rows)

    async def add(
        self,
        session: AsyncSession,
        additions: Sequence[NewEntry],
        *,
        author: str,
        reason: str | None = None,
        replaces: Collection[str] = (),
    ) -> BookChange:
        """Store all of them or none, in the caller's transaction.

        Args:
            replaces: ids of entries to archive for them, at once.

        Raises:
            InvalidPrice: one is no valid entry, or the book would not be valid.
            NamedInFile: the file decides about the subject of one.
            NoExchangeRate: a price would have no rate into the ledger's currency.
            UnknownPriceEntry: there is nothing to replace under an id.
        """
        added = [self._entry(addition, author, reason) for addition in additions]
        archived = await self._change(session, added, replaces, author)
        session.add_all(_row(entry) for entry in added)
        await session.flush()
        return BookChange(tuple(added), tuple(archived))

    async def archive(self, session: AsyncSession, entry_id: str, *, author: str) -> BookEntry:
        """Take an entry out of the book; what was billed by it stays as it is.

        Raises:
            UnknownPriceEntry: no such entry, or archived already.
            InvalidPrice, NoExchangeRate: another entry needs it.
        """
        [archived] = await self._change(session, [], [entry_id], author)
        await session.flush()
        return archived

    async def _change(
        self,
        session: AsyncSession,
        added: Sequence[BookEntry],
        archived_ids: Collection[str],
        author: str,
    ) -> list[BookEntry]:
        """Check the book that would be, and only then archive; returns what was archived."""
        await lock_price_book(session)
        rows = {row.id: row for row in await repository.all_entries(session)}
        for entry_id in archived_ids:
            if entry_id not in rows or rows[entry_id].archived_at is not None:
                raise UnknownPriceEntry(
                    "There is no such entry, or it is archived already; list them for their ids.",
                    param="entry_id",
                )
        now = self._clock.now()
        archived = await asyncio.to_thread(
            self._checked, list(rows.values()), added, archived_ids, now, author
        )
        for entry_id in archived_ids:
            rows[entry_id].archived_at, rows[entry_id].archived_by = now, author
        return archived

    def _checked(
        self,
        rows: Sequence[PriceBookEntry],
        added: Sequence[BookEntry],
        archived_ids: Collection[str],
        now: datetime,
        author: str,
    ) -> list[BookEntry]:
        """What would be archived. Raises where the book that would be is not valid."""
        before = self._build(rows)
        archived, kept = [], []
        for entry in before.entries:
            if entry.id in archived_ids:
                archived.append(replace(entry, archived_at=now, archived_by=author))
            else:
                kept.append(entry)
        after = Catalogue.build([*kept, *archived, *added], self._currency)
        _check(before.book, after, {entry.id for entry in added}, now)
        return archived

    def _build(self, rows: Iterable[PriceBookEntry]) -> Catalogue:
        stored = [_stored(row) for row in rows]
        return Catalogue.build([*self._of_file, *stored], self._currency)

    def _entry(self, addition: NewEntry, author: str, reason: str | None) -> BookEntry:
        item = parse_item(addition.kind, addition.body)
        return BookEntry(
            kind=cast(Kind, addition.kind),
            item=item,
            source=Source.DATABASE,
            id=new_id("prc"),
            author=author,
            reason=reason,
            created_at=self._clock.now(),
        )


async def load_book(
    session: AsyncSession, sections: Sections, clock: Clock, currency: str = "USD"
) -> PriceBook:
    """The book of file and database. Raises: InvalidPrice."""
    return (await PriceStore(sections, clock, currency=currency).load(session)).book


def _check(
    before: PriceBook, after: Catalogue, added: Collection[str | None], now: datetime
) -> None:
    for entry in after.entries:
        if entry.shadowed and entry.id in added:
            raise NamedInFile(
                f"The settings file names the {entry.item.label}, and what the file names it alone "
                "decides; change it there.",
                param="entries",
            )
    known = {version.id for version in _without_rate(before, now)}
    for version in _without_rate(after.book, now):
        if version.id not in known:
            raise NoExchangeRate(
                f"The {version.label} is in {version.currency}, and no exchange rate into "
                f"{after.book.currency} would hold when it does; add one with it.",
                param="currency",
            )


def _without_rate(book: PriceBook, now: datetime) -> list[PriceVersion]:
    """Versions that hold or will, and cannot be converted when they first do."""
    missing = []
    for version in book.versions:
        at = max(version.effective_from, now)
        if version.effective_to is not None and version.effective_to <= at:
            continue
        try:
            book.exchange.rate(version.currency, book.currency, at)
        except NoExchangeRate:
            missing.append(version)
    return missing


def _row(entry: BookEntry) -> PriceBookEntry:
    return PriceBookEntry(
        id=entry.id,
        kind=entry.kind,
        body=body_of(entry.item),
        created_at=entry.created_at,
        author=entry.author,
        reason=entry.reason,
    )


def _stored(row: PriceBookEntry) -> BookEntry:
    return BookEntry(
        kind=cast(Kind, row.kind),
        item=parse_item(row.kind, row.body),
        source=Source.DATABASE,
        id=row.id,
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
        archived_at=row.archived_at,
        archived_by=row.archived_by,
    )
