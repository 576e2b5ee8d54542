"""Dated things of one kind about one subject: which of them holds at an instant.

The one rule of the price book's dates: an open one ends where the next one
starts, and when the newest that has started is over, none holds.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from billing.errors import OverlappingPrices
from core.clock import isoformat


class Dated(Protocol):
    """Holds from ``effective_from`` (inclusive) to ``effective_to`` (exclusive; open if ``None``).

    ``subject`` is what it is about, ``label`` the same in words.
    """

    @property
    def effective_from(self) -> datetime: ...

    @property
    def effective_to(self) -> datetime | None: ...

    @property
    def subject(self) -> Hashable: ...

    @property
    def label(self) -> str: ...


T = TypeVar("T", bound=Dated)


class Timeline(Generic[T]):
    """What there is about one subject, in the order of its dates.

    Raises:
        OverlappingPrices: two start together, or one says that it ends after the
            next has started.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = sorted(items, key=lambda item: item.effective_from)
        for earlier, later in zip(self._items, self._items[1:], strict=False):
            _check_order(earlier, later)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def at(self, instant: datetime) -> T | None:
        """The one that holds."""
        index = bisect_right(self._items, instant, key=lambda item: item.effective_from) - 1
        if index < 0:
            return None
        item = self._items[index]
        return item if item.effective_to is None or instant < item.effective_to else None


def timelines(items: Iterable[T]) -> dict[Hashable, Timeline[T]]:
    """One timeline a subject."""
    by_subject: dict[Hashable, list[T]] = {}
    for item in items:
        by_subject.setdefault(item.subject, []).append(item)
    return {subject: Timeline(group) for subject, group in by_subject.items()}


def _check_order(earlier: Dated, later: Dated) -> None:
    together = earlier.effective_from == later.effective_from
    ends = earlier.effective_to
    if together or (ends is not None and ends > later.effective_from):
        raise OverlappingPrices(
            f"Two entries hold for the {later.label} at {isoformat(later.effective_from)}; end or "
            "replace the first one.",
            param="effective_from",
        )
