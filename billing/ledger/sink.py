"""Writes settlements into the ledger and moves the balances, once per request.

Works inside the drain's transaction, with one INSERT per table for a whole
batch. A batch that is replayed changes nothing: the closing entry of a request
is unique, and only what was inserted now moves money.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, cast

from msgspec.structs import asdict
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import POSTINGS, move_accounts
from billing.ledger.balances import move_balances, owners_of
from billing.ledger.rollups import move_rollups
from billing.locks import lock_tenants
from billing.models import LedgerEntry, PriceRate, PriceUnit, UsageRecord
from billing.prices import MINIMUM
from billing.settlement import Settlement
from billing.usage import TOKEN_CLASSES
from core.batches import Rows, insert_new
from core.clock import Clock
from core.database import Base

_PAUSE = 64  # settlements read or written down before others get the event loop
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
_COUNTS = (*(f"{name}_tokens" for name in TOKEN_CLASSES), "worker_seconds", "estimated")
_USAGE = (*_FACTS, *_COUNTS)
_usage = attrgetter(*_FACTS, *(f"usage.{name}" for name in _COUNTS))


class LedgerSink:
    """The ledger's part of a drained batch.

    Args:
        clock: tells when a budget was first seen passed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def apply(
        self, session: AsyncSession, entries: Sequence[Settlement | Mapping[str, Any]]
    ) -> None:
        """Enter settlements (or what ``to_json`` makes of them), in any order, each at most once.

        Raises:
            InvalidSettlement: one contradicts itself; nothing of the batch is entered.
        """
        settlements: dict[str, Settlement] = {}
        for number, entry in enumerate(entries):
            if number % _PAUSE == 0:
                await asyncio.sleep(0)  # requests share this event loop
            known = isinstance(entry, Settlement)
            settlement = entry if known else Settlement.from_json(entry)
            # A release without a hold moved no money and leaves no trace.
            if settlement.outcome == "settled" or settlement.holds:
                settlements.setdefault(settlement.request_id, settlement)
        if not settlements:
            return
        await lock_tenants(session, owners_of(settlements.values()))
        closed = await _insert_closing(session, settlements.values())
        fresh = [s for request_id, s in settlements.items() if request_id in closed]
        await _insert(session, LedgerEntry, [_reserve_row(s) for s in fresh if s.holds])
        settled = [s for s in fresh if s.outcome == "settled"]
        records = []
        for number, settlement in enumerate(settled):
            if number % _PAUSE == 0:
                await asyncio.sleep(0)
            records.append(_usage_row(settlement))
        await _insert(session, UsageRecord, records)
        await move_rollups(session, records)
        await move_accounts(session, [(s.tenant, "settle", s.currency, s.cost) for s in settled])
        await _insert(session, PriceUnit, _price_rows(settled))
        await _insert(session, PriceRate, _rate_rows(settled))
        await move_balances(session, settled, self._clock.now())


async def _insert_closing(session: AsyncSession, settlements: Iterable[Settlement]) -> set[str]:
    """Insert the closing entries; the request ids of those that were not there before."""
    rows = [_closing_row(settlement) for settlement in settlements]
    entries = _table(LedgerEntry)
    return {name for (name,) in await insert_new(session, entries, rows, entries.c.request_id)}


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
    row: dict[str, Any] = dict(zip(_USAGE, _usage(settlement), strict=True))
    row["day"] = settlement.at.date()
    return row


def _price_rows(settlements: Iterable[Settlement]) -> list[dict[str, Any]]:
    units: dict[tuple[str | None, str], dict[str, Any]] = {}
    for settlement in settlements:
        for line in settlement.lines:
            if line.name == MINIMUM:  # it has no unit; the usage record holds its amount
                continue
            if (settlement.price_version, line.name) in units:  # a rate has one price a class
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
