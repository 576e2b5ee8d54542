"""What money costs: a reservation in memory, and requests drained into PostgreSQL.

    python -m benchmarks.billing.bench_money [--url URL] [--requests 20000] [--rounds 3]

Without ``--url`` it starts a PostgreSQL of its own (``server.py``). Every request has
three hard budgets, so it writes two ledger entries and a usage record, and moves
roll-ups, accounts, budgets and leases. Drained are, with one process and with two:

- ``ledger``: the settlements alone, in batches of 400
- ``audit``: journals with audit records alone
- ``whole``: journals with both, as the gateway drains them

``copy`` writes the same rows with COPY and does nothing else: the floor. Processes and
PostgreSQL share the machine; medians of the rounds; CPU in microseconds per request.
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from contextlib import nullcontext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from benchmarks.audit.exchanges import make_exchange, record_of
from benchmarks.billing import traffic
from benchmarks.billing.server import Stopwatch, bench_server, migrated, server_process
from billing import BudgetKeeper, LedgerSink, run_check
from core.clock import SystemClock
from core.database import Database
from gateway.audit import AuditChain, Drain, Journal, SigningKey

_BATCH = 400  # about what the drain takes from the journal at once
_TENANTS = 8
MODES = ("ledger", "audit", "whole")
Bodies = list[dict[str, Any]]


async def prepare(
    database: Database, clock: SystemClock, tenants: list[str], requests: int
) -> tuple[Bodies, float]:
    """Reserve and settle in memory; the settlements, and the CPU seconds of the keeper."""
    await traffic.make_budgets(database, clock, tenants)
    keeper = BudgetKeeper(database, clock, f"bench-{tenants[0]}")
    await keeper.start()
    bodies: Bodies = []
    spent_s = 0.0
    for number, caller in zip(range(requests), traffic.callers(tenants), strict=False):
        begun = time.process_time()
        reservation = await traffic.reserve(keeper, caller)
        spent_s += time.process_time() - begun
        settlement = traffic.settle(reservation, caller, number)
        begun = time.process_time()
        keeper.settle(reservation, settlement.cost)
        spent_s += time.process_time() - begun
        bodies.append(settlement.to_json())
    await keeper.stop()
    return bodies, spent_s


async def drain_process(
    ready: Barrier, url: str, mode: str, tenants: list[str], requests: int
) -> tuple[float, float, float]:
    """One gateway's part: (begun, ended, CPU seconds); waits for the others to be ready."""
    database, clock = Database(url), SystemClock()
    bodies, _ = await prepare(database, clock, tenants, requests)
    with tempfile.TemporaryDirectory(prefix="sovgate-bench-") as folder:
        journal = await _journal(Path(folder), clock, mode, bodies)
        sinks = [LedgerSink(clock)] if mode == "whole" else []
        chain = AuditChain(clock, SigningKey.load_or_create(None, Path(folder)))
        drain = Drain(journal, database, chain, sinks, clock=clock)
        await asyncio.to_thread(ready.wait)
        begun, cpu = time.time(), time.process_time()
        if mode == "ledger":
            await _apply(database, clock, bodies)
        else:
            await drain.start()
            await drain.flush()
        ended, cpu = time.time(), time.process_time() - cpu
        await drain.stop()
        await journal.close()
    await database.dispose()
    return begun, ended, cpu


async def _journal(folder: Path, clock: SystemClock, mode: str, bodies: Bodies) -> Journal:
    journal = Journal.open(folder / "journal", clock)
    if mode != "ledger":
        for body in bodies:
            name, tenant = body["request_id"], body["tenant"]
            exchange = make_exchange(0, tenant)
            exchange.request_id = name
            await journal.outcome(name, record_of(exchange), body if mode == "whole" else None)
    return journal


async def _apply(database: Database, clock: SystemClock, bodies: Bodies) -> None:
    sink = LedgerSink(clock)
    for first in range(0, len(bodies), _BATCH):
        async with database.transaction() as session:
            await sink.apply(session, bodies[first : first + _BATCH])


