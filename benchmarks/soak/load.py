"""The load of a soak: mixed traffic at a paced rate, administrators who look at pages."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from support.deployment import ADMIN_EMAIL, ADMIN_PASSWORD
from support.traffic import Answer, Site, Traffic

ADMIN_PAUSE_S = 5.0
LONG_PAUSE_S = 120.0
_MOST_RUNNING = 100
_PAGES = (
    "overview",
    "tenants",
    "tenants/acme",
    "tenants/acme/audit?limit=50",
    "tenants/acme/usage",
    "tenants/acme/keys",
    "tenants/acme/budgets",
    "tenants/acme/jobs",
    "usage",
    "prices",
    "users",
    "system",
)


@dataclass
class Load:
    """Sends until it is cancelled; counts what came of it."""

    session: aiohttp.ClientSession
    site: Site
    url: str
    rate: float
    seed: int = 1
    outcomes: Counter[tuple[str, int]] = field(default_factory=Counter)
    plain_ms: list[float] = field(default_factory=list)
    requests: int = 0

    async def run(self) -> None:
        """Requests, long texts and pages; the first failure of this client ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._requests())
            group.create_task(self._long_texts())
            group.create_task(self._pages())

    def take_latencies(self) -> list[float]:
        """Milliseconds of plain answers since it was last asked."""
        taken, self.plain_ms = self.plain_ms, []
        return taken

    async def _requests(self) -> None:
        """At random moments, ``rate`` a second, however long the answers take."""
        source, traffic = random.Random(self.seed), Traffic(self.session, self.seed)
        running: set[asyncio.Task[None]] = set()
        while True:
            await asyncio.sleep(source.expovariate(self.rate))
            if len(running) < _MOST_RUNNING:
                task = asyncio.create_task(self._one(traffic))
                running.add(task)
                task.add_done_callback(running.discard)

    async def _one(self, traffic: Traffic) -> None:
        self._count(await traffic.send(self.site))

    def _count(self, answers: list[Answer]) -> None:
        for answer in answers:
            self.requests += 1
            self.outcomes[answer.kind, answer.status] += 1
            if answer.kind == "plain":
                self.plain_ms.append(answer.seconds * 1000)

    async def _long_texts(self) -> None:
        """Texts that go to the guards' process beside the gateway."""
        traffic = Traffic(self.session, self.seed + 1)
        while True:
            text = "\n".join(traffic.text() for _ in range(250))
            self._count([await traffic.ask(self.site, "long", text)])
            await asyncio.sleep(LONG_PAUSE_S)

    async def _pages(self) -> None:
        api = f"{self.url}/admin/api/v1"
        login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        async with self.session.post(f"{api}/login", json=login) as answer:
            token = (await answer.json())["token"]
        headers = {"authorization": f"Bearer {token}"}
        while True:
            for page in _PAGES:
                async with self.session.get(f"{api}/{page}", headers=headers) as answer:
                    await answer.read()
                    self.outcomes["admin pages", answer.status] += 1
                await asyncio.sleep(ADMIN_PAUSE_S)
