"""A row of the usage report: a group and its sums."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from billing.reports.table import Cell
from billing.usage import TOKEN_CLASSES
from core.money import EXACT, ZERO, format_amount

REQUESTS = ("requests", "estimated_requests", "cut_requests", "unpriced_requests")
TOKENS = tuple(f"{name}_tokens" for name in TOKEN_CLASSES)
AMOUNTS = ("worker_seconds", "surcharge", "cost")

Group = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One group: its values in the order of ``group_by``, and its sums.

    ``tokens`` are in the order of ``TOKEN_CLASSES``; ``cut_requests`` are those whose
    answer the client did not get to its end. A row of one token class has no counts
    of requests (``None``): a request uses several classes.
    """

    group: Group
    requests: int | None = 0
    estimated_requests: int | None = 0
    cut_requests: int | None = 0
    unpriced_requests: int | None = 0
    tokens: tuple[int, ...] = (0,) * len(TOKEN_CLASSES)
    worker_seconds: Decimal = ZERO
    surcharge: Decimal = ZERO
    cost: Decimal = ZERO

    def plus(self, other: "UsageRow") -> "UsageRow":
        """Both together, under this one's group."""
        counts = {
            name: None if (mine := getattr(self, name)) is None else mine + getattr(other, name)
            for name in REQUESTS
        }
        amounts = {name: EXACT.add(getattr(self, name), getattr(other, name)) for name in AMOUNTS}
        tokens = tuple(a + b for a, b in zip(self.tokens, other.tokens, strict=True))
        return replace(self, tokens=tokens, **counts, **amounts)

    def sums(self) -> dict[str, Any]:
        """As JSON, without the group."""
        return {
            **{name: getattr(self, name) for name in REQUESTS},
            **dict(zip(TOKENS, self.tokens, strict=True)),
            **{name: format_amount(getattr(self, name)) for name in AMOUNTS},
        }

    def cells(self) -> list[Cell]:
        requests = [getattr(self, name) for name in REQUESTS]
        return [*self.group, *requests, *self.tokens, *(getattr(self, name) for name in AMOUNTS)]
