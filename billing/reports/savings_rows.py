"""What a savings report holds, and how it reads."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from billing.reports.counterfactual import AlwaysThink, ReasoningRatio
from billing.reports.table import Cell, Column, ColumnKind, Table
from core.clock import isoformat
from core.money import EXACT, ZERO, format_amount

CLAIM = Decimal(6)  # vendors' "one sixth of the cost"
_PLACES = Decimal("0.01")
_COUNTS = ("requests", "unpriced_requests")
_AMOUNTS = ("cost", "baseline", "baseline_ratio")
_THINKING = ("always_think", "always_think_ratio", "reasoning_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsRow:
    """One tenant and trend, or a total.

    Args:
        requests: those compared; ``unpriced_requests`` are left out of all costs.
        cost: what was paid, with corrections.
        baseline: what the baseline model would have cost.
        always_think: what thinking always would have cost, where that was asked.
        reasoning: the ratio that it was computed with, where it is one trend's.
    """

    tenant: str | None
    trend: str | None
    requests: int = 0
    unpriced_requests: int = 0
    cost: Decimal = ZERO
    baseline: Decimal = ZERO
    always_think: Decimal | None = None
    reasoning: ReasoningRatio | None = None

    @property
    def baseline_ratio(self) -> Decimal | None:
        """How many times the baseline costs what was paid; ``None`` where nothing was."""
        return _ratio(self.baseline, self.cost)

    @property
    def always_think_ratio(self) -> Decimal | None:
        return None if self.always_think is None else _ratio(self.always_think, self.cost)

    @property
    def reasoning_ratio(self) -> Decimal | None:
        return self.reasoning.ratio if self.reasoning else None

    def plus(self, other: "SavingsRow") -> "SavingsRow":
        """Both together, under this one's name."""
        thinking = (self.always_think, other.always_think)
        known = [amount for amount in thinking if amount is not None]
        return replace(
            self,
            requests=self.requests + other.requests,
            unpriced_requests=self.unpriced_requests + other.unpriced_requests,
            cost=EXACT.add(self.cost, other.cost),
            baseline=EXACT.add(self.baseline, other.baseline),
            always_think=sum(known, ZERO) if known else None,
        )

    def to_json(self, *, thinking: bool) -> dict[str, Any]:
        body: dict[str, Any] = {"tenant": self.tenant, "trend": self.trend}
        body |= {name: getattr(self, name) for name in _COUNTS}
        names = (*_AMOUNTS, *(_THINKING if thinking else ()))
        body |= {name: _text(getattr(self, name)) for name in names}
        if thinking:
            body["reasoning_source"] = self.reasoning.source if self.reasoning else None
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsReport:
    """``rows`` by tenant and trend, ``tenants`` their sums by tenant, ``total`` of all.

    ``tenant`` is ``None`` for several.
    """

    tenant: str | None
    start: datetime
    end: datetime
    currency: str
    baseline: str
    think: AlwaysThink | None
    precise: bool
    rows: list[SavingsRow]
    tenants: list[SavingsRow]
    total: SavingsRow

    @property
    def claim_holds(self) -> bool | None:
        """Whether the baseline costs six times what was paid, or more; ``None``: nothing was."""
        if not self.total.cost:
            return None
        return self.total.baseline >= EXACT.multiply(CLAIM, self.total.cost)

    @property
    def verdict(self) -> str:
        """The claim of one sixth, checked, in a sentence."""
        ratio, holds = self.total.baseline_ratio, self.claim_holds
        if ratio is None or holds is None:
            return "Nothing was paid, so there is nothing to compare."
        verb = "holds" if holds else "does not hold"
        return (
            f"{format_amount(ratio)} times cheaper than {self.baseline}: the claim of "
            f"{CLAIM}x {verb}."
        )

    @property
    def notes(self) -> list[str]:
        """What the figures assume and what they leave out."""
        notes = [
            f"The same numbers of tokens on {self.baseline}: another model's tokenizer, length of "
            "answers and reasoning are not known.",
            "What guards and embeddings cost is the same on both sides.",
            "Costs are what was paid, with all corrections of these requests.",
        ]
        if not self.precise:
            notes.append(
                "From hourly sums: prices are those at the start of each hour, without steps for "
                "long prompts and minimum charges of the models compared; ask for a precise report."
            )
        if self.total.unpriced_requests:
            notes.append(
                f"Requests left out, since they have no price: {self.total.unpriced_requests}; "
                "add prices and re-rate."
            )
        if self.think is not None:
            notes.append(
                f"Always-think: everything on {self.think.model} as tier {self.think.tier}, with "
                "reasoning tokens in the ratio to output tokens that each row states; worker time "
                "grows with the tokens written."
            )
        return notes

    def to_json(self) -> dict[str, Any]:
        thinking = self.think is not None
        return {
            "tenant": self.tenant,
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "baseline": self.baseline,
            "always_think": {"tier": self.think.tier, "model": self.think.model}
            if self.think
            else None,
            "precise": self.precise,
            "rows": [row.to_json(thinking=thinking) for row in self.rows],
            "tenants": [row.to_json(thinking=thinking) for row in self.tenants],
            "total": self.total.to_json(thinking=thinking),
            "claim": {
                "factor": format_amount(CLAIM),
                "holds": self.claim_holds,
                "verdict": self.verdict,
            },
            "notes": self.notes,
        }

    def table(self) -> Table:
        names = (*_AMOUNTS, *_THINKING)
        columns = [Column("tenant"), Column("trend")]
        columns += [Column(name, ColumnKind.INTEGER) for name in _COUNTS]
        columns += [Column(name, ColumnKind.AMOUNT) for name in names]
        columns.append(Column("reasoning_source"))
        facts = {
            "tenant": self.tenant or "",
            "from": isoformat(self.start),
            "to": isoformat(self.end),
            "currency": self.currency,
            "baseline": self.baseline,
            "always_think": f"{self.think.tier}: {self.think.model}" if self.think else "",
            "cost": format_amount(self.total.cost),
            "baseline_cost": format_amount(self.total.baseline),
            "verdict": self.verdict,
        }
        facts |= {f"note_{number}": note for number, note in enumerate(self.notes, start=1)}
        return Table("savings", columns, [_cells(row, names) for row in self.rows], facts)


def _cells(row: SavingsRow, names: tuple[str, ...]) -> list[Cell]:
    head: list[Cell] = [row.tenant, row.trend, *(getattr(row, name) for name in _COUNTS)]
    source = row.reasoning.source if row.reasoning else None
    return [*head, *(getattr(row, name) for name in names), source]


def _ratio(amount: Decimal, cost: Decimal) -> Decimal | None:
    return (amount / cost).quantize(_PLACES, ROUND_HALF_EVEN) if cost else None


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format_amount(amount)
