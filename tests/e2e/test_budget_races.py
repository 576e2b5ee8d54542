"""Three gateways, one PostgreSQL, one hard budget: 500 requests at once, money for 200.

A request costs a cent, its minimum charge, and reserves exactly that; so a budget of
two dollars is for 200 of them, not one more and not one less.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from sqlalchemy import func, select

from billing import run_check
from billing.models import BudgetLease, BudgetPeriod, UsageRecord
from core.database import Database
from support.databases import copied
from support.deployment import KEYS, Capture, Deployment, gateway, settings

_LIMIT = Decimal("2.00")
_CENT = Decimal("0.01")
_FREE = {"effective_from": "2026-01-01", "input": "0", "output": "0"}
_BODY = {"model": "flash", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}


@pytest.fixture
def database_url(_postgresql_template: str, tmp_path: Path) -> Iterator[str]:
    """PostgreSQL only: three processes do not share an SQLite file."""
    with copied(_postgresql_template, tmp_path) as url:
        yield url


@dataclass
class Replicas:
    """Gateways with one database, one Valkey and the same secrets."""

    directory: Path
    capture: Capture
    database_url: str
    valkey_url: str
    running: list[Deployment] = field(default_factory=list)
    stacks: list[ExitStack] = field(default_factory=list)

    def content(self, number: int) -> dict[str, Any]:
        directory = self.directory / str(number)
        directory.mkdir(exist_ok=True)
        content = settings(
            directory,
            self.capture.url,
            database={"url": self.database_url, "pool_size": 5},
            redis={"url": self.valkey_url},
            security={"pepper_file": str(self.directory / "pepper")},
            vault={"enabled": False},
            prices=[{"model": "sov-flash", "minimum": str(_CENT), **_FREE}],
        )
        tenant = content["bootstrap"]["tenants"][0]
        tenant["budget"] = {"limit_usd": str(_LIMIT), "period": "total", "hard": True}
        tenant["limits"] = {}
        return content

    def start(self, number: int, content: dict[str, Any]) -> Deployment:
        stack = ExitStack()
        deployment = stack.enter_context(gateway(self.directory / str(number), content))
        self.stacks.append(stack)
        return deployment

    def stop(self) -> None:
        for stack in self.stacks:
            stack.close()


@contextmanager
def replicas(
    directory: Path, capture: Capture, database_url: str, valkey_url: str
) -> Iterator[Replicas]:
    found = Replicas(directory, capture, database_url, valkey_url)
    (directory / "pepper").write_bytes(b"p" * 64)
    (directory / "pepper").chmod(0o600)
    contents = [found.content(number) for number in range(3)]
    try:
        # The first one makes the tenants.
        found.running = [found.start(number, content) for number, content in enumerate(contents)]
        yield found
    finally:
        found.stop()


async def _ask(session: aiohttp.ClientSession, deployment: Deployment) -> str:
    """``served``, ``refused`` (the budget), or ``lost`` (nobody answered)."""
    try:
        async with session.post(f"{deployment.base_url}/chat/completions", json=_BODY) as answer:
            body = await answer.json()
    except (aiohttp.ClientError, TimeoutError):
        return "lost"
    if answer.status == 200:
        assert answer.headers["x-sovgate-cost-usd"] == str(_CENT)
        return "served"
    assert body["error"]["code"] in {"budget_exceeded", "budget_unavailable"}, body
    return "refused"


async def _wave(deployments: list[Deployment], count: int) -> list[str]:
    """So many requests at once, spread over the gateways."""
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    timeout = aiohttp.ClientTimeout(total=90)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        headers=headers, timeout=timeout, connector=connector
    ) as session:
        return await asyncio.gather(
            *(_ask(session, deployments[n % len(deployments)]) for n in range(count))
        )


def _until_nothing_is_left(deployments: list[Deployment], served: int) -> int:
    """Ask again and again; how many were served in the end."""
    for _ in range(30):
        answers = asyncio.run(_wave(deployments, 12))
        served += answers.count("served")
        if "served" not in answers and served >= int(_LIMIT / _CENT):
            break
        if "served" not in answers:
            time.sleep(1)
    return served


async def _books(url: str) -> tuple[Decimal, Decimal, int, int, list[str]]:
    """Spent, leased, leases, settled requests, and what the check finds wrong."""
    database = Database(url)
    try:
        async with database.session() as session:
            (period,) = await session.scalars(
                select(BudgetPeriod).where(BudgetPeriod.id.endswith("/total"))
            )
            leases = await session.scalar(select(func.count()).select_from(BudgetLease))
            settled = await session.scalar(select(func.count()).select_from(UsageRecord))
        report = await run_check(database)
        return period.spent, period.leased, leases or 0, settled or 0, report.problems
    finally:
        await database.dispose()


@pytest.mark.timeout(240)
def test_500_at_once_against_money_for_200(
    tmp_path: Path, capture: Capture, database_url: str, valkey_url: str
) -> None:
    capture.script(delay_s=0.05)
    with replicas(tmp_path, capture, database_url, valkey_url) as three:
        answers = asyncio.run(_wave(three.running, 500))
        assert "lost" not in answers
        first = answers.count("served")
        assert 0 < first <= 200
        assert _until_nothing_is_left(three.running, first) == 200
    spent, leased, leases, settled, problems = asyncio.run(_books(database_url))
    assert (spent, leased, leases, settled) == (_LIMIT, 0, 0, 200)
    assert problems == []
    assert len(capture.seen()) == 200


@pytest.mark.timeout(240)
def test_a_gateway_is_killed_in_the_middle(
    tmp_path: Path, capture: Capture, database_url: str, valkey_url: str
) -> None:
    """What the killed one had called is billed once, what it had leased comes back."""
    capture.script(delay_s=0.4)
    with replicas(tmp_path, capture, database_url, valkey_url) as three:
        content = yaml.safe_load(three.running[0].config.read_text())
        answers = asyncio.run(_kill_in_a_wave(three, capture))
        served = answers.count("served")
        assert served < 200
        assert "lost" in answers
        three.running[0] = three.start(0, content)
        _until_nothing_is_left(three.running, served)
    spent, leased, leases, settled, problems = asyncio.run(_books(database_url))
    seen = {request["headers"]["x-request-id"] for request in capture.seen()}
    assert problems == []
    assert (leased, leases) == (0, 0)
    assert spent == settled * _CENT <= _LIMIT
    # Nothing stays unspent, and each request that the upstream saw is on the bill once.
    assert settled == 200
    assert len(seen) == len(capture.seen())
    assert seen <= asyncio.run(_settled_ids(database_url))


async def _kill_in_a_wave(three: Replicas, capture: Capture) -> list[str]:
    wave = asyncio.create_task(_wave(three.running, 300))
    await asyncio.to_thread(_wait_for, capture, 30)
    process: subprocess.Popen[bytes] = three.running[0].server.process
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    return await wave


def _wait_for(capture: Capture, requests: int) -> None:
    while len(capture.seen()) < requests:
        time.sleep(0.02)


async def _settled_ids(url: str) -> set[str]:
    database = Database(url)
    try:
        async with database.session() as session:
            return set(await session.scalars(select(UsageRecord.request_id)))
    finally:
        await database.dispose()
