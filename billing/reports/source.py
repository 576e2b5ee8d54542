"""Where a report reads usage: roll-ups of full days and hours, the records for the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

from billing.models import UsageDay, UsageRecord, UsageRollup
from billing.prices import UNPRICED

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NOTHING = literal_column("''")


@dataclass(frozen=True, slots=True)
class Source:
    """A table of usage with the span as a condition; the tables name their columns alike."""

    table: type[UsageDay] | type[UsageRollup] | type[UsageRecord]
    start: datetime
    end: datetime

    @property
    def within(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        if self.table is UsageDay:
            return UsageDay.day >= _day(self.start), UsageDay.day < _day(self.end)
        return self.at >= self.start, self.at < self.end

    @property
    def at(self) -> Any:
        """The instant; days have none."""
        return UsageRollup.hour if self.table is UsageRollup else UsageRecord.at

    @property
    def requests(self) -> ColumnElement[int]:
        return func.count() if self.table is UsageRecord else func.sum(self.column("requests"))

    @property
    def estimated_requests(self) -> ColumnElement[int]:
        if self.table is not UsageRecord:
            return func.sum(self.column("estimated_requests"))
        return func.sum(cast(UsageRecord.estimated, Integer))

    @property
    def cut_requests(self) -> ColumnElement[int]:
        """Requests whose answer the client did not get to its end."""
        if self.table is not UsageRecord:
            return func.sum(self.column("cut_requests"))
        return func.sum(case((UsageRecord.ended != "completed", 1), else_=0))

    @property
    def unpriced_requests(self) -> ColumnElement[int]:
        """Requests of models that had no price."""
        counted = 1 if self.table is UsageRecord else self.column("requests")
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
        return func.coalesce(column, _NOTHING) if self.table is UsageRecord else column


def source(start: datetime, end: datetime, *, by_end_user: bool = False) -> Source:
    """One table for the whole span; roll-ups know full UTC days or hours and no end users."""
    if by_end_user:
        return Source(UsageRecord, start, end)
    parts = sources(start, end)
    finest = UsageRollup if all(part.table is not UsageRecord for part in parts) else UsageRecord
    return parts[0] if len(parts) == 1 else Source(finest, start, end)


def sources(
    start: datetime, end: datetime, *, records_only: bool = False, by_hour: bool = False
) -> list[Source]:
    """A span in parts that add up: its full days and hours as roll-ups, the rest as records.

    ``by_hour`` leaves out the roll-ups of days, which do not know the hour.
    """
    if records_only:
        return [Source(UsageRecord, start, end)]
    if by_hour:
        return _split(UsageRollup, _hour, _HOUR, start, end, _records)
    return _split(UsageDay, _midnight, _DAY, start, end, partial(sources, by_hour=True))


def _split(
    table: type[UsageDay] | type[UsageRollup],
    floor: Callable[[datetime], datetime],
    length: timedelta,
    start: datetime,
    end: datetime,
    rest: Callable[[datetime, datetime], list[Source]],
) -> list[Source]:
    """Full lengths of the span from a table; its ends, or all of a short one, from ``rest``."""
    first, last = floor(start + length - timedelta.resolution), floor(end)
    if first >= last:
        return rest(start, end)
    head = rest(start, first) if start < first else []
    tail = rest(last, end) if last < end else []
    return [*head, Source(table, first, last), *tail]


def _records(start: datetime, end: datetime) -> list[Source]:
    return [Source(UsageRecord, start, end)]


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _midnight(at: datetime) -> datetime:
    return _hour(at).replace(hour=0)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


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
