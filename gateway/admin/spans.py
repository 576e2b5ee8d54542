"""Spans of time that reports are asked for."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query

from gateway.admin.schemas import Instant
from gateway.tenants.errors import InvalidValue

DEFAULT_SPAN = timedelta(days=30)
LONGEST_SPAN = timedelta(days=3 * 366)

FromQuery = Annotated[
    Instant | None, Query(alias="from", description="Inclusive; 30 days before the end by default.")
]
ToQuery = Annotated[Instant | None, Query(alias="to", description="Exclusive; now by default.")]


def span(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """``[start, end)`` with the defaults filled in.

    Raises:
        InvalidValue: unless start lies before end, by three years at most.
    """
    end = end or now
    start = start or end - DEFAULT_SPAN
    if start >= end:
        raise InvalidValue("The start must lie before the end.", param="from")
    if end - start > LONGEST_SPAN:
        raise InvalidValue("Ask for three years at most.", param="from")
    return start, end
