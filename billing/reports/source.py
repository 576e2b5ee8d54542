"""Where a report reads usage: roll-ups for full hours, the records themselves otherwise."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func

from billing.models import UsageRecord, UsageRollup


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

    def column(self, name: str) -> Any:
        """A column that both tables have."""
        return getattr(self.table, name)


def source(start: datetime, end: datetime, *, by_end_user: bool = False) -> Source:
    """Roll-ups know full UTC hours and no end users."""
    whole = all(not (at.minute or at.second or at.microsecond) for at in (start, end))
    return Source(UsageRollup if whole and not by_end_user else UsageRecord, start, end)
