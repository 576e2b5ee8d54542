"""Three gateways, one Valkey: a tenant's limits are those of one, to within a hundredth.

Requests are counted in Valkey by the clock of Valkey; so what all three let through together is
what the bucket held and what it got meanwhile, however the requests are spread.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.deployment import KEYS, Capture, Deployment, gateway, settings

RPM = 600
_BODY = {"model": "flash", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}
_OFF = {
    "pii": {"action": "allow"},
    "moderation": {"input": "allow", "output": "allow"},
    "injection": {"input": "allow", "documents": "allow"},
}


@pytest.fixture(scope="module")
def replicas(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture, _valkey_server: str
) -> Iterator[list[Deployment]]:
    """Each with a database of its own: only Valkey knows what the others let through."""
    directory = tmp_path_factory.mktemp("replicas")
    (directory / "pepper").write_bytes(b"p" * 64)
    (directory / "pepper").chmod(0o600)
    with ExitStack() as stack:
        yield [
            stack.enter_context(_replica(directory, number, _capture_process, _valkey_server))
            for number in range(3)
        ]


def _replica(directory: Path, number: int, capture: Capture, valkey_url: str) -> Any:
    home = directory / str(number)
    home.mkdir()
    content = settings(
        home,
        capture.url,
        redis={"url": valkey_url},
        security={"pepper_file": str(directory / "pepper")},
        policies={"default": {"zones": ["onprem"], **_OFF}},
    )
    acme, globex = content["bootstrap"]["tenants"]
    acme["limits"], globex["limits"] = {"rpm": RPM}, {"parallel": 12}
    return gateway(home, content)


async def _ask(session: aiohttp.ClientSession, replica: Deployment, tenant: str) -> int:
    headers = {"authorization": f"Bearer {KEYS[tenant]}"}
    url = f"{replica.base_url}/chat/completions"
    async with session.post(url, json=_BODY, headers=headers) as answer:
        await answer.read()
        return answer.status


async def test_requests_a_minute_are_shared_exactly(replicas: list[Deployment]) -> None:
    statuses: Counter[int] = Counter()

    async def keep_asking(session: aiohttp.ClientSession, number: int) -> None:
        # Uneven on purpose: half of it goes to one of them.
        replica = replicas[(0, 0, 1, 2)[number % 4]]
        for _ in range(RPM // 8):
            statuses[await _ask(session, replica, "acme")] += 1

    started = time.monotonic()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(keep_asking(session, number) for number in range(16)))
    passed_s = time.monotonic() - started
    assert set(statuses) == {200, 429}
    most = RPM + passed_s * RPM / 60
    assert RPM * 0.99 <= statuses[200] <= most * 1.01


async def test_requests_at_the_same_time_are_shared_exactly(
    replicas: list[Deployment], capture: Capture
) -> None:
    capture.script(delay_s=60)
    try:
        async with aiohttp.ClientSession() as session:
            asked = [
                asyncio.create_task(_ask(session, replicas[number % 3], "globex"))
                for number in range(36)
            ]
            async with asyncio.timeout(30):
                while sum(task.done() for task in asked) < 24:  # noqa: ASYNC110 - many of them
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(capture.answer_now)
            statuses = Counter(await asyncio.gather(*asked))
    finally:
        capture.reset()
    assert statuses == {200: 12, 429: 24}
