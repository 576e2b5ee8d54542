"""What usage is grouped and filtered by: names of a report, as columns of its source."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement

from billing.errors import InvalidReport
from billing.reports.source import Source

TOKEN_CLASS = "token_class"
END_USER = "user"
_DIMENSIONS = {
    "tenant": "tenant",
    "project": "project_id",
    "key": "key_id",
    END_USER: "end_user",
    "model": "model",
    "tier": "tier",
    "trend": "trend",
    "upstream": "upstream",
    "zone": "zone",
    "price_version": "price_version",
}
FILTERS = tuple(_DIMENSIONS)
GROUPS = (*FILTERS, TOKEN_CLASS, "hour", "day", "month")


def validate_groups(group_by: Sequence[str], only: Mapping[str, str]) -> None:
    """Refuse what nothing is grouped or filtered by, and a group that is named twice.

    Raises:
        InvalidReport: one of these.
    """
    for name in group_by:
        if name not in GROUPS:
            raise InvalidReport(f"Group by {', '.join(GROUPS)}, not by '{name}'.", param="group_by")
    if len(set(group_by)) != len(group_by):
        raise InvalidReport("Name each grouping once.", param="group_by")
    for name in only:
        if name not in FILTERS:
            raise InvalidReport(f"Filter by {', '.join(FILTERS)}, not by '{name}'.", param=name)


def needs_records(group_by: Sequence[str], only: Mapping[str, str]) -> bool:
    """Roll-ups know no end users."""
    return END_USER in group_by or END_USER in only


def column(source: Source, name: str) -> Any:
    """The column behind a group; all but the day are texts."""
    if name == "hour":
        return source.hour
    if name == "month":
        return source.month
    if name == "day":
        return source.column("day")
    return source.dimension(_DIMENSIONS[name])


def conditions(
    source: Source, tenant: str | Collection[str] | None, only: Mapping[str, str]
) -> list[ColumnElement[bool]]:
    """The span, one tenant or several (``None``: all of them), and the filters."""
    found: list[ColumnElement[bool]] = list(source.within)
    if isinstance(tenant, str):
        found.append(source.column("tenant") == tenant)
    elif tenant is not None:
        found.append(source.column("tenant").in_(tenant))
    found += [source.dimension(_DIMENSIONS[name]) == value for name, value in only.items()]
    return found
