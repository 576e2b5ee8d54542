"""How fast the journal drains into a database, and how large a record is there.

    python -m benchmarks.audit.bench_drain [--requests 20000] [--rounds 3] [--sqlite] [--url URL]

Without ``--url`` it starts a PostgreSQL of its own (durable; ``benchmarks/billing/server.py``).
The journal holds whole requests: intent, call note and outcome. Drained are

- ``audit``: audit records alone
- ``whole``: audit records and settlements, as the gateway does

``floor`` writes the same rows with COPY (SQLite: one prepared INSERT) and does nothing
else. CPU in microseconds per record, of this process and of the server; the machine has
to do both, so two cores can drain at most 2,000,000 / (process + server) a second.
``longest_us`` is the longest that any one callback kept the event loop (its CPU time).
"""

import argparse
import asyncio
import gc
import json
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy import text

from benchmarks.audit.exchanges import (
    CLOCK,
    make_exchange,
    settle,
    write_intent,
    write_note,
    write_outcome,
)
from benchmarks.billing import traffic
from benchmarks.billing.server import Stopwatch, bench_server, migrated, server_process
from billing import BudgetKeeper, LedgerSink
from core.database import Database
from gateway.audit import AuditChain, Drain, Journal, SigningKey

MODES = ("audit", "whole")
_BATCH = 1000
Figures = dict[str, float]


async def fill(journal: Journal, keeper: BudgetKeeper, mode: str, requests: int) -> None:
    """Whole requests, as ``requests`` clients leave them."""
    callers = traffic.callers(["acme"])
    for number in range(requests):
        caller, exchange = next(callers), make_exchange(number)
        settlement = settle(exchange)
        if mode == "whole":
            exchange.reservation = await traffic.reserve(keeper, caller)
            exchange.request_id = exchange.reservation.request_id
            settlement = traffic.settle(exchange.reservation, caller, number)
            keeper.settle(exchange.reservation, settlement.cost)
        intent = write_intent(journal, exchange)
        await asyncio.sleep(0)
        write_note(journal, exchange)
        await write_outcome(journal, exchange, settlement if mode == "whole" else None)
        if number % 256 == 0:
            await intent


async def drain_once(
    database: Database, keeper: BudgetKeeper, mode: str, requests: int, *, timed: bool = False
) -> Figures:
    """A journal written and drained; ``timed`` looks at each callback, which costs a little."""
    with tempfile.TemporaryDirectory(prefix="sovgate-bench-") as folder:
        journal = Journal.open(Path(folder) / "journal", CLOCK)
        await fill(journal, keeper, mode, requests)
        sinks = [LedgerSink(CLOCK)] if mode == "whole" else []
        chain = AuditChain(CLOCK, SigningKey.load_or_create(None, Path(folder)))
        drain = Drain(journal, database, chain, sinks, clock=CLOCK)
        gc.collect()
        gc.freeze()  # as the gateway does when it has started
        watch, begun = Stopwatch(await server_process(database)), time.perf_counter()
        with longest_callback() if timed else nullcontext({}) as longest:
            await drain.start()
            await drain.flush()
        found = _figures(watch, requests, time.perf_counter() - begun) | longest
        await drain.stop()
        await journal.close()
    return found


def _figures(watch: Stopwatch, requests: int, taken_s: float) -> Figures:
    process, server = watch.own_s() / requests * 1e6, watch.server_s() / requests * 1e6
    return {
        "per_s": requests / taken_s,
        "process_us": process,
        "server_us": server,
        "two_cores_per_s": 2e6 / (process + server),
    }


@contextmanager
def longest_callback() -> Iterator[dict[str, float]]:
    """CPU microseconds of the longest callback of the event loop within the block."""
    found = {"longest_us": 0.0}
    original = asyncio.Handle._run

    def timed(self: asyncio.Handle) -> None:
        begun = time.thread_time()
        original(self)
        found["longest_us"] = max(found["longest_us"], (time.thread_time() - begun) * 1e6)

    asyncio.Handle._run = timed  # type: ignore[method-assign]
    try:
        yield found
    finally:
        asyncio.Handle._run = original  # type: ignore[method-assign]


