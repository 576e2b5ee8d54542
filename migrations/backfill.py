"""Fills tables that a migration adds from rows that were there before."""

from collections.abc import Iterator
from typing import Any, cast

import sqlalchemy as sa

from billing.ledger.rollups import add_up, days_of
from billing.models import LedgerBalance, LedgerEntry, UsageDay, UsageRecord, UsageRollup
from core.database import amount_sum

_PAGE = 10_000


def backfill_rollups(connection: sa.Connection) -> None:
    """The roll-ups of every usage record, tenant by tenant."""
    records = sa.select(cast(sa.Table, UsageRecord.__table__))
    for tenant in list(connection.scalars(sa.select(UsageRecord.tenant).distinct())):
        rows = connection.execute(records.where(UsageRecord.tenant == tenant))
        hours = add_up(_mappings(rows))
        if hours:
            connection.execute(sa.insert(UsageRollup), list(hours.values()))
            connection.execute(sa.insert(UsageDay), list(days_of(hours.values()).values()))


def backfill_balances(connection: sa.Connection) -> None:
    """What every tenant owes: the entries of before are all from revenue to unbilled."""
    query = (
        sa.select(LedgerEntry.tenant, LedgerEntry.currency, amount_sum(LedgerEntry.amount))
        .where(LedgerEntry.kind.in_(("settle", "adjustment")))
        .group_by(LedgerEntry.tenant, LedgerEntry.currency)
    )
    for tenant, currency, total in connection.execute(query).all():
        rows = [
            {"tenant": tenant, "account": account, "currency": currency, "balance": balance}
            for account, balance in (("unbilled", total), ("revenue", -total))
        ]
        connection.execute(sa.insert(LedgerBalance), rows)


def _mappings(rows: sa.CursorResult[Any]) -> Iterator[dict[str, Any]]:
    for page in rows.partitions(_PAGE):
        yield from (dict(row._mapping) for row in page)
