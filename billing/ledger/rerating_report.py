"""What re-rating found and wrote: a line per model, old rate and new rate."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.reports.table import Column, ColumnKind, Table
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount

_AMOUNTS = ("before", "after", "difference")


@dataclass(slots=True)
class RerateLine:
    """Requests that go from one rate to another; ``before`` holds earlier re-ratings."""

    model: str
    old_rate: str
    new_rate: str
    requests: int = 0
    before: Decimal = ZERO
    after: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return EXACT.subtract(self.after, self.before)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "old_rate": self.old_rate}
        body |= {"new_rate": self.new_rate, "requests": self.requests}
        return body | {name: format_amount(getattr(self, name)) for name in _AMOUNTS}


@dataclass(slots=True)
class RerateReport:
    """One run over a tenant and a span.

    Args:
        examined: requests of the span (and of the model, where one was named).
        unpriced: requests by model that the book has no price for: they stay as they are.
        entries: adjustments that were written; 0 for a dry run.
    """

    tenant: str
    start: datetime
    end: datetime
    currency: str
    dry_run: bool
    examined: int = 0
    entries: int = 0
    unpriced: dict[str, int] = field(default_factory=dict)
    _lines: dict[tuple[str, str, str], RerateLine] = field(default_factory=dict)

    def add(
        self, model: str, old_rate: str, new_rate: str, before: Decimal, after: Decimal
    ) -> None:
        key = (model, old_rate, new_rate)
        line = self._lines.setdefault(key, RerateLine(*key))
        line.requests += 1
        line.before = EXACT.add(line.before, before)
        line.after = EXACT.add(line.after, after)

    @property
    def lines(self) -> list[RerateLine]:
        return [self._lines[key] for key in sorted(self._lines)]

    @property
    def difference(self) -> Decimal:
        return sum((line.difference for line in self._lines.values()), ZERO)

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "dry_run": self.dry_run,
            "examined": self.examined,
            "requests": sum(line.requests for line in self._lines.values()),
            "difference": format_amount(self.difference),
            "entries": self.entries,
            "unpriced": dict(sorted(self.unpriced.items())),
            "lines": [line.to_json() for line in self.lines],
        }

    def table(self) -> Table:
        columns = [Column(name) for name in ("model", "old_rate", "new_rate")]
        columns.append(Column("requests", ColumnKind.INTEGER))
        columns += [Column(name, ColumnKind.AMOUNT) for name in _AMOUNTS]
        rows = [
            [line.model, line.old_rate, line.new_rate, line.requests]
            + [getattr(line, name) for name in _AMOUNTS]
            for line in self.lines
        ]
        facts = {"tenant": self.tenant, "from": isoformat(self.start), "to": isoformat(self.end)}
        facts |= {"currency": self.currency, "difference": format_amount(self.difference)}
        return Table("re-rating", columns, rows, facts | {"entries": str(self.entries)})
