"""How long reports take on a large ledger in PostgreSQL, and how large a row is.

    python -m benchmarks.billing.bench_reports [--entries 10000000] [--directory DIR]

Starts a PostgreSQL (``server.py``), fills it (``history.py``) and asks for reports of
random tenants and months; then for those of the largest tenant, which has a fifth of
all entries. In the same run: a round trip, and the same sums in hand-written SQL over
entries and records without roll-ups (the floor of doing it the simple way). Times are
in milliseconds; ``first`` is the first report of a tenant's month, often from disk.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.billing.history import MONTHS, Shape, fill, tenant_names
from benchmarks.billing.server import bench_server, migrated
from billing import billing_report, month_span, run_check, snapshot, usage_report
from billing.budgets.spending import spent_within
from billing.models import Budget
from billing.periods import PeriodKind, period_at
from core.database import Database

_TABLES = ("ledger_entries", "usage_records", "usage_rollups", "usage_days")
_GROUPS: tuple[tuple[str, ...], ...] = (
    ("model",),
    ("project", "tier"),
    ("key", "trend"),
    ("day", "token_class"),
    ("hour",),
)
_RAW = """SELECT sum(amount) FROM ledger_entries
WHERE tenant = :tenant AND kind IN ('settle', 'adjustment') AND at >= :start AND at < :end"""
_RAW_LINES = """SELECT project_id, model, tier, price_version, sum(input_tokens),
  sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost)
FROM usage_records WHERE tenant = :tenant AND at >= :start AND at < :end GROUP BY 1, 2, 3, 4"""

Call = Callable[[AsyncSession, str, datetime, datetime], Awaitable[Any]]


async def measure(database: Database, shape: Shape, calls: int) -> dict[str, Any]:
    """Everything, on a filled database."""
    rng = random.Random(shape.seed)
    names = tenant_names(shape)
    drawn = [(rng.choice(names), rng.choice(MONTHS)) for _ in range(calls)]
    largest = [(names[0], month) for month in MONTHS] * 10
    reports: dict[str, Call] = {
        "month bill": billing_report,
        **{f"usage by {', '.join(group)}": _usage(group) for group in _GROUPS},
        "spent in a new budget's month": _spent,
        "floor: SELECT 1": _round_trip,
        "floor: sum of the ledger by hand": _by_hand(_RAW),
        "without roll-ups: lines by hand": _by_hand(_RAW_LINES),
    }
    times = {
        name: {
            "random tenants": await _time(database, call, drawn),
            "largest tenant": await _time(database, call, largest),
        }
        for name, call in reports.items()
    }
    begun = time.perf_counter()
    report = await run_check(database)
    return {
        "rows": await _rows(database),
        "ms": times,
        "check": {"s": round(time.perf_counter() - begun, 1), "ok": report.ok},
    }


async def _time(
    database: Database, call: Call, drawn: list[tuple[str, str]]
) -> dict[str, float | int]:
    seen: set[tuple[str, str]] = set()
    first: list[float] = []
    again: list[float] = []
    for tenant, month in [*dict.fromkeys(drawn), *drawn]:
        begun = time.perf_counter()
        async with snapshot(database) as session:
            await call(session, tenant, *month_span(month))
        taken = (time.perf_counter() - begun) * 1e3
        (again if (tenant, month) in seen else first).append(taken)
        seen.add((tenant, month))
    again.sort()
    return {
        "calls": len(again),
        "p50": round(again[len(again) // 2], 1),
        "p95": round(again[int(len(again) * 0.95)], 1),
        "max": round(again[-1], 1),
        "first max": round(max(first), 1),
    }


def _usage(group: tuple[str, ...]) -> Call:
    async def call(session: AsyncSession, tenant: str, start: datetime, end: datetime) -> None:
        await usage_report(session, tenant, start, end, group_by=group)

    return call


def _by_hand(statement: str) -> Call:
    async def call(session: AsyncSession, tenant: str, start: datetime, end: datetime) -> None:
        values = {"tenant": tenant, "start": start, "end": end}
        (await session.execute(text(statement), values)).all()

    return call


async def _round_trip(session: AsyncSession, *_span: Any) -> None:
    await session.execute(text("SELECT 1"))


async def _spent(session: AsyncSession, tenant: str, start: datetime, _end: datetime) -> None:
    budget = Budget(tenant=tenant, scope="tenant", scope_id=tenant, period="month")
    await spent_within(session, budget, period_at(PeriodKind.MONTH, start))


async def _rows(database: Database) -> dict[str, Any]:
    """Rows of each table, and bytes per row: in all, and of every index."""
    async with database.session() as session:
        return {table: await _row_bytes(session, table) for table in _TABLES}


async def _row_bytes(session: AsyncSession, table: str) -> dict[str, Any]:
    rows = await session.scalar(text(f"SELECT count(*) FROM {table}"))
    sizes = text(f"SELECT pg_total_relation_size('{table}'), pg_table_size('{table}')")
    total, heap = (await session.execute(sizes)).one()
    indexes = text(
        "SELECT indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes "
        "WHERE relname = :table ORDER BY 2 DESC"
    )
    found = await session.execute(indexes, {"table": table})
    return {
        "rows": rows,
        "bytes": round(total / rows),
        "table": round(heap / rows),
        "indexes": {name: round(size / rows, 1) for name, size in found},
    }


async def run(url: str, shape: Shape, calls: int, *, filled: bool) -> dict[str, Any]:
    async with migrated(url) as database:
        begun = time.perf_counter()
        if not filled:
            await fill(database, shape)
        took = round(time.perf_counter() - begun)
        return {"entries": shape.entries, "fill_s": took, **await measure(database, shape, calls)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Reports on a large ledger, rows' sizes, the check."
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--directory", type=Path, help="on the disk for the database")
    parser.add_argument("--url", help="of an empty database of your own")
    parser.add_argument("--filled", action="store_true", help="the database holds the history")
    options = parser.parse_args()
    shape = Shape(entries=options.entries)
    if options.url:
        found = asyncio.run(run(options.url, shape, options.calls, filled=options.filled))
    else:
        with bench_server(options.directory) as url:
            found = asyncio.run(run(url, shape, options.calls, filled=False))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
