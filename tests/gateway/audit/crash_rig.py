"""Kills gateways' audit trails at random moments; run as a program of its own.

Each round forks a process that adopts what its predecessors left, journals
requests like a gateway (intent, note, "upstream call", outcome) and drains
them; the parent kills it with SIGKILL. The "upstream" is a file to which each
call is appended. The last round is not killed and drains everything.

    python crash_rig.py DIRECTORY DATABASE_URL ROUNDS SEED
"""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, insert

from core.clock import SystemClock
from core.database import Database
from core.ids import new_id
from gateway.audit import AuditChain, Drain, DrainOptions, Journal, SigningKey

SETTLEMENTS = Table(
    "test_settlements",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("request_id", String(64)),
)


class CountingSink:
    """Would book twice if asked twice."""

    async def apply(self, session: Any, entries: Any) -> None:
        rows = [{"request_id": entry["request_id"]} for entry in entries]
        await session.execute(insert(SETTLEMENTS), rows)


def interrupted(intent: dict[str, Any], call: dict[str, Any] | None) -> tuple[Any, Any]:
    audit = {
        "tenant": intent["tenant"],
        "outcome": "interrupted",
        "upstream": call["upstream"] if call else None,
    }
    return audit, {"request_id": intent["request_id"]} if call else None


async def request(journal: Journal, evidence: int, source: random.Random) -> None:
    request_id, tenant = new_id("req"), source.choice(["acme", "globex"])
    await journal.intent(request_id, {"tenant": tenant, "request_id": request_id})
    await asyncio.sleep(source.random() * 0.01)
    journal.note(request_id, {"upstream": "capture"})
    os.write(evidence, f"{request_id}\n".encode())
    await asyncio.sleep(source.random() * 0.03)
    audit = {"tenant": tenant, "outcome": "completed", "upstream": "capture"}
    await journal.outcome(request_id, audit, {"request_id": request_id})


async def serve(directory: Path, url: str, seed: int, rounds: float) -> None:
    """Requests without end (or ``rounds`` of them), drained as they come."""
    source, clock = random.Random(seed), SystemClock()
    evidence = os.open(directory / "evidence", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    database = Database(url)
    journal = Journal.open(directory / "journal", clock, segment_bytes=20_000)
    journal.replay(interrupted)
    chain = AuditChain(clock, SigningKey.load_or_create(None, directory / "keys"))
    options = DrainOptions(gather_s=0.005, checkpoint_s=0.05)
    drain = Drain(journal, database, chain, [CountingSink()], clock=clock, options=options)
    await drain.start()
    while rounds > 0:
        await asyncio.gather(*(request(journal, evidence, source) for _ in range(20)))
        rounds -= 1
    assert await drain.stop(timeout_s=30)
    await journal.close()
    await database.dispose()


def await_call(evidence: Path) -> None:
    """Wait until the child has called once more, so that kills hit requests on busy machines."""
    before = evidence.stat().st_size if evidence.exists() else 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if evidence.exists() and evidence.stat().st_size > before:
            return
        time.sleep(0.002)


def main() -> None:
    directory, url, rounds, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    source = random.Random(seed)
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            asyncio.run(serve(directory, url, source.getrandbits(32) + number, float("inf")))
        if number % 5:  # every fifth is killed at its start or while it adopts
            await_call(directory / "evidence")
        time.sleep(source.random() * 0.1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    asyncio.run(serve(directory, url, 0, 1))


if __name__ == "__main__":
    main()
