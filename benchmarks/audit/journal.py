"""What the audit trail costs a request, and how fast it drains and verifies.

    python -m benchmarks.audit.journal [--requests 20000] [--directory DIR] [--database URL]

CPU is that of the whole process (event loop and sync thread); ``baseline`` is
the same loop of tasks without a journal, and is subtracted; the best of several rounds counts.
The record is as
large as a real one (about 1.1 KB in the journal, intent, note and settlement
beside it).
"""

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from core.clock import SystemClock, isoformat
from core.database import Base, Database
from gateway.audit import (
    AuditChain,
    DetectorVerdict,
    Drain,
    Journal,
    LatencySplit,
    RequestRecord,
    Route,
    SigningKey,
    TokenCounts,
    score_text,
)
from gateway.audit.export import export
from gateway.audit.verify import verify_file

CONCURRENCY = (1, 32, 256)
ROUNDS = 8


def make_record(request_id: str) -> RequestRecord:
    """A request through every stage, as the pipeline would fill it in."""
    now = isoformat(SystemClock().now())
    guards = ("pii", "moderation", "injection")
    return RequestRecord(
        request_id=request_id,
        tenant="acme",
        outcome="completed",
        surface="/v1/chat/completions",
        started_at=now,
        ended_at=now,
        first_token_at=now,
        project="prj_01hz0000000000000000000000",
        key_id="key_01hz0000000000000000000000",
        status=200,
        finish_reason="stop",
        policy="default",
        policy_digest="sha256:" + "ab" * 32,
        detectors=[
            DetectorVerdict(
                name=name,
                version="2.2.366+1",
                direction="input",
                verdict="clean",
                action="allow",
                score=score_text(0.0123),
            )
            for name in guards
        ],
        masked={"PERSON": 1, "EMAIL_ADDRESS": 1},
        route=Route(
            requested_model="auto",
            tier="flash",
            trend="chat",
            score=score_text(0.21),
            reason="easy chat request",
            attempts=1,
        ),
        upstream="pool",
        zone="onprem",
        model="sov-flash",
        tokens=TokenCounts(input=120, output=80),
        price_version="pv_0123456789abcdef",
        currency="USD",
        cost="0.000066",
        latency=LatencySplit(total_us=120_000, upstream_us=110_000, inspect_input_us=4_000),
    )


def make_settlement(request_id: str) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "tenant": "acme",
        "project_id": "prj_01hz0000000000000000000000",
        "key_id": "key_01hz0000000000000000000000",
        "model": "sov-flash",
        "usage": {"input_tokens": 120, "output_tokens": 80},
        "price_version": "pv_0123456789abcdef",
        "cost": "0.000066",
        "outcome": "settled",
    }


async def one(journal: Journal | None, request_id: str) -> None:
    """One request's records; without a journal only the tasks' own cost."""
    if journal is None:
        await asyncio.sleep(0)
        return
    await journal.intent(request_id, {"tenant": "acme", "reserved": "0.01", "key": "key_01hz"})
    journal.note(request_id, {"upstream": "pool", "zone": "onprem", "model": "sov-flash"})
    record = make_record(request_id).to_dict()
    await journal.outcome(request_id, record, make_settlement(request_id))


async def load(journal: Journal | None, requests: int, concurrency: int) -> tuple[float, float]:
    """CPU seconds and wall seconds of ``requests`` with ``concurrency`` at a time."""
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            await one(journal, f"req_{concurrency}_{number:020d}")

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return time.process_time() - cpu, time.perf_counter() - wall


async def best(journal: Journal | None, requests: int, concurrency: int) -> tuple[float, float]:
    """The least CPU and wall time of several rounds: what others on the machine add is left out."""
    rounds = [await load(journal, requests, concurrency) for _ in range(ROUNDS)]
    return min(cpu for cpu, _ in rounds), min(wall for _, wall in rounds)


async def measure_journal(directory: Path, requests: int) -> list[dict[str, Any]]:
    rows = []
    for concurrency in CONCURRENCY:
        count = requests // ROUNDS if concurrency > 1 else requests // ROUNDS // 10
        journal = Journal.open(directory / f"journal-{concurrency}", SystemClock())
        base_cpu, _ = await best(None, count, concurrency)
        cpu, wall = await best(journal, count, concurrency)
        await journal.close()
        rows.append(
            {
                "concurrency": concurrency,
                "cpu_us_per_request": round((cpu - base_cpu) / count * 1e6, 1),
                "requests_per_s": round(count / wall),
                "latency_us": round(wall / count * concurrency * 1e6),
            }
        )
    return rows


async def measure_drain(directory: Path, url: str, requests: int) -> dict[str, Any]:
    clock, database = SystemClock(), Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    key = SigningKey.load_or_create(None, directory)
    journal = Journal.open(directory / "journal-drain", clock)
    for number in range(requests):
        name = f"req_{time.time_ns()}_{number}"
        await journal.outcome(name, make_record(name).to_dict(), make_settlement(name))
    size = journal.backlog_bytes
    drain = Drain(journal, database, AuditChain(clock, key), clock=clock)
    cpu, wall = time.process_time(), time.perf_counter()
    await drain.start()
    await drain.flush()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await drain.stop()
    await journal.close()
    file = directory / "export.jsonl"
    begun = time.perf_counter()
    async with database.session() as session:
        with file.open("wb") as out:
            result = await export(session, "acme", None, None, "jsonl", out, key=key)
    exported = time.perf_counter() - begun
    begun = time.perf_counter()
    report = verify_file(file, key.public_key)
    verified = time.perf_counter() - begun
    await database.dispose()
    if not report.ok:
        raise SystemExit(report.summary())
    return {
        "database": "sqlite" if database.is_sqlite else "postgresql",
        "records_per_s": round(requests / wall),
        "cpu_us_per_record": round(cpu / requests * 1e6, 1),
        "journal_bytes_per_record": size // requests,
        "exported_per_s": round(result.records / exported),
        "exported_bytes_per_record": file.stat().st_size // result.records,
        "verified_per_s": round(report.records / verified),
    }


async def run(directory: Path, url: str, requests: int) -> dict[str, Any]:
    return {
        "journal": await measure_journal(directory, requests),
        "drain": await measure_drain(directory, url, requests),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of the audit trail.")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--directory", type=Path, help="on the disk to be measured")
    parser.add_argument("--database", help="URL of an empty database; SQLite if not given")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="audit-bench-", dir=options.directory))
    try:
        url = options.database or f"sqlite+aiosqlite:///{directory / 'bench.db'}"
        print(json.dumps(asyncio.run(run(directory, url, options.requests)), indent=1))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
