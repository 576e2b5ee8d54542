"""What the price book is made of: entries of five kinds, from the settings file or the database.

The one rule between the two: what the file names, the file alone decides. An
entry of the database about something that the file names too (the same model and
tenant, pair of currencies, alias, calendar, or tenant and model of a mark-up) is
*shadowed*: it does not count, whatever its dates.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from billing.errors import InvalidPrice
from billing.prices.book import PriceBook
from billing.prices.calendars import HolidayCalendar
from billing.prices.exchange import ExchangeRate
from billing.prices.modifiers import Alias, Markup
from billing.prices.version import PriceVersion
from core.clock import isoformat

Kind = Literal["price", "exchange_rate", "alias", "calendar", "markup"]
Item = PriceVersion | ExchangeRate | Alias | HolidayCalendar | Markup
Sections = Mapping[str, Sequence[Mapping[str, Any]]]
"""Bodies as the settings file holds them, by section."""

KINDS: Mapping[Kind, type[Item]] = {
    "price": PriceVersion,
    "exchange_rate": ExchangeRate,
    "alias": Alias,
    "calendar": HolidayCalendar,
    "markup": Markup,
}
SECTIONS: Mapping[str, Kind] = {
    "prices": "price",
    "exchange_rates": "exchange_rate",
    "aliases": "alias",
    "calendars": "calendar",
    "markups": "markup",
}


class Source(StrEnum):
    FILE = "file"
    DATABASE = "database"


class State(StrEnum):
    """Where an entry stands at an instant; only one of them counts then."""

    IN_FORCE = "in_force"
    FUTURE = "future"
    ENDED = "ended"
    SHADOWED = "shadowed"
    ARCHIVED = "archived"


_PAST = frozenset({State.ENDED, State.SHADOWED, State.ARCHIVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEntry:
    """One entry, and where it comes from; the file's have no id."""

    kind: Kind
    item: Item
    source: Source
    id: str | None = None
    author: str | None = None
    reason: str | None = None
    created_at: datetime | None = None
    archived_at: datetime | None = None
    archived_by: str | None = None
    shadowed: bool = False

    @property
    def subject(self) -> tuple[Kind, Hashable]:
        """What it is about, among all kinds."""
        return self.kind, self.item.subject

    @property
    def counts(self) -> bool:
        return not self.shadowed and self.archived_at is None

    @property
    def tenant(self) -> str | None:
        """Whose it is; ``None`` for everybody's."""
        return getattr(self.item, "tenant", None)

    @property
    def model(self) -> str | None:
        """The model or alias that it is about; ``None`` for any."""
        return self.item.name if isinstance(self.item, Alias) else getattr(self.item, "model", None)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"id": self.id, "kind": self.kind, "source": self.source.value}
        body |= {"label": self.item.label, "tenant": self.tenant, "body": body_of(self.item)}
        body["version"] = self.item.id if isinstance(self.item, PriceVersion) else None
        for name in ("author", "reason", "archived_by"):
            body[name] = getattr(self, name)
        for name in ("created_at", "archived_at"):
            instant = getattr(self, name)
            body[name] = isoformat(instant) if instant else None
        return body


def parse_item(kind: str, body: Mapping[str, Any]) -> Item:
    """A body as in the settings.

    Raises:
        InvalidPrice: no such kind, or no such body.
    """
    for known, item in KINDS.items():
        if known == kind:
            return item.from_settings(body)
    raise InvalidPrice(f"A price book holds {', '.join(KINDS)}, not '{kind}'.", param="kind")


def body_of(item: Item) -> dict[str, Any]:
    """The body that makes the item again: amounts as text, dates as ISO 8601."""
    body = item.to_json()
    if isinstance(item, PriceVersion):
        del body["id"]
    return body


def entries_of(sections: Sections, source: Source = Source.FILE) -> list[BookEntry]:
    """Those of the settings file, or of another one like it.

    Raises:
        InvalidPrice: one is none.
    """
    return [
        BookEntry(kind=kind, item=parse_item(kind, body), source=source)
        for section, kind in SECTIONS.items()
        for body in sections.get(section, ())
    ]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every entry, and the book that those that count make."""

    entries: tuple[BookEntry, ...]
    book: PriceBook

    @classmethod
    def build(cls, entries: Iterable[BookEntry], currency: str) -> "Catalogue":
        """Raises: InvalidPrice (OverlappingPrices, MixedCurrencies), as ``PriceBook`` does."""
        known = list(entries)
        named = {entry.subject for entry in known if entry.source is Source.FILE}
        known = [
            replace(entry, shadowed=entry.source is Source.DATABASE and entry.subject in named)
            for entry in known
        ]
        counting: dict[Kind, list[Any]] = {kind: [] for kind in KINDS}
        for entry in known:
            if entry.counts:
                counting[entry.kind].append(entry.item)
        book = PriceBook(
            counting["price"],
            currency=currency,
            exchange_rates=counting["exchange_rate"],
            aliases=counting["alias"],
            calendars=counting["calendar"],
            markups=counting["markup"],
        )
        return cls(tuple(known), book)

    def state(self, entry: BookEntry, at: datetime) -> State:
        """Where an entry stands at an instant."""
        if entry.archived_at is not None:
            return State.ARCHIVED
        if entry.shadowed:
            return State.SHADOWED
        if isinstance(entry.item, HolidayCalendar):  # has no dates
            return State.IN_FORCE
        if entry.item.effective_from > at:
            return State.FUTURE
        return State.IN_FORCE if self.book.in_force(entry.item, at) else State.ENDED

    def select(
        self,
        at: datetime,
        *,
        model: str | None = None,
        tenant: str | None = None,
        everything: bool = False,
    ) -> list[tuple[BookEntry, State]]:
        """Entries and where they stand, by kind and label.

        Args:
            model: only those about models that match (see ``matching``).
            tenant: only those that can hold for this tenant.
            everything: those of the past too.
        """
        fits = matching(["*" if model is None else model])
        known = sorted(self.entries, key=lambda entry: (entry.kind, entry.item.label))
        return [
            (entry, state)
            for entry in known
            if (tenant is None or entry.tenant in (None, tenant))
            and (model is None or fits(entry.model or ""))
            and ((state := self.state(entry, at)) not in _PAST or everything)
        ]


def matching(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a model's name is one of these, where ``*`` and ``?`` stand for anything."""
    return lambda model: any(fnmatchcase(model, pattern) for pattern in patterns)
