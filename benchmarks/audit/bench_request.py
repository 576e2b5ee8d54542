"""What the audit trail costs a request: its records made and journaled.

    python -m benchmarks.audit.bench_request [--requests 20000] [--rounds 9] [--directory DIR]

CPU of the whole process (event loop and sync thread) for the intent, the call note and
the outcome, with everything that is made only for them.
``baseline`` is the same loop of tasks, exchanges and settlements without any, and is
subtracted. Medians of the
rounds; a round of each kind follows the other, so that both see the same machine.
"""

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.audit.exchanges import (
    CLOCK,
    make_exchange,
    settle,
    write_intent,
    write_note,
    write_outcome,
)
from gateway.audit import Journal
from gateway.exchange import Exchange

CONCURRENCY = (1, 32, 256)
Request = Callable[[Exchange, Any], Awaitable[None]]


async def bare(exchange: Exchange, settlement: Any) -> None:
    """The tasks' own cost: guards run meanwhile, so a request waits at least once."""
    await asyncio.sleep(0)


def journaled(journal: Journal) -> Request:
    async def request(exchange: Exchange, settlement: Any) -> None:
        intent = write_intent(journal, exchange)
        await asyncio.sleep(0)
        await intent
        write_note(journal, exchange)
        await write_outcome(journal, exchange, settlement)

    return request


async def load(request: Request, requests: int, concurrency: int) -> float:
    """CPU microseconds of a request with ``concurrency`` at a time."""
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            exchange = make_exchange(number)
            await request(exchange, settle(exchange))

    cpu = time.process_time()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return (time.process_time() - cpu) / requests * 1e6


async def measure(directory: Path, requests: int, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    gc.collect()
    gc.freeze()  # as the gateway does when it has started
    for concurrency in CONCURRENCY:
        journal = Journal.open(directory / f"journal-{concurrency}", CLOCK)
        count = max(200, requests // rounds // (10 if concurrency == 1 else 1))
        pairs = [
            (
                await load(bare, count, concurrency),
                await load(journaled(journal), count, concurrency),
            )
            for _ in range(rounds)
        ]
        base, whole = (median(side) for side in zip(*pairs, strict=True))
        found[f"{concurrency} at a time"] = {
            "cpu_us": round(whole - base, 1),
            "least_cpu_us": round(min(pair[1] for pair in pairs) - base, 1),
            "baseline_us": round(base, 1),
            "journal_bytes": journal.backlog_bytes // (count * rounds),
        }
        await journal.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU that the audit trail adds to a request.")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--directory", type=Path, help="on the disk to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sovgate-bench-", dir=options.directory) as folder:
        found = asyncio.run(measure(Path(folder), options.requests, options.rounds))
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
