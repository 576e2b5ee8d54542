"""Reads charges from the ledger and the usage tables: grouped by the database, never by row.

A group is one project, model, tier, zone, price version and day; each class of
tokens in it is a charge. What a group's charges come to is compared with its cost.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import LedgerMismatch
from billing.focus.charge import Charge, ChargeKind, Priced
from billing.invoices.membership import Membership
from billing.ledger.accounts import is_charge
from billing.models import LedgerEntry, PriceRate, PriceUnit, UsageRecord, UsageRollup
from billing.prices import MINIMUM, RateFacts, line_amount
from billing.usage import CLASSES, TOKEN_CLASSES
from core.database import amount_sum
from core.money import EXACT, ZERO, format_amount

_DIMENSIONS = ("project_id", "model", "tier", "zone", "price_version", "day")
_FACTS = ("version", "model", "source_currency", "served", "window", "above", "batch")
_FACTS += ("exchange_rate", "markup_percent")
_LATE = "Settled after the invoice of its month was issued"
_Units = Mapping[tuple[str, str], PriceUnit]
_Rates = Mapping[str, RateFacts]


async def charges_of(session: AsyncSession, held: Membership) -> list[Charge]:
    """The usage and the adjustments of an invoice, by day.

    Raises:
        LedgerMismatch: a group's quantities at its prices are not its cost.
    """
    groups = [tuple(row) for row in await session.execute(await _groups(session, held))]
    versions = {group[4] for group in groups}
    units, rates = await _units(session, versions), await _rates(session, versions)
    first = held.start.date()
    charges = [charge for group in groups for charge in _charges_of(group, units, rates, first)]
    charges.sort(key=_order)
    return charges + await _adjustments(session, held)


async def _groups(session: AsyncSession, held: Membership) -> Any:
    """From the roll-ups where they hold just what the invoice does, else from the records."""
    if await _is_whole(session, held):
        table: Any = UsageRollup
        query = _sums(UsageRollup).where(
            table.tenant == held.tenant, table.hour >= held.start, table.hour < held.end
        )
    else:
        table = UsageRecord
        query = _sums(UsageRecord).join(LedgerEntry, LedgerEntry.request_id == table.request_id)
        query = query.where(LedgerEntry.kind == "settle", _held(held), table.tenant == held.tenant)
    return query.group_by(*(getattr(table, name) for name in _DIMENSIONS))


def _sums(table: Any) -> Any:
    return select(
        *(getattr(table, name) for name in _DIMENSIONS),
        *(func.sum(getattr(table, f"{name}_tokens")) for name in TOKEN_CLASSES),
        *(amount_sum(getattr(table, name)) for name in ("worker_seconds", "surcharge", "cost")),
    )


async def _is_whole(session: AsyncSession, held: Membership) -> bool:
    """Whether it holds all of its month and nothing else: nothing came late, in or out."""
    left_out = and_(
        LedgerEntry.tenant == held.tenant,
        is_charge(),
        LedgerEntry.at >= held.start,
        LedgerEntry.at < held.end,
        LedgerEntry.id > held.last_entry,
    )
    query = select(LedgerEntry.id).where(or_(left_out, held.carried_over)).limit(1)
    return await session.scalar(query) is None


def _held(held: Membership) -> ColumnElement[bool]:
    return or_(held.in_month, held.carried_over)


async def _units(session: AsyncSession, versions: Iterable[str]) -> _Units:
    query = select(PriceUnit).where(PriceUnit.price_version.in_(versions))
    return {(unit.price_version, unit.token_class): unit for unit in await session.scalars(query)}


async def _rates(session: AsyncSession, versions: Iterable[str]) -> _Rates:
    query = select(PriceRate).where(PriceRate.id.in_(versions))
    return {
        rate.id: RateFacts(**{name: getattr(rate, name) for name in _FACTS})
        for rate in await session.scalars(query)
    }


def _charges_of(
    group: Sequence[Any], units: _Units, rates: _Rates, first: date
) -> Iterator[Charge]:
    project_id, model, tier, zone, version, day = group[:6]
    *quantities, surcharge, cost = group[6:]
    common: dict[str, Any] = {
        "day": day,
        "project_id": project_id,
        "model": model,
        "tier": tier or None,
        "zone": zone or None,
        "rate_id": version,
        "facts": rates.get(version),
        "corrects_earlier": day < first,
        "reason": _LATE if day < first else None,
    }
    added = surcharge
    for name, quantity in zip(CLASSES, map(Decimal, quantities), strict=True):
        if not quantity:
            continue
        unit = units.get((version, name))
        if unit is None:
            raise LedgerMismatch(
                f"Price version {version} has no recorded price of {name}; run "
                "'sovgate billing check'."
            )
        listed = unit.price if unit.list_price is None else unit.list_price
        amount = line_amount(quantity, unit.price, unit.per)
        added = EXACT.add(added, amount)
        priced = Priced(quantity, unit.price, listed, unit.per)
        yield Charge(kind=ChargeKind.USAGE, amount=amount, meter=name, priced=priced, **common)
    if surcharge:
        yield Charge(kind=ChargeKind.MINIMUM, amount=surcharge, meter=MINIMUM, **common)
    if added != cost:
        raise LedgerMismatch(
            f"The usage of {model} on {day} comes to {format_amount(added)}, its requests to "
            f"{format_amount(cost)}; run 'sovgate billing check'."
        )


async def _adjustments(session: AsyncSession, held: Membership) -> list[Charge]:
    """At the place of the request that they correct; those alike in a day are one charge.

    Re-rating a month enters thousands with one reason.
    """
    entry, record = LedgerEntry, UsageRecord
    query = (
        select(
            entry.at,
            record.at,
            entry.reason,
            *(getattr(record, name) for name in _DIMENSIONS[:4]),
            entry.reference,
            entry.amount,
        )
        .outerjoin(record, record.request_id == entry.reference)
        .where(entry.kind == "adjustment", _held(held))
        .order_by(entry.id)
    )
    alike: dict[tuple[Any, ...], list[tuple[str | None, Decimal]]] = {}
    for at, corrected_at, *place, reference, amount in await session.execute(query):
        earlier = at < held.start or (corrected_at is not None and corrected_at < held.start)
        alike.setdefault((at.date(), earlier, *place), []).append((reference, amount))
    return [_adjustment(key, entries) for key, entries in alike.items()]


def _adjustment(key: tuple[Any, ...], entries: list[tuple[str | None, Decimal]]) -> Charge:
    day, earlier, reason, project_id, model, tier, zone = key
    amount = ZERO
    for _, each in entries:
        amount = EXACT.add(amount, each)
    return Charge(
        kind=ChargeKind.ADJUSTMENT,
        amount=amount,
        day=day,
        project_id=project_id,
        model=model,
        tier=tier,
        zone=zone,
        corrects_earlier=earlier,
        reference=entries[0][0] if len(entries) == 1 else None,
        reason=reason,
    )


def total(charges: Iterable[Charge]) -> Decimal:
    """The sum of amounts, in the ledger's currency."""
    added = ZERO
    for charge in charges:
        added = EXACT.add(added, charge.amount)
    return added


def _order(charge: Charge) -> tuple[Any, ...]:
    keys = (charge.project_id, charge.model, charge.tier, charge.zone, charge.rate_id)
    position = CLASSES.index(charge.meter) if charge.meter in CLASSES else len(CLASSES)
    return (charge.day, *(key or "" for key in keys), position)
