"""What money costs: a reservation, a drained settlement, a month's report, a row.

    python -m benchmarks.billing.bench_money --url postgresql+asyncpg://... [--requests 20000]

The database must be migrated and empty. Figures are printed as one JSON object.
"""

import argparse
import asyncio
import json
import time
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from billing import (
    BudgetKeeper,
    BudgetService,
    LedgerSink,
    PriceBook,
    Reservation,
    Settlement,
    Usage,
    billing_report,
    run_check,
    snapshot,
)
from billing.periods import PeriodKind, period_at
from core.clock import SystemClock
from core.database import Database

_BATCH = 500
_BOOK = PriceBook.from_settings(
    [{"model": "sov-flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}]
)
_USAGE = Usage(input_tokens=900, output_tokens=180, worker_seconds=Decimal("0.75"))


async def measure(url: str, requests: int) -> dict[str, Any]:
    """Reserve, settle and drain ``requests`` requests against three hard budgets."""
    database, clock = Database(url), SystemClock()
    try:
        await _budgets(database, clock)
        keeper = BudgetKeeper(database, clock, "bench")
        await keeper.start()
        settlements, hold_us = await _serve(keeper, requests)
        cpu = time.process_time()
        drained_s = await _drain(database, clock, settlements)
        drain_cpu_us = (time.process_time() - cpu) / requests * 1e6
        await keeper.stop()
        return {
            "requests": requests,
            "reserve_and_settle_cpu_us": round(hold_us, 1),
            "drained_per_s": round(requests / drained_s),
            "drain_cpu_us": round(drain_cpu_us, 1),
            "bytes_per_request": await _bytes(database, requests),
            "month_report_ms": await _report_ms(database, clock),
            "check_ok": (await run_check(database)).ok,
        }
    finally:
        await database.dispose()


async def _budgets(database: Database, clock: SystemClock) -> None:
    service = BudgetService(clock)
    async with database.transaction() as session:
        for scope, scope_id in (("tenant", "acme"), ("project", "prj_1"), ("key", "key_1")):
            await service.create(session, "acme", limit="100000", scope=scope, scope_id=scope_id)


async def _serve(keeper: BudgetKeeper, requests: int) -> tuple[list[dict[str, Any]], float]:
    version = _BOOK.version_for("sov-flash", SystemClock().now())
    worst, breakdown = version.plain.worst_case(1000, 400), version.cost(_USAGE)
    settlements: list[dict[str, Any]] = []
    spent_s = 0.0
    for number in range(requests):
        begin = time.process_time()
        reservation = await _reserve(keeper, number, worst)
        keeper.settle(reservation, breakdown.total)
        spent_s += time.process_time() - begin
        settlement = Settlement.settle(
            reservation,
            usage=_USAGE,
            breakdown=breakdown,
            model="sov-flash",
            tier="flash",
            upstream="pool",
            zone="onprem",
            trend="chat",
        )
        settlements.append(settlement.to_json())
    return settlements, spent_s / requests * 1e6


async def _reserve(keeper: BudgetKeeper, number: int, amount: Decimal) -> Reservation:
    return await keeper.reserve(
        request_id=f"req_{number:026d}",
        tenant="acme",
        project_id="prj_1",
        key_id="key_1",
        amount=amount,
    )


async def _drain(
    database: Database, clock: SystemClock, settlements: list[dict[str, Any]]
) -> float:
    sink = LedgerSink(clock)
    begin = time.perf_counter()
    for start in range(0, len(settlements), _BATCH):
        async with database.transaction() as session:
            await sink.apply(session, settlements[start : start + _BATCH])
    return time.perf_counter() - begin


async def _bytes(database: Database, requests: int) -> dict[str, int] | None:
    """Table and indexes per request, on PostgreSQL."""
    if database.is_sqlite:
        return None
    async with database.session() as session:
        return {
            table: int(
                await session.scalar(text(f"SELECT pg_total_relation_size('{table}')")) / requests
            )
            for table in ("ledger_entries", "usage_records")
        }


async def _report_ms(database: Database, clock: SystemClock) -> float:
    month = period_at(PeriodKind.MONTH, clock.now())
    end = month.ends_at or clock.now()
    begin = time.perf_counter()
    async with snapshot(database) as session:
        await billing_report(session, "acme", month.starts_at, end)
    return round((time.perf_counter() - begin) * 1e3, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--requests", type=int, default=20_000)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measure(arguments.url, arguments.requests)), indent=2))


if __name__ == "__main__":
    main()
