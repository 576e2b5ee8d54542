"""Valkey down, paused, restarted, its clock set back: docs/degradation.md."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.deployment import KEYS, Capture, gateway, settings
from support.faults import Site
from support.valkey import ValkeyServer

RPM = 30


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, upstream: Capture, valkey: ValkeyServer
) -> Iterator[Site]:
    """Acme may run one request at a time, globex few a minute."""
    directory = tmp_path_factory.mktemp("gateway")
    content: dict[str, Any] = settings(directory, upstream.url)
    content["redis"] = {"url": valkey.url}
    tenants = content["bootstrap"]["tenants"]
    tenants[0]["limits"]["parallel"] = 1
    tenants[1]["limits"]["rpm"] = RPM
    with gateway(directory, content) as deployment:
        site = Site(deployment, upstream)
        site.serves()
        yield site
        site.check(proofs=True)


def shared_again(site: Site) -> None:
    """Counted in Valkey: requests are served, and no slot was left behind by the outage."""

    def counted() -> bool:
        site.serves()
        return site.logged("limits.shared_again")

    site.recovers(counted)
    site.serves()
    site.check()


def refused_after(site: Site, key: str) -> int:
    """How many requests a tenant gets through before its minute is full."""
    for number in range(2 * RPM):
        answer = site.ask(key=key)
        if answer.code == "requests_per_minute_exceeded":
            assert int(answer.retry_after or "") >= 1
            return number
    return 2 * RPM


def test_down(site: Site, valkey: ValkeyServer) -> None:
    valkey.stop()
    site.serves()
    assert site.logged("limits.local")

    started = time.monotonic()
    served = refused_after(site, KEYS["globex"])
    refilled = (time.monotonic() - started) * RPM / 60
    assert RPM <= served <= RPM + refilled + 1
    valkey.start()
    shared_again(site)


def test_paused(site: Site, valkey: ValkeyServer) -> None:
    with valkey.paused():
        for _ in range(4):
            site.serves()
    shared_again(site)


def test_restarted_and_empty(site: Site, valkey: ValkeyServer) -> None:
    valkey.stop()
    valkey.start()
    shared_again(site)
