"""The savings report: what the same traffic would have cost on a baseline model.

And, where asked, with everything thinking. Nothing is assumed in silence: ratios of
reasoning come with their source, and ``notes`` say what the figures leave out.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.models import PriceRate
from billing.prices import PriceBook
from billing.reports import traffic
from billing.reports.counterfactual import (
    AlwaysThink,
    Counterfactual,
    ReasoningRatio,
    ReasoningRatios,
)
from billing.reports.savings_rows import SavingsReport, SavingsRow
from billing.reports.traffic import Piece, Tenants
from billing.reports.units import units_of
from billing.reports.usage import UsageReport, usage_report
from billing.usage import TOKEN_CLASSES
from core.money import EXACT, ZERO

_GROUPS = ("tenant", "trend", "tier", "price_version")
_OUTPUT, _REASONING = TOKEN_CLASSES.index("output"), TOKEN_CLASSES.index("reasoning")

_Key = tuple[str, str | None]


async def savings_report(
    session: AsyncSession,
    book: PriceBook,
    tenant: Tenants,
    start: datetime,
    end: datetime,
    *,
    baseline: str,
    think: AlwaysThink | None = None,
    precise: bool = False,
) -> SavingsReport:
    """Compare what was paid with what the same tokens would have cost.

    Prices are those of the traffic's own hours (of its instants where ``precise``),
    with the tenant's mark-up. Read it in a ``snapshot``.

    Raises:
        UnpricedModel: the baseline or the thinking model had no price at some hour.
        InvalidReport: thinking traffic to measure is missing, and nothing is assumed.
    """
    used = await usage_report(session, tenant, start, end, group_by=_GROUPS, currency=book.currency)
    rates = {row.group[3] or "" for row in used.rows}
    batches = await _batches(session, rates)
    pricing = Counterfactual(book, await units_of(session, rates), batches, precise)
    comparison = _Comparison(used, pricing, baseline, think)
    async for piece in traffic.pieces(session, tenant, start, end, precise=precise):
        comparison.add(piece)
    if used.total.unpriced_requests:
        async for piece in traffic.priced_later(session, tenant, start, end):
            comparison.add(piece)
        comparison.leave_out(await traffic.unpriced(session, tenant, start, end))
    comparison.correct(await traffic.adjusted(session, tenant, start, end))
    rows = list(comparison.rows.values())
    owners = dict.fromkeys(row.tenant for row in rows)
    return SavingsReport(
        tenant=used.tenant,
        start=start,
        end=end,
        currency=used.currency,
        baseline=baseline,
        think=think,
        precise=precise,
        rows=rows,
        tenants=[comparison.sum(one, [r for r in rows if r.tenant == one]) for one in owners],
        total=comparison.sum(used.tenant, rows),
    )


class _Comparison:
    """The rows while traffic is added to them."""

    def __init__(
        self, used: UsageReport, pricing: Counterfactual, baseline: str, think: AlwaysThink | None
    ) -> None:
        self._pricing = pricing
        self._baseline = baseline
        self._think = think
        ratios = _measured(used, think) if think else {}
        keys = sorted(
            {_key(row.group) for row in used.rows}, key=lambda key: (key[0], key[1] or "")
        )
        self.rows: dict[_Key, SavingsRow] = {
            key: replace(self._empty(*key), reasoning=ratios.get(key)) for key in keys
        }

    def add(self, piece: Piece) -> None:
        key = (piece.tenant, piece.trend)
        thinking = None
        if self._think is not None:
            ratio = self.rows[key].reasoning_ratio or ZERO
            thinking = self._pricing.thinking(self._think, piece, ratio)
        more = SavingsRow(
            tenant=piece.tenant,
            trend=piece.trend,
            requests=piece.requests,
            cost=piece.cost,
            baseline=self._pricing.on(self._baseline, piece),
            always_think=thinking,
        )
        self.rows[key] = self.rows[key].plus(more)

    def leave_out(self, counts: dict[_Key, int]) -> None:
        for key, count in counts.items():
            self.rows[key] = replace(self.rows[key], unpriced_requests=count)

    def correct(self, amounts: dict[_Key, Decimal]) -> None:
        for key, amount in amounts.items():
            row = self.rows[key]
            self.rows[key] = replace(row, cost=EXACT.add(row.cost, amount))

    def sum(self, tenant: str | None, rows: Iterable[SavingsRow]) -> SavingsRow:
        total = self._empty(tenant, None)
        for row in rows:
            total = total.plus(row)
        return total

    def _empty(self, tenant: str | None, trend: str | None) -> SavingsRow:
        return SavingsRow(tenant=tenant, trend=trend, always_think=ZERO if self._think else None)


def _measured(used: UsageReport, think: AlwaysThink) -> dict[_Key, ReasoningRatio]:
    """The ratio of each trend in which something else than the thinking tier answered."""
    ratios, needed = ReasoningRatios(think), set[_Key]()
    for row in used.rows:
        key, tier = _key(row.group), row.group[2]
        output, reasoning = row.tokens[_OUTPUT], row.tokens[_REASONING]
        ratios.add(*key, tier, requests=row.requests or 0, output=output, reasoning=reasoning)
        if output and tier != think.tier:
            needed.add(key)
    return {key: ratios.of(*key) for key in needed}


async def _batches(session: AsyncSession, rates: Iterable[str]) -> frozenset[str]:
    query = select(PriceRate.id).where(PriceRate.id.in_(set(rates)), PriceRate.batch)
    return frozenset(await session.scalars(query))


def _key(group: tuple[str | None, ...]) -> _Key:
    return str(group[0]), group[1]
