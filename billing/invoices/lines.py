"""The lines of an invoice: what was used, at which price, and what was corrected.

A month's usage comes from the roll-ups, what came too late from the records. Each
amount is quantity * price, and together they are the sum of the ledger entries.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.invoices import wording
from billing.invoices.adjustments import adjustment_lines
from billing.invoices.membership import Membership
from billing.invoices.profile import Profile
from billing.invoices.wording import ADJUSTMENT
from billing.models import InvoiceLine, LedgerEntry, PriceRate, PriceUnit, UsageRecord
from billing.prices import MINIMUM, line_amount
from billing.reports.source import source
from billing.usage import CLASSES, TOKEN_CLASSES
from core.database import amount_sum
from core.money import EXACT, ZERO, format_amount

_GROUP = ("project_id", "model", "tier", "price_version")
_ORDER = {name: number for number, name in enumerate((*CLASSES, MINIMUM, ADJUSTMENT))}
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was used."""

    month: str
    project_id: str | None
    model: str | None
    tier: str | None
    price_version: str | None


@dataclass(slots=True)
class Used:
    """What was used at one place, and on which days."""

    quantities: list[Decimal] = field(default_factory=lambda: [ZERO] * len(CLASSES))
    surcharge: Decimal = ZERO
    first: date = date.max
    last: date = date.min

    def add(self, quantities: Sequence[Any], surcharge: Decimal, first: date, last: date) -> None:
        pairs = zip(self.quantities, quantities, strict=True)
        self.quantities = [EXACT.add(known, Decimal(more)) for known, more in pairs]
        self.surcharge = EXACT.add(self.surcharge, surcharge)
        self.first, self.last = min(self.first, first), max(self.last, last)


Usages = dict[Place, Used]


async def collect(
    session: AsyncSession, member: Membership, profile: Profile, currency: str
) -> tuple[list[InvoiceLine], Decimal]:
    """The lines in their order, and their sum: that of the ledger entries.

    Raises:
        LedgerMismatch: they do not add up, or an entry is in another currency.
    """
    usages = await _of_month(session, member)
    await _add_late(session, member, usages)
    lines = await _usage_lines(session, usages)
    lines += await adjustment_lines(session, member)
    for line in lines:
        line.cost_centre = profile.cost_centre(line.project_id)
    lines.sort(key=lambda line: _order(line, member.month))
    for position, line in enumerate(lines, start=1):
        line.position = position
    entries, total = await member.total(session, currency)
    _require_sum(lines, total, member.tenant)
    # Requests that cost nothing make lines; a month of such requests is still a month.
    return (lines, total) if entries else ([], ZERO)


async def _of_month(session: AsyncSession, member: Membership) -> Usages:
    usage = source(member.start, member.end)
    groups = [usage.column(name) for name in _GROUP]
    day = usage.column("day")
    query = (
        select(*groups, func.min(day), func.max(day), *_sums(usage.table))
        .where(usage.column("tenant") == member.tenant, *usage.within)
        .group_by(*groups)
    )
    usages: Usages = defaultdict(Used)
    for project_id, model, tier, version, first, last, *sums in await session.execute(query):
        place = Place(member.month, project_id, model, tier or None, version)
        usages[place].add(sums[:-1], sums[-1], first, last)
    return usages


async def _add_late(session: AsyncSession, member: Membership, usages: Usages) -> None:
    """What was used before the month, and settled too late for its invoice."""
    record = UsageRecord
    groups = [record.day, *(getattr(record, name) for name in _GROUP)]
    settled = and_(
        LedgerEntry.request_id == record.request_id,
        LedgerEntry.kind == "settle",
        LedgerEntry.tenant == record.tenant,
    )
    query = (
        select(*groups, *_sums(record))
        .join(LedgerEntry, settled)
        .where(member.carried_over)
        .group_by(*groups)
    )
    for day, project_id, model, tier, version, *sums in await session.execute(query):
        place = Place(f"{day:%Y-%m}", project_id, model, tier or None, version)
        usages[place].add(sums[:-1], sums[-1], day, day)


def _sums(table: Any) -> list[Any]:
    tokens = [func.sum(getattr(table, f"{name}_tokens")) for name in TOKEN_CLASSES]
    return [*tokens, amount_sum(table.worker_seconds), amount_sum(table.surcharge)]


async def _usage_lines(session: AsyncSession, usages: Usages) -> list[InvoiceLine]:
    versions = {place.price_version for place in usages}
    units = await session.scalars(select(PriceUnit).where(PriceUnit.price_version.in_(versions)))
    prices = {(unit.price_version, unit.token_class): unit for unit in units}
    rates = await session.scalars(select(PriceRate).where(PriceRate.id.in_(versions)))
    facts = {rate.id: rate for rate in rates}
    changed = _places_of_several_prices(usages, facts)
    lines: list[InvoiceLine] = []
    for place, used in usages.items():
        rate = facts.get(place.price_version or "")
        days = (used.first, used.last) if place in changed else None
        for name, quantity in zip(CLASSES, used.quantities, strict=True):
            if quantity:
                unit = _unit(prices, place.price_version, name)
                words = wording.usage(name, rate, days)
                lines.append(_line(place, name, words, quantity, unit.price, unit.per))
        if used.surcharge:
            words = wording.usage(MINIMUM, rate, days)
            lines.append(_line(place, MINIMUM, words, _ONE, used.surcharge, 1))
    return lines


def _places_of_several_prices(usages: Usages, facts: dict[str, PriceRate]) -> set[Place]:
    """Those that differ in nothing but the price: it changed, and the days tell when."""
    alike: dict[tuple[Any, ...], list[Place]] = defaultdict(list)
    for place in usages:
        rate = facts.get(place.price_version or "")
        terms = (rate.window, rate.above, rate.batch) if rate else ()
        alike[place.month, place.project_id, place.model, place.tier, terms].append(place)
    return {place for places in alike.values() if len(places) > 1 for place in places}


def _unit(prices: dict[tuple[str, str], PriceUnit], version: str | None, name: str) -> PriceUnit:
    unit = prices.get((version or "", name))
    if unit is None:
        raise LedgerMismatch(
            f"Price version {version} has no recorded price of {name}; run 'sovgate billing check'."
        )
    return unit


def _line(
    place: Place, token_class: str, words: str, quantity: Decimal, price: Decimal, per: int
) -> InvoiceLine:
    return InvoiceLine(
        month=place.month,
        project_id=place.project_id,
        model=place.model,
        tier=place.tier,
        price_version=place.price_version,
        token_class=token_class,
        description=words,
        quantity=quantity,
        unit_price=price,
        per=per,
        amount=line_amount(quantity, price, per),
    )


def _order(line: InvoiceLine, month: str) -> tuple[Any, ...]:
    """The month first, then what came too late; by cost centre and project; corrections last."""
    where = (line.cost_centre, line.project_id)
    what = (line.model or "", line.tier or "", _ORDER[line.token_class], line.description)
    return (
        line.month != month,
        line.month,
        *((name is None, name or "") for name in where),
        line.token_class == ADJUSTMENT,
        *what,
        line.price_version or "",
    )


def _require_sum(lines: Iterable[InvoiceLine], total: Decimal, tenant: str) -> None:
    added = ZERO
    for line in lines:
        added = EXACT.add(added, line.amount)
    if added != total:
        raise LedgerMismatch(
            f"The invoice of tenant {tenant} adds up to {format_amount(added)}, its ledger to "
            f"{format_amount(total)}; run 'sovgate billing check'."
        )
