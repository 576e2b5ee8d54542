"""How many records a second `audit verify` goes through: files of each format, and databases.

    python -m benchmarks.audit.bench_verify [--records 200000] [--formats jsonl,csv,parquet,sqlite]

The records are those of ordinary requests (``exchanges.py``), chained, with one signed end
(files) or a checkpoint for each 6,000 (databases: a minute at 100 requests a second).
``minutes_10m`` is what ten million records take at that speed.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Table, update

from benchmarks.audit.exchanges import CLOCK, make_exchange
from benchmarks.billing.server import bench_server, migrated
from core.batches import write_rows
from core.clock import isoformat
from core.database import Database
from gateway.audit import AuditChain, SigningKey
from gateway.audit.chain import Draft, link_hash
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.encoding import decode
from gateway.audit.formats import open_writer
from gateway.audit.merkle import Frontier
from gateway.audit.models import AuditHead, AuditRecord
from gateway.audit.verify import verify_database, verify_file
from gateway.records import request_record

FORMATS = ("jsonl", "csv", "parquet", "sqlite", "postgresql")
_TABLE = cast(Table, AuditRecord.__table__)
_SAMPLES = 500
_CHECKPOINT = 6000
_BATCH = 1000


def chained(records: int, time_text: str) -> Iterator[tuple[int, str, bytes, str, str]]:
    """(seq, request id, body, prev_hash, hash) of one tenant's chain."""
    fields = [
        request_record(
            make_exchange(number), CLOCK, status=200, weights_digest="sha256:" + "5e" * 32
        )
        for number in range(_SAMPLES)
    ]
    previous = GENESIS
    for seq in range(1, records + 1):
        name = f"req_{seq:026d}"
        members = {**fields[seq % _SAMPLES].to_dict(), "request_id": name}
        body = Draft.of_journaled("acme", name, "request", members).body(seq, time_text)
        current = link_hash(previous, body)
        yield seq, name, body, previous, current
        previous = current


def write_file(path: Path, records: int, key: SigningKey) -> None:
    """An export, signed at its end."""
    frontier = Frontier()
    with path.open("wb") as out:
        writer = open_writer(path.suffix[1:], out)  # type: ignore[arg-type] - one of FORMATS
        for seq, _, body, previous, current in chained(records, isoformat(CLOCK.now())):
            frontier.append(bytes.fromhex(current))
            record = {**decode(body), "prev_hash": previous, "hash": current}
            if seq == records:
                record["checkpoint"] = _sign(key, records, current, frontier).to_dict()
            writer.write(record)
        writer.close()


def _sign(key: SigningKey, records: int, last_hash: str, frontier: Frontier) -> Checkpoint:
    return Checkpoint.sign(
        key,
        tenant="acme",
        first_seq=1,
        last_seq=records,
        first_prev_hash=GENESIS,
        last_hash=last_hash,
        root=frontier.root().hex(),
        time=CLOCK.now(),
    )


async def fill(database: Database, records: int, key: SigningKey) -> None:
    """The same records in the database, as the drain and its checkpoints leave them."""
    chain, now = AuditChain(CLOCK, key), CLOCK.now()
    rows: list[tuple[Any, ...]] = []
    async with database.transaction() as session:
        session.add(AuditHead(tenant="acme", seq=0, hash=GENESIS, time=now, checkpoint_seq=0))
    columns = ("tenant", "seq", "request_id", "kind", "time", "body", "prev_hash", "hash")
    for seq, name, body, previous, current in chained(records, isoformat(now)):
        row = ("acme", seq, name, "request", now, body.decode(), previous, current)
        rows.append(row)
        if len(rows) == _CHECKPOINT or seq == records:
            async with database.transaction() as session:
                for at in range(0, len(rows), _BATCH):
                    await write_rows(session, _TABLE, columns, rows[at : at + _BATCH])
                await session.execute(update(AuditHead).values(seq=seq, hash=current, time=now))
            async with database.transaction() as session:
                await chain.checkpoint(session, "acme")
            rows = []


async def measure_database(url: str, records: int, key: SigningKey) -> dict[str, Any]:
    async with migrated(url) as database:
        await fill(database, records, key)
        begun, cpu = time.perf_counter(), time.process_time()
        async with database.session() as session:
            (report,) = await verify_database(session, None, [key.public_key])
        figures = _figures(records, time.perf_counter() - begun, time.process_time() - cpu)
    if not report.ok or report.records != records:
        raise SystemExit(report.summary())
    return figures


def measure_file(path: Path, records: int, key: SigningKey) -> dict[str, Any]:
    write_file(path, records, key)
    size = path.stat().st_size
    begun, cpu = time.perf_counter(), time.process_time()
    report = verify_file(path, key.public_key)
    figures = _figures(records, time.perf_counter() - begun, time.process_time() - cpu)
    path.unlink()
    if not report.ok or report.records != records:
        raise SystemExit(report.summary())
    return {**figures, "bytes_per_record": size // records}


def _figures(records: int, wall_s: float, cpu_s: float) -> dict[str, Any]:
    return {
        "records": records,
        "records_per_s": round(records / wall_s),
        "cpu_us_per_record": round(cpu_s / records * 1e6, 1),
        "minutes_10m": round(wall_s / records * 1e7 / 60, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Records verified per second.")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--directory", type=Path, help="on the disk to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sovgate-bench-", dir=options.directory) as folder:
        os.chmod(folder, 0o755)
        key = SigningKey.load_or_create(None, Path(folder))
        for kind in options.formats.split(","):
            print(
                json.dumps({kind: _measure(kind, Path(folder), options.records, key)}), flush=True
            )


def _measure(kind: str, folder: Path, records: int, key: SigningKey) -> dict[str, Any]:
    if kind in ("sqlite", "postgresql"):
        with _database(kind, folder) as url:
            return asyncio.run(measure_database(url, records, key))
    return measure_file(folder / f"export.{kind}", records, key)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder}/bench.db"
        return
    with bench_server(folder) as url:
        yield url


if __name__ == "__main__":
    main()
