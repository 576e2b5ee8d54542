"""Where a report reads usage: roll-ups for full hours, the records themselves otherwise."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

from billing.models import UsageRecord, UsageRollup
from billing.prices import UNPRICED

_HOUR = timedelta(hours=1)
_NOTHING = literal_column("''")


@dataclass(frozen=True, slots=True)
class Source:
    """A table of usage with the span as a condition; both tables name their columns alike."""

    table: type[UsageRollup] | type[UsageRecord]
    start: datetime
    end: datetime

    @property
    def within(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        at = self.at
        return at >= self.start, at < self.end

    @property
    def at(self) -> Any:
        return UsageRollup.hour if self.table is UsageRollup else UsageRecord.at

    @property
    def requests(self) -> ColumnElement[int]:
        return func.sum(UsageRollup.requests) if self.table is UsageRollup else func.count()

    @property
    def estimated_requests(self) -> ColumnElement[int]:
        if self.table is UsageRollup:
            return func.sum(UsageRollup.estimated_requests)
        return func.sum(cast(UsageRecord.estimated, Integer))

    @property
    def cut_requests(self) -> ColumnElement[int]:
        """Requests whose answer the client did not get to its end."""
        if self.table is UsageRollup:
            return func.sum(UsageRollup.cut_requests)
        return func.sum(case((UsageRecord.ended != "completed", 1), else_=0))

    @property
    def unpriced_requests(self) -> ColumnElement[int]:
        """Requests of models that had no price."""
        counted = UsageRollup.requests if self.table is UsageRollup else 1
        return func.sum(case((self.column("price_version") == UNPRICED, counted), else_=0))

    @property
    def hour(self) -> ColumnElement[str]:
        """The UTC hour as text: ``2026-11-21T13:00:00Z``."""
        return hour_text(self.at)

    @property
    def month(self) -> ColumnElement[str]:
        """The UTC month as text: ``2026-11``."""
        return month_text(self.column("day"))

    def column(self, name: str) -> Any:
        """A column that both tables have."""
        return getattr(self.table, name)

    def dimension(self, name: str) -> ColumnElement[str]:
        """A text column to group by: what is not known is an empty text, as in the roll-ups."""
        column = self.column(name)
        return column if self.table is UsageRollup else func.coalesce(column, _NOTHING)


def source(start: datetime, end: datetime, *, by_end_user: bool = False) -> Source:
    """Roll-ups know full UTC hours and no end users."""
    whole = all(not (at.minute or at.second or at.microsecond) for at in (start, end))
    return Source(UsageRollup if whole and not by_end_user else UsageRecord, start, end)


def sources(start: datetime, end: datetime, *, records_only: bool = False) -> list[Source]:
    """A span in parts that add up: its full hours as roll-ups, what is left of it as records."""
    first, last = _hour(start + _HOUR - timedelta.resolution), _hour(end)
    if records_only or first >= last:
        return [Source(UsageRecord, start, end)]
    parts = [
        Source(UsageRecord, start, first),
        Source(UsageRollup, first, last),
        Source(UsageRecord, last, end),
    ]
    return [part for part in parts if part.start < part.end]


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


class hour_text(FunctionElement[str]):
    """The UTC hour of an instant as text, alike on both databases."""

    type = String()
    inherit_cache = True


class month_text(FunctionElement[str]):
    """The month of a day as text, alike on both databases."""

    type = String()
    inherit_cache = True


@compiles(hour_text)
def _compile_hour(element: hour_text, compiler: Any, **kwargs: Any) -> str:
    instant = compiler.process(element.clauses, **kwargs)
    return f"""to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":00:00Z"')"""


@compiles(hour_text, "sqlite")
def _compile_sqlite_hour(element: hour_text, compiler: Any, **kwargs: Any) -> str:
    return f"strftime('%Y-%m-%dT%H:00:00Z', {compiler.process(element.clauses, **kwargs)})"


@compiles(month_text)
def _compile_month(element: month_text, compiler: Any, **kwargs: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **kwargs)}, 'YYYY-MM')"


@compiles(month_text, "sqlite")
def _compile_sqlite_month(element: month_text, compiler: Any, **kwargs: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **kwargs)})"
