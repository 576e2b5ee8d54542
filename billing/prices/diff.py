"""Proposed prices beside those of the book: what would change, field by field.

Token prices are compared per million, whatever ``per`` says; nothing is stored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from billing.prices.book import PriceBook
from billing.prices.making import stated_prices
from billing.prices.version import PriceVersion
from billing.prices.windows import PriceStep, PriceWindow
from billing.usage import CLASSES, WORKER_SECOND
from core.money import EXACT, format_amount, quantize

_MILLION = Decimal(10**6)
_HUNDRED = Decimal(100)
_TENTH = Decimal("0.1")
_Facts = dict[str, Decimal | str]


class Status(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "gone"  # has a price in the book, and none was proposed


@dataclass(frozen=True, slots=True)
class FieldChange:
    """``percent`` is how much an amount went up or down, to a tenth; for display."""

    field: str
    old: str | None
    new: str | None
    percent: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        percent = None if self.percent is None else format_amount(self.percent)
        return {"field": self.field, "old": self.old, "new": self.new, "percent": percent}


@dataclass(frozen=True, slots=True)
class PriceDiff:
    """One model (of one tenant, or of all) before and after."""

    status: Status
    old: PriceVersion | None
    new: PriceVersion | None
    changes: tuple[FieldChange, ...]

    @property
    def version(self) -> PriceVersion:
        version = self.new or self.old
        assert version is not None, "one of the two is there"
        return version

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.version.model,
            "tenant": self.version.tenant,
            "status": self.status.value,
            "old_version": self.old and self.old.id,
            "new_version": self.new and self.new.id,
            "changes": [change.to_json() for change in self.changes],
        }


def compare(
    book: PriceBook,
    proposed: Iterable[PriceVersion],
    at: datetime,
    *,
    concerns: Callable[[str], bool] = lambda model: True,
) -> list[PriceDiff]:
    """By model and tenant. A version is compared with what holds when it starts, or at ``at``.

    Args:
        concerns: which models of the book are ``gone`` where nothing was proposed; a
            tenant's own price only if one of that tenant's was.
    """
    owners: set[str | None] = {None}
    diffs, seen = [], set()
    for version in proposed:
        seen.add(version.subject)
        owners.add(version.tenant)
        held = book.held(version.tenant, version.model, max(at, version.effective_from))
        diffs.append(_diff(held, version))
    for version in book.versions:
        if version.subject in seen or version.tenant not in owners or not concerns(version.model):
            continue
        if book.in_force(version, at):
            diffs.append(PriceDiff(Status.GONE, version, None, ()))
    return sorted(diffs, key=_order)


def per_million(version: PriceVersion, name: str, price: Decimal) -> Decimal:
    """A price of a class for a million tokens (for one worker-second)."""
    if name == WORKER_SECOND:
        return price
    return quantize(EXACT.divide(EXACT.multiply(price, _MILLION), Decimal(version.per)))


def _order(diff: PriceDiff) -> tuple[Any, ...]:
    version = diff.version
    return version.model, version.tenant or "", version.effective_from


def _diff(old: PriceVersion | None, new: PriceVersion) -> PriceDiff:
    quiet = _quiet(new) if old is None else _quiet(new) & _quiet(old)
    before: _Facts = {} if old is None else dict(_facts(old, quiet))
    after = dict(_facts(new, quiet))
    changes = tuple(
        _change(field, before.get(field), after.get(field))
        for field in dict.fromkeys((*after, *before))
        if before.get(field) != after.get(field)
    )
    if old is None:
        return PriceDiff(Status.NEW, None, new, changes)
    return PriceDiff(Status.CHANGED if changes else Status.SAME, old, new, changes)


def _quiet(version: PriceVersion) -> frozenset[str]:
    """Classes whose price is that of another class everywhere: nothing of their own to say."""
    changes = (*version.windows, *version.steps)
    return version.derived - {name for change in changes for name in change.prices}


def _facts(version: PriceVersion, quiet: frozenset[str]) -> Iterator[tuple[str, Decimal | str]]:
    """What a customer pays by: equal facts are the same price."""
    yield "currency", version.currency
    plain = _prices(version, quiet)
    yield from plain.items()
    if version.minimum:
        yield "minimum", version.minimum
    if version.batch is not None:
        yield "batch", version.batch
    if version.served is not None:
        yield "served", version.served
    for window in version.windows:
        yield window.name, _hours(window)
        yield from _beside(window.name, plain, _prices(version, quiet, window=window))
    for step in version.steps:
        yield from _beside(f"above {step.above}", plain, _prices(version, quiet, step=step))


def _prices(
    version: PriceVersion,
    quiet: frozenset[str],
    *,
    window: PriceWindow | None = None,
    step: PriceStep | None = None,
) -> dict[str, Decimal]:
    prices = stated_prices(version, window, step)
    return {name: per_million(version, name, prices[name]) for name in CLASSES if name not in quiet}


def _beside(
    where: str, plain: Mapping[str, Decimal], prices: Mapping[str, Decimal]
) -> Iterator[tuple[str, Decimal]]:
    """Those of a window or a step that are not the plain ones."""
    return ((f"{where}: {name}", price) for name, price in prices.items() if price != plain[name])


def _hours(window: PriceWindow) -> str:
    body = window.to_json()
    text = f"{' '.join(body['hours'])} {' '.join(body['days'])} {window.timezone}"
    return text if window.calendar is None else f"{text} except {window.calendar}"


def _change(field: str, old: Decimal | str | None, new: Decimal | str | None) -> FieldChange:
    return FieldChange(field, _text(old), _text(new), _percent(old, new))


def _percent(old: Decimal | str | None, new: Decimal | str | None) -> Decimal | None:
    if not isinstance(old, Decimal) or not isinstance(new, Decimal) or not old:
        return None
    grown = EXACT.divide(EXACT.multiply(EXACT.subtract(new, old), _HUNDRED), old)
    return grown.quantize(_TENTH, context=EXACT)


def _text(value: Decimal | str | None) -> str | None:
    return format_amount(value) if isinstance(value, Decimal) else value
