"""An upstream's own statement of usage, and how it differs from ours, day by day.

The statement is CSV with a header: ``day, model, input, cached, output, cost``.
``input`` is what was not read from a cache, ``output`` includes reasoning, ``cost``
is in the ledger's currency; lines of the same day and model are added up.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import InvalidReport
from billing.reports.table import Cell, Column, ColumnKind, Table
from billing.reports.traffic import Tenants
from billing.reports.units import class_amounts, units_of
from billing.reports.usage import usage_report
from billing.usage import TOKEN_CLASSES
from core.money import EXACT, ZERO, InvalidAmount, format_amount, parse_amount

COUNTS = ("input", "cached", "output")
_COLUMNS = ("day", "model", *COUNTS, "cost")

_Key = tuple[str, str]  # day, model


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens in the order of ``COUNTS``, and their cost."""

    tokens: tuple[int, int, int] = (0, 0, 0)
    cost: Decimal = ZERO

    def plus(self, other: "Used") -> "Used":
        first, second, third = (a + b for a, b in zip(self.tokens, other.tokens, strict=True))
        return Used((first, second, third), EXACT.add(self.cost, other.cost))


Statement = Mapping[_Key, Used]


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One day and model: what the upstream states, and what we have settled.

    Our cost is at list prices, without overrides, mark-ups and minimum charges:
    what the upstream is expected to charge.
    """

    day: str
    model: str
    stated: Used
    ours: Used

    @property
    def differences(self) -> tuple[int, ...]:
        """Stated less ours, in tokens."""
        return tuple(a - b for a, b in zip(self.stated.tokens, self.ours.tokens, strict=True))

    @property
    def cost_difference(self) -> Decimal:
        return EXACT.subtract(self.stated.cost, self.ours.cost)

    @property
    def equal(self) -> bool:
        return self.stated == self.ours

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"day": self.day, "model": self.model}
        sides = zip(COUNTS, self.stated.tokens, self.ours.tokens, self.differences, strict=True)
        for name, stated, ours, difference in sides:
            body |= {f"{name}_stated": stated, f"{name}_ours": ours}
            body[f"{name}_difference"] = difference
        body["cost_stated"] = format_amount(self.stated.cost)
        body["cost_ours"] = format_amount(self.ours.cost)
        body["cost_difference"] = format_amount(self.cost_difference)
        return body | {"equal": self.equal}

    def cells(self) -> list[Cell]:
        cells: list[Cell] = [self.day, self.model]
        for side in zip(self.stated.tokens, self.ours.tokens, self.differences, strict=True):
            cells += side
        cells += [self.stated.cost, self.ours.cost, self.cost_difference]
        return [*cells, "equal" if self.equal else "different"]


def read_statement(lines: Iterable[str]) -> Statement:
    """Parse the CSV.

    Raises:
        InvalidReport: a column is missing, or a line is no line of a statement.
    """
    reader = csv.DictReader(lines, skipinitialspace=True)
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidReport(
            f"The statement lacks the column '{missing[0]}'; it needs {', '.join(_COLUMNS)}.",
            param="statement",
        )
    found: dict[_Key, Used] = {}
    for row in reader:
        key, used = _parsed(row, reader.line_num)
        found[key] = found.get(key, Used()).plus(used)
    return found


async def compare_statement(
    session: AsyncSession,
    tenant: Tenants,
    start: datetime,
    end: datetime,
    statement: Statement,
    *,
    upstream: str | None = None,
) -> list[StatementRow]:
    """Every day and model that either side knows; days of the span only.

    Args:
        upstream: whose statement it is; ``None``: it covers all upstreams.
    """
    ours = await _ours(session, tenant, start, end, upstream)
    first, last = f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"
    stated = {
        key: used
        for key, used in statement.items()
        if first <= key[0] < last or (key[0] == last and end.time() != datetime.min.time())
    }
    keys = sorted(ours.keys() | stated.keys())
    return [StatementRow(*key, stated.get(key, Used()), ours.get(key, Used())) for key in keys]


def statement_table(rows: list[StatementRow]) -> Table:
    columns = [Column("day"), Column("model")]
    for name in COUNTS:
        columns += [
            Column(f"{name}_{side}", ColumnKind.INTEGER)
            for side in ("stated", "ours", "difference")
        ]
    columns += [
        Column(f"cost_{side}", ColumnKind.AMOUNT) for side in ("stated", "ours", "difference")
    ]
    return Table("statement", [*columns, Column("verdict")], [row.cells() for row in rows])


async def _ours(
    session: AsyncSession, tenant: Tenants, start: datetime, end: datetime, upstream: str | None
) -> dict[_Key, Used]:
    report = await usage_report(
        session,
        tenant,
        start,
        end,
        group_by=("day", "model", "price_version"),
        only={} if upstream is None else {"upstream": upstream},
    )
    units = await units_of(session, {str(row.group[2]) for row in report.rows})
    found: dict[_Key, Used] = {}
    for row in report.rows:
        day, model, rate = map(str, row.group)
        counts = dict(zip(TOKEN_CLASSES, row.tokens, strict=True))
        amounts = class_amounts(rate, (*row.tokens, row.worker_seconds), units, listed=True)
        cost = sum((amount for name, _, amount in amounts if name != "guard"), ZERO)
        read = counts["input"] + counts["cache_write"] + counts["embedding"]
        written = counts["output"] + counts["reasoning"]
        used = Used((read, counts["cached_input"], written), cost)
        found[day, model] = found.get((day, model), Used()).plus(used)
    return found


def _parsed(row: Mapping[str, str | None], line: int) -> tuple[_Key, Used]:
    try:
        day = date.fromisoformat((row["day"] or "").strip()).isoformat()
        first, second, third = (int(row[name] or 0) for name in COUNTS)
        cost = parse_amount((row["cost"] or "0").strip())
    except (ValueError, InvalidAmount):
        raise InvalidReport(
            f"Line {line} of the statement is none: it needs a day such as 2026-11-21, whole "
            "numbers of tokens, and a cost as plain decimal text.",
            param="statement",
        ) from None
    return (day, (row["model"] or "").strip()), Used((first, second, third), cost)
