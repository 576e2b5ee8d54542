"""How long the audit trail is searched: pages of the admin API over many records.

    python -m benchmarks.audit.bench_query [--records 1000000] [--url URL]

Without ``--url`` it starts a PostgreSQL of its own. The records are made in the database, of
the size and shape of a request's, but not chained: searching does not look at hashes.
``page`` is one call (50 records, 100,000 looked at); ``whole`` goes on until all were.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.billing.server import bench_server, migrated
from core.database import Database
from gateway.audit.filters import RecordFilter
from gateway.audit.query import newest

START = datetime(2026, 1, 1, tzinfo=UTC)
_BODY = """
format('{"client_address":null,"cost":"0.00000585","currency":"USD","detectors":['
 || '{"action":"mask","category":null,"direction":"input","name":"pii","score":null,'
 || '"verdict":"found","version":"presidio-2.2.366+sovgate-1"},{"action":"allow",'
 || '"category":null,"direction":"input","name":"moderation","score":"0.0100",'
 || '"verdict":"clear","version":"1e2ba3e1d1e4"}],"ended_at":"2026-11-21T12:00:00.250000Z",'
 || '"error_code":null,"finish_reason":"stop","key_id":"key_%s","kind":"request",'
 || '"latency":{"admit_us":1300,"inspect_input_us":11100,"journal_us":100,"total_us":15200},'
 || '"masked":{"EMAIL_ADDRESS":1},"model":"sov-flash","outcome":"%s","policy":"default",'
 || '"project":"prj_01m8h0asg622vvk57kxefeb7pq","request_id":"req_%s","schema":1,"seq":%s,'
 || '"status":200,"stream":false,"surface":"chat","tenant":"acme","upstream":"pool",'
 || '"user":"%s","zone":"%s"}',
 n %% 50, CASE WHEN n %% 100 = 0 THEN 'blocked' ELSE 'completed' END, n, n,
 md5((n %% 10000)::text), CASE WHEN n = 1000 THEN 'us' ELSE 'eu' END)
""".replace("%%", "%")


async def fill(database: Database, records: int) -> None:
    """Records one second apart."""
    statement = (
        "INSERT INTO audit_records (tenant, seq, request_id, kind, time, body, prev_hash, hash)"
        " SELECT 'acme', n, 'req_' || n, 'request', $1::timestamptz + n * interval '1 s',"
        f" {_BODY}, repeat('0', 64), repeat('0', 64) FROM generate_series(1, $2::int) n"
    )
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(statement, (START, records))
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE audit_records"))


def filters(records: int) -> dict[str, RecordFilter]:
    """Common and rare ones; the rarest stands a thousand records from the oldest."""
    middle = START + timedelta(seconds=records // 2)
    return {
        "none": RecordFilter(),
        "one in 100 (outcome)": RecordFilter(outcome="blocked"),
        "one in 10,000 (user)": RecordFilter(user="c4ca4238a0b923820dcc509a6f75849b"),
        "one of all (zone)": RecordFilter(zone="us"),
        "nothing (upstream)": RecordFilter(upstream="elsewhere"),
        "one hour (time)": RecordFilter(start=middle, end=middle + timedelta(hours=1)),
        "one request (id)": RecordFilter(request_id="req_77"),
    }


async def measure(database: Database, wanted: RecordFilter) -> dict[str, Any]:
    """Milliseconds of the first page, and of all pages until the end or 50 records."""
    found, before, calls, first = 0, None, 0, 0.0
    begun = time.perf_counter()
    while True:
        async with database.session() as session:
            page = await newest(session, "acme", wanted, limit=50, before=before)
        calls += 1
        first = first or time.perf_counter() - begun
        found += len(page.records)
        before = page.next_before
        if before is None or found >= 50:
            break
    whole = time.perf_counter() - begun
    return {
        "found": found,
        "page_ms": round(first * 1000, 1),
        "calls": calls,
        "whole_ms": round(whole * 1000, 1),
    }


async def run(url: str, records: int) -> None:
    async with migrated(url) as database:
        begun = time.perf_counter()
        await fill(database, records)
        print(json.dumps({"records": records, "filled_s": round(time.perf_counter() - begun, 1)}))
        for name, wanted in filters(records).items():
            await measure(database, wanted)
            print(json.dumps({"filter": name} | await measure(database, wanted)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--url", help="of an empty PostgreSQL database")
    parser.add_argument("--directory", type=Path, help="where the server's data may lie")
    options = parser.parse_args()
    if options.url:
        asyncio.run(run(options.url, options.records))
        return
    with bench_server(options.directory) as url:
        asyncio.run(run(url, options.records))


if __name__ == "__main__":
    main()
