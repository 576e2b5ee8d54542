"""Writes settlements into the ledger and moves the balances, once per request.

Works inside the drain's transaction, with one INSERT per table for a whole
batch. A batch that is replayed changes nothing: the closing entry of a request
is unique, and only what was inserted now moves money.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from billing.budgets import repository
from billing.ledger.accounts import POSTINGS, move_accounts
from billing.ledger.rollups import move_rollups
from billing.locks import lock_tenants
from billing.models import (
    Budget,
    BudgetPeriod,
    LedgerEntry,
    PriceRate,
    PriceUnit,
    UsageRecord,
)
from billing.prices import MINIMUM
from billing.settlement import Settlement
from billing.usage import TOKEN_CLASSES
from core.batches import Rows, insert_new
from core.clock import Clock
from core.database import Base
from core.money import EXACT, ZERO

_PAUSE = 64  # settlements read before others get the event loop
_FACTS = (
    "request_id",
    "tenant",
    "at",
    "project_id",
    "key_id",
    "end_user",
    "model",
    "tier",
    "upstream",
    "zone",
    "trend",
    "price_version",
    "cost",
    "currency",
    "ended",
    "surcharge",
)
_TOKENS = tuple(f"{name}_tokens" for name in TOKEN_CLASSES)
_facts, _tokens = attrgetter(*_FACTS), attrgetter(*_TOKENS)


class LedgerSink:
    """The ledger's part of a drained batch.

    Args:
        clock: tells when a budget was first seen passed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def apply(self, session: AsyncSession, entries: Sequence[Mapping[str, Any]]) -> None:
        """Enter settlements (``Settlement.to_json``), in any order, each at most once.

        Raises:
            InvalidSettlement: one contradicts itself; nothing of the batch is entered.
        """
        settlements: dict[str, Settlement] = {}
        for number, body in enumerate(entries):
            if number % _PAUSE == 0:
                await asyncio.sleep(0)  # requests share this event loop
            settlement = Settlement.from_json(body)
            # A release without a hold moved no money and leaves no trace.
            if settlement.outcome == "settled" or settlement.holds:
                settlements.setdefault(settlement.request_id, settlement)
        if not settlements:
            return
        await lock_tenants(session, {s.tenant for s in settlements.values()})
        closed = await _insert_closing(session, settlements.values())
        fresh = [s for request_id, s in settlements.items() if request_id in closed]
        await _insert(session, LedgerEntry, [_reserve_row(s) for s in fresh if s.holds])
        settled = [s for s in fresh if s.outcome == "settled"]
        records = [_usage_row(settlement) for settlement in settled]
        await _insert(session, UsageRecord, records)
        await move_rollups(session, records)
        await move_accounts(session, [(s.tenant, "settle", s.currency, s.cost) for s in settled])
        await _insert(session, PriceUnit, _price_rows(settled))
        await _insert(session, PriceRate, _rate_rows(settled))
        await _move_balances(session, settled, self._clock.now())


async def _insert_closing(session: AsyncSession, settlements: Iterable[Settlement]) -> set[str]:
    """Insert the closing entries; the request ids of those that were not there before."""
    rows = [_closing_row(settlement) for settlement in settlements]
    entries = _table(LedgerEntry)
    return set(await insert_new(session, entries, rows, entries.c.request_id))


async def _insert(session: AsyncSession, model: type[Base], rows: Rows) -> None:
    await insert_new(session, _table(model), rows)


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)


def _entry_row(settlement: Settlement, kind: str, amount: Decimal) -> dict[str, Any]:
    return {
        "request_id": settlement.request_id,
        "kind": kind,
        "tenant": settlement.tenant,
        "at": settlement.at,
        "amount": amount,
        "currency": settlement.currency,
        "debit": POSTINGS[kind][0],
        "credit": POSTINGS[kind][1],
        "organisation": settlement.organisation,
    }


def _closing_row(settlement: Settlement) -> dict[str, Any]:
    if settlement.outcome == "settled":
        return _entry_row(settlement, "settle", settlement.cost)
    return _entry_row(settlement, "release", settlement.reserved)


def _reserve_row(settlement: Settlement) -> dict[str, Any]:
    return _entry_row(settlement, "reserve", settlement.reserved)


def _usage_row(settlement: Settlement) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(_FACTS, _facts(settlement), strict=True))
    row |= zip(_TOKENS, _tokens(settlement.usage), strict=True)
    row["worker_seconds"] = settlement.usage.worker_seconds
    row["estimated"] = settlement.usage.estimated
    row["day"] = settlement.at.date()
    return row


def _price_rows(settlements: Iterable[Settlement]) -> list[dict[str, Any]]:
    units: dict[tuple[str | None, str], dict[str, Any]] = {}
    for settlement in settlements:
        for line in settlement.lines:
            if line.name == MINIMUM:  # it has no unit; the usage record holds its amount
                continue
            units[settlement.price_version, line.name] = {
                "price_version": settlement.price_version,
                "token_class": line.name,
                "price": line.price,
                "list_price": line.price if line.list_price is None else line.list_price,
                "per": line.per,
                "currency": settlement.currency,
            }
    return [units[key] for key in sorted(units, key=str)]


def _rate_rows(settlements: Iterable[Settlement]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for settlement in settlements:
        version = settlement.price_version
        if settlement.rate is not None and version is not None and version not in rows:
            rows[version] = {"id": version, **asdict(settlement.rate)}
    return [rows[key] for key in sorted(rows)]


async def _move_balances(
    session: AsyncSession, settled: Sequence[Settlement], now: datetime
) -> None:
    """Add costs to ``spent`` wherever they belong; take them out of the leases they drew on."""
    budgets = await repository.all_budgets(session, {s.tenant for s in settled})
    if not budgets:
        return
    periods = await repository.periods_of(session, [budget.id for budget in budgets])
    by_budget: dict[str, list[BudgetPeriod]] = {}
    for period in periods:
        by_budget.setdefault(period.budget_id, []).append(period)
    for budget in budgets:
        for settlement in settled:
            _charge(budget, by_budget.get(budget.id, []), settlement, now)
    await _draw_from_leases(session, settled, {period.id: period for period in periods})


def _charge(
    budget: Budget, periods: Sequence[BudgetPeriod], settlement: Settlement, now: datetime
) -> None:
    ids = {"tenant": settlement.tenant, "project": settlement.project_id, "key": settlement.key_id}
    if budget.tenant != settlement.tenant or ids[budget.scope] != budget.scope_id:
        return
    for period in periods:
        open_end = period.ends_at is None or settlement.at < period.ends_at
        if period.starts_at <= settlement.at and open_end:
            period.spent = EXACT.add(period.spent, settlement.cost)
            if period.over_at is None and period.spent >= budget.limit:
                period.over_at = now


async def _draw_from_leases(
    session: AsyncSession, settled: Sequence[Settlement], periods: Mapping[str, BudgetPeriod]
) -> None:
    drawn: dict[str, Decimal] = {}
    for settlement in settled:
        # What a cost has beyond its reservation was never in the lease.
        amount = min(settlement.cost, settlement.reserved)
        for hold in settlement.holds:
            drawn[hold.lease_id] = EXACT.add(drawn.get(hold.lease_id, ZERO), amount)
    for lease in await repository.leases_by_id(session, list(drawn)):
        amount = min(drawn[lease.id], lease.amount)
        lease.amount = EXACT.subtract(lease.amount, amount)
        period = periods[lease.period_id]
        period.leased = EXACT.subtract(period.leased, amount)