async def copy_floor(url: str, database: Database, requests: int) -> Figures:
    """The newest records, copied into a table like theirs."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("DROP TABLE IF EXISTS bench_records")
    await connection.execute("CREATE TABLE bench_records (LIKE audit_records INCLUDING ALL)")
    query = f"SELECT * FROM audit_records ORDER BY seq DESC LIMIT {requests}"
    rows = [tuple(row) for row in await connection.fetch(query)]
    watch, begun = Stopwatch(await server_process(database)), time.perf_counter()
    for first in range(0, requests, _BATCH):
        async with connection.transaction():
            await connection.copy_records_to_table(
                "bench_records", records=rows[first : first + _BATCH]
            )
    found = _figures(watch, requests, time.perf_counter() - begun)
    await connection.close()
    return found


async def insert_floor(database: Database, requests: int) -> Figures:
    """The same for SQLite: one prepared statement, a transaction for each batch."""
    connection = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
    query = f"SELECT * FROM audit_records ORDER BY seq DESC LIMIT {requests}"
    rows = connection.execute(query).fetchall()
    (ddl,) = connection.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'audit_records'"
    ).fetchone()
    connection.execute("DROP TABLE IF EXISTS bench_records")
    connection.execute(ddl.replace("audit_records", "bench_records", 1))
    marks = ", ".join("?" * len(rows[0]))
    watch, begun = Stopwatch(None), time.perf_counter()
    for first in range(0, requests, _BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT INTO bench_records VALUES ({marks})", rows[first : first + _BATCH]
        )
        connection.execute("COMMIT")
    found = _figures(watch, requests, time.perf_counter() - begun)
    connection.close()
    return found


async def sizes(database: Database) -> dict[str, int]:
    """Bytes a record, of PostgreSQL's table and its indexes."""
    async with database.session() as session:
        if database.is_sqlite:
            pages = await session.scalar(text("PRAGMA page_count"))
            count = await session.scalar(text("SELECT count(*) FROM audit_records"))
            return {"whole_file": int(pages or 0) * 4096 // int(count or 1)}
        query = (
            "SELECT pg_table_size('audit_records') / count(*), "
            "pg_indexes_size('audit_records') / count(*), avg(octet_length(body))::bigint "
            "FROM audit_records"
        )
        table, indexes, body = (await session.execute(text(query))).one()
        return {"table": table, "indexes": indexes, "together": table + indexes, "body": body}


async def measure(url: str, requests: int, rounds: int) -> dict[str, Any]:
    async with migrated(url) as database, budgets(database) as keeper:
        drained: dict[str, list[Figures]] = {}
        size: dict[str, int] = {}
        for mode in MODES:
            for _ in range(rounds):
                found = await drain_once(database, keeper, mode, requests)
                drained.setdefault(mode, []).append(found)
                floor = (
                    await insert_floor(database, requests)
                    if database.is_sqlite
                    else await copy_floor(url, database, requests)
                )
                drained.setdefault("floor", []).append(floor)
            if mode == "audit":
                size = await sizes(database)
        figures = {
            name: {key: round(median(one[key] for one in found)) for key in found[0]}
            for name, found in drained.items()
        }
        found = await drain_once(database, keeper, "whole", requests, timed=True)
        figures["whole"]["longest_us"] = round(found["longest_us"])
        return {"requests": requests, "drained": figures, "bytes_per_record": size}


@asynccontextmanager
async def budgets(database: Database) -> AsyncIterator[BudgetKeeper]:
    await traffic.make_budgets(database, CLOCK, ["acme"])
    keeper = BudgetKeeper(database, CLOCK, "bench")
    await keeper.start()
    yield keeper
    await keeper.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Records drained per second, bytes per record.")
    parser.add_argument("--url", help="of an empty PostgreSQL of your own")
    parser.add_argument("--sqlite", action="store_true", help="into SQLite instead")
    parser.add_argument("--directory", type=Path, help="on the disk for the database")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with _server(options) as url:
        print(json.dumps(asyncio.run(measure(url, options.requests, options.rounds)), indent=1))


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[str]:
    if options.sqlite:
        with tempfile.TemporaryDirectory(prefix="sovgate-bench-", dir=options.directory) as folder:
            yield f"sqlite+aiosqlite:///{folder}/bench.db"
        return
    with nullcontext(options.url) if options.url else bench_server(options.directory) as url:
        yield url


if __name__ == "__main__":
    main()
