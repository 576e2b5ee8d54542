"""A table of a report: typed columns and rows, before any file format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class ColumnKind(StrEnum):
    """What a column holds; amounts are exact decimals."""

    TEXT = "text"
    INTEGER = "integer"
    AMOUNT = "amount"
    INSTANT = "instant"


Cell = str | int | Decimal | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """Name and kind of one column."""

    name: str
    kind: ColumnKind = ColumnKind.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` match ``columns`` one to one; ``facts`` describe the whole (tenant, total)."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    facts: dict[str, str] = field(default_factory=dict)