def _run_process(
    results: Any, ready: Barrier, url: str, mode: str, tenants: list[str], requests: int
) -> None:
    results.put(asyncio.run(drain_process(ready, url, mode, tenants, requests)))


async def measure_drain(
    url: str, database: Database, mode: str, processes: int, requests: int, label: str
) -> dict[str, float]:
    """Requests per second of some processes together, and CPU per request."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(processes + 1), context.Queue()
    workers = [
        context.Process(
            target=_run_process,
            args=(results, ready, url, mode, _names(f"{label}-{n}"), requests // processes),
        )
        for n in range(processes)
    ]
    for worker in workers:
        worker.start()
    server = await server_process(database)
    await asyncio.to_thread(ready.wait)
    watch = Stopwatch(server)
    found = [await asyncio.to_thread(results.get, timeout=300) for _ in workers]
    server_s = watch.server_s()
    for worker in workers:
        worker.join()
    begun, ended, cpu = zip(*found, strict=True)
    return {
        "per_s": requests / (max(ended) - min(begun)),
        "process_us": sum(cpu) / requests * 1e6,
        "server_us": server_s / requests * 1e6,
    }


def _names(label: str) -> list[str]:
    return [f"{label}-{number}" for number in range(_TENANTS)]


async def measure_copy(url: str, database: Database, requests: int) -> dict[str, float]:
    """The newest rows of the ledger and of the records, copied into tables like theirs."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    tables = {"ledger_entries": 2 * requests, "usage_records": requests}
    rows: dict[str, list[Any]] = {}
    for table, count in tables.items():
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS bench_{table} (LIKE {table} INCLUDING ALL)"
        )
        await connection.execute(f"TRUNCATE bench_{table}")
        found = await connection.fetch(f"SELECT * FROM {table} LIMIT {count}")
        rows[table] = [tuple(row) for row in found]
    watch, begun = Stopwatch(await server_process(database)), time.perf_counter()
    for first in range(0, requests, _BATCH):
        async with connection.transaction():
            for table, per_request in (("ledger_entries", 2), ("usage_records", 1)):
                some = rows[table][first * per_request : (first + _BATCH) * per_request]
                await connection.copy_records_to_table(f"bench_{table}", records=some)
    taken = time.perf_counter() - begun
    found = {
        "per_s": requests / taken,
        "process_us": watch.own_s() / requests * 1e6,
        "server_us": watch.server_s() / requests * 1e6,
    }
    await connection.close()
    return found


async def measure(url: str, requests: int, rounds: int) -> dict[str, Any]:
    async with migrated(url) as database:
        _, spent_s = await prepare(database, SystemClock(), _names("memory"), requests)
        drained: dict[str, list[dict[str, float]]] = {}
        for number in range(rounds):
            for mode in MODES:
                for processes in (1, 2):
                    found = await measure_drain(
                        url, database, mode, processes, requests, f"{mode}-{processes}-{number}"
                    )
                    drained.setdefault(
                        f"{mode}, {processes} process{'es' if processes > 1 else ''}", []
                    ).append(found)
            drained.setdefault("copy", []).append(await measure_copy(url, database, requests))
        report = await run_check(database)
        figures = {
            name: {key: round(median(one[key] for one in found)) for key in found[0]}
            for name, found in drained.items()
        }
        return {
            "requests": requests,
            "reserve_and_settle_us": round(spent_s / requests * 1e6, 1),
            "drained": figures,
            "check_ok": report.ok,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="Reservations, and requests drained per second.")
    parser.add_argument("--url", help="of an empty PostgreSQL of your own")
    parser.add_argument("--directory", type=Path, help="on the disk for the database")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with nullcontext(options.url) if options.url else bench_server(options.directory) as url:
        print(json.dumps(asyncio.run(measure(url, options.requests, options.rounds)), indent=1))


if __name__ == "__main__":
    main()
