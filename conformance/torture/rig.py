"""Rounds of ``kill -9`` under mixed load, and what the books say afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from sqlalchemy import func, select

from billing.models import BudgetLease, BudgetPeriod
from conformance.torture.replicas import Replica, make_replicas
from core.database import Database
from migrations.runner import upgrade
from support.books import Books, assert_books
from support.deployment import Capture
from support.forking import Forker
from support.site import site_at
from support.traffic import Answer, Traffic, prepare

_MOST_RUNNING = 64
_STARTING_KILLS = 5  # every fifth round hits a gateway that is starting


@dataclass
class Tally:
    """What was done to the gateways, and what they left."""

    rounds: int = 0
    while_starting: int = 0
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seen: int = 0
    recorded: int = 0
    called: int = 0
    settled: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    unseen: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.answers.total()


async def prepared_database(url: str) -> None:
    """Every table, as ``sovgate db upgrade`` makes them before replicas start."""
    database = Database(url)
    try:
        await upgrade(database)
    finally:
        await database.dispose()


def torture(
    directory: Path,
    capture: Capture,
    forker: Forker,
    database_url: str,
    valkey_url: str,
    *,
    rounds: int,
    rate: float = 16.0,
    seed: int = 7,
) -> Tally:
    """Kill gateways ``rounds`` times; two of them, or one where the database is SQLite.

    Raises:
        AssertionError: a request is missing, or stands twice, or money is not given back.
    """
    prepare(capture)
    for model in ("sov-flash", "sov-pro"):  # long enough to be hit
        capture.script(model, delay_s=0.1, event_delay_s=0.02)
    asyncio.run(prepared_database(database_url))
    count = 1 if database_url.startswith("sqlite") else 2
    replicas = make_replicas(directory, capture, forker, database_url, valkey_url, count)
    try:
        tally = asyncio.run(_kill_under_load(replicas, rounds, rate, seed))
        for replica in replicas:
            replica.stop()
        _check(tally, replicas, capture, database_url)
    finally:
        for replica in replicas:
            replica.kill()
    return tally


async def _kill_under_load(
    replicas: Sequence[Replica], rounds: int, rate: float, seed: int
) -> Tally:
    source, tally = random.Random(seed), Tally()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for replica in replicas:  # one after the other: the first makes the tenants
            replica.start()
            await replica.ready(session)
        sending = asyncio.create_task(_load(session, replicas, rate, seed, tally))
        for number in range(rounds):
            await _round(session, replicas[number % len(replicas)], number, source, tally)
        await asyncio.sleep(0.5)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
    return tally


async def _round(
    session: aiohttp.ClientSession,
    replica: Replica,
    number: int,
    source: random.Random,
    tally: Tally,
) -> None:
    """One kill; the other gateway serves meanwhile, where there is one."""
    if number % _STARTING_KILLS == _STARTING_KILLS - 1:
        replica.kill()
        replica.start()
        await asyncio.sleep(source.uniform(0.0, 0.8))
        tally.while_starting += 1
    else:
        await asyncio.sleep(source.uniform(0.2, 1.5))
    replica.kill()
    tally.rounds += 1
    replica.start()
    await replica.ready(session)


async def _load(
    session: aiohttp.ClientSession,
    replicas: Sequence[Replica],
    rate: float,
    seed: int,
    tally: Tally,
) -> None:
    """Requests at random moments until it is cancelled; then it waits for the answers."""
    source, traffic = random.Random(seed), Traffic(session, seed)
    running: set[asyncio.Task[None]] = set()

    async def one() -> None:
        # As behind a load balancer: who is known to be down gets nothing.
        serving = [replica for replica in replicas if replica.serving] or replicas
        answers = await traffic.send(site_at(source.choice(serving).base_url))
        tally.answers.update(_outcome(answer) for answer in answers)

    try:
        while True:
            await asyncio.sleep(source.expovariate(rate))
            if len(running) < _MOST_RUNNING:
                task = asyncio.create_task(one())
                running.add(task)
                task.add_done_callback(running.discard)
    finally:
        await asyncio.gather(*running)


def _outcome(answer: Answer) -> tuple[str, int]:
    return answer.kind, answer.status


def _check(tally: Tally, replicas: Sequence[Replica], capture: Capture, database_url: str) -> None:
    seen = capture.ids()
    twice = [request_id for request_id, count in Counter(seen).items() if count > 1]
    assert twice == [], "no request is sent to an upstream twice"
    books = assert_books(replicas[0].deployment(), capture)
    _fill(tally, books, seen)
    for replica in replicas:
        left = sorted(path.name for path in _journal(replica).iterdir())
        assert left == ["lock"], f"journals that nobody drained: {left}"
    leases, held = asyncio.run(_held_money(database_url))
    assert leases == [], f"leases outlive their gateways: {leases}"
    assert held == 0, "budget periods hold money that nobody has leased"


def _fill(tally: Tally, books: Books, seen: Sequence[str]) -> None:
    tally.seen, tally.recorded, tally.called = len(seen), len(books.records), len(books.called)
    tally.settled = sum(
        any(move.kind in ("settle", "release") for move in books.movements.get(request_id, []))
        for request_id in books.called
    )
    tally.outcomes = Counter(record["outcome"] for record in books.records.values())
    tally.unseen = sorted(books.called.keys() - set(seen))


def _journal(replica: Replica) -> Path:
    return Path(yaml.safe_load(replica.config.read_text())["data_dir"]) / "journal"


async def _held_money(url: str) -> tuple[list[str], int]:
    """Leases as texts, and the number of budget periods that still hold leased money."""
    database = Database(url)
    try:
        async with database.session() as session:
            leases = [
                f"{lease.id} of {lease.holder}: {lease.amount} until {lease.expires_at}"
                for lease in await session.scalars(select(BudgetLease))
            ]
            query = select(func.count()).select_from(BudgetPeriod).where(BudgetPeriod.leased != 0)
            return leases, await session.scalar(query) or 0
    finally:
        await database.dispose()
