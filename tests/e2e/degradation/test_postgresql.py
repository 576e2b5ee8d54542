"""PostgreSQL down, paused, slow, read-only, full, restarted: docs/degradation.md."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from support.deployment import KEYS, Capture, gateway, settings
from support.faults import HANGS_S, HELLO, Site, fast, own_url
from support.postgres import PostgresServer, execute
from support.processes import NotReady
from support.tcp_proxy import TcpProxy, tcp_proxy

STORED = ("/v1/files", "/v1/batches", "/v1/messages/batches", "/v1/responses/")
PATHS: dict[str, Any] = json.loads((files("gateway.routes") / "openapi.json").read_text())["paths"]


@pytest.fixture(scope="module")
def proxy(postgres: PostgresServer) -> Iterator[TcpProxy]:
    """The way of the gateway to its database."""
    with tcp_proxy(make_url(postgres.url).port or 0) as proxy:
        yield proxy


@pytest.fixture
def site(gateway_site: Site) -> Site:
    """With keys known and money leased, as whoever was served lately finds it."""
    gateway_site.serves()
    return gateway_site


@pytest.fixture(scope="module")
def gateway_site(
    tmp_path_factory: pytest.TempPathFactory,
    upstream: Capture,
    postgres: PostgresServer,
    proxy: TcpProxy,
) -> Iterator[Site]:
    """One gateway for all outages: each must leave it as good as new. The first is at its start:
    it waits for a database that comes a little later."""
    directory = tmp_path_factory.mktemp("gateway")
    url = own_url(postgres, proxy.port)
    postgres.stop()

    def start_late() -> None:
        log = directory / "gateway.log"
        while not log.exists() or "database.not_ready" not in log.read_text():
            time.sleep(0.1)
        postgres.start(crash=True)

    # What a thread has started ends with the thread, so it stays.
    with ThreadPoolExecutor(1) as thread:
        started = thread.submit(start_late)
        with gateway(directory, fast(settings(directory, upstream.url), url)) as deployment:
            started.result()
            site = Site(deployment, upstream)
            site.serves()
            yield site
            site.check(proofs=True)


def assert_known_keys_are_served(site: Site) -> None:
    """While the database is away: who is known goes on, who is not is told to come again."""
    site.serves()
    stranger = site.ask(key=secrets.token_urlsafe(20))
    assert (stranger.status, stranger.code) == (503, "database_unavailable")
    assert int(stranger.retry_after or "") >= 1
    site.answered.remove(stranger.id)  # of no tenant, and not always recorded
    site.recovers(lambda: site.readiness()[1]["database"] is False)
    assert site.readiness()[0] == 200, "one database for all: no replica is better"
    assert site.metric("sovgate_database_answers") == 0
    assert site.logged("database.away")


def assert_all_is_well(site: Site) -> None:
    site.recovers(lambda: site.readiness()[1]["database"] is True)
    assert site.metric("sovgate_database_answers") == 1
    assert site.ask(key=secrets.token_urlsafe(20)).code == "invalid_api_key"
    site.answered.pop()
    site.serves()
    with site.admin() as admin:
        assert admin.get("/tenants").status_code == 200
    site.check()
    site.recovers(lambda: site.metric("sovgate_journal_backlog_bytes") == 0)


def test_down_at_start(site: Site, tmp_path: Path, upstream: Capture) -> None:
    """The fixture's gateway waited; one whose patience ends says so and ends."""
    assert site.logged("database.not_ready")
    content = settings(tmp_path, upstream.url)
    content["database"] = {"url": "postgresql+asyncpg://nobody@127.0.0.1:1/none", "timeout_s": 1}
    content["database"]["start_timeout_s"] = 0
    with (
        pytest.raises(NotReady, match="exited with") as ended,
        gateway(tmp_path, content, module="gateway.cli"),
    ):
        pass
    assert "database_unavailable" in str(ended.value)
    assert "Traceback" not in str(ended.value)


def assert_what_is_stored_is_told_to_come_again(site: Site) -> None:
    """Every path of things that stand in the database, with a key that is known."""
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    bodies: dict[str, dict[str, Any]] = {
        "/v1/files": {"data": {"purpose": "batch"}, "files": {"file": ("in", b"{}")}},
        "/v1/messages/batches": {
            "json": {"requests": [{"custom_id": "a", "params": {"model": "flash"}}]}
        },
        "/v1/batches": {
            "json": {
                "input_file_id": "file_1",
                "endpoint": "/v1/embeddings",
                "completion_window": "24h",
            }
        },
    }
    stored = [
        (method.upper(), path)
        for path, operations in PATHS.items()
        for method in operations
        if path.startswith(STORED)
    ]
    assert len(stored) >= 19
    for method, path in stored:
        known = "msgbatch_1" if "messages" in path else "batch_1" if "batches" in path else "resp_1"
        url = site.deployment.url + path.replace("{id}", known)
        body = bodies.get(path, {}) if method == "POST" else {}
        answer = httpx.request(method, url, headers=headers, timeout=HANGS_S, **body)
        assert_come_again(answer)
    again = {**headers, "idempotency-key": secrets.token_hex(8)}
    url = site.deployment.base_url
    chat = {"model": "flash", "messages": HELLO}
    assert_come_again(httpx.post(f"{url}/chat/completions", json=chat, headers=again))
    turn = {"model": "flash", "input": "Hello.", "previous_response_id": "resp_1"}
    assert_come_again(httpx.post(f"{url}/responses", json=turn, headers=headers))


def assert_come_again(answer: httpx.Response) -> None:
    told = (answer.status_code, answer.json()["error"]["code"])
    assert told == (503, "database_unavailable"), answer.request.url
    assert int(answer.headers["retry-after"]) >= 1


def test_down(site: Site, postgres: PostgresServer) -> None:
    globex = KEYS["globex"]  # a valid key that was never used here
    with site.admin() as admin:
        postgres.stop()
        assert_known_keys_are_served(site)
        site.refuses(503, "database_unavailable", key=globex)
        assert_what_is_stored_is_told_to_come_again(site)
        answer = admin.get("/tenants")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert site.metric("sovgate_journal_backlog_bytes") > 0
    postgres.start(crash=True)
    site.recovers(lambda: site.ask(key=globex).is_complete)
    assert_all_is_well(site)


def test_paused(site: Site, postgres: PostgresServer) -> None:
    with site.admin() as admin, postgres.paused():
        assert_known_keys_are_served(site)
        answer = admin.get("/tenants")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_unavailable")
        headers = {"authorization": f"Bearer {KEYS['acme']}"}
        listed = f"{site.deployment.base_url}/files"
        assert_come_again(httpx.get(listed, headers=headers, timeout=HANGS_S))
    assert_all_is_well(site)


def test_paused_when_a_lease_is_too_small(site: Site, postgres: PostgresServer) -> None:
    """Requests that need more money than is leased wait once for the database, not one after
    the other; others go on meanwhile."""
    with postgres.paused(), ThreadPoolExecutor(9) as pool:
        dear = [pool.submit(site.ask, max_tokens=3_000_000) for _ in range(8)]
        served = pool.submit(site.ask)
        assert served.result().is_complete
        for each in dear:
            answer = each.result()
            assert (answer.status, answer.code) == (503, "budget_unavailable")
            assert int(answer.retry_after or "") >= 1
    assert_all_is_well(site)
    assert site.ask(max_tokens=3_000_000).is_complete


def test_paused_with_personal_data(site: Site, postgres: PostgresServer) -> None:
    """It is masked and restored without the vault of conversations."""
    messages = [{"role": "user", "content": "I am Greta Vogel, please say hello."}]
    with postgres.paused():
        plain, _ = site.serves(messages=messages)
        assert "Greta Vogel" in plain.text
    assert_all_is_well(site)
    sent = json.dumps([item["body"] for item in site.capture.seen()])
    assert "Greta" not in sent


def test_read_only(site: Site, postgres: PostgresServer) -> None:
    def read_only(state: str) -> None:
        for statement in (
            f"ALTER SYSTEM SET default_transaction_read_only = {state}",
            "SELECT pg_reload_conf()",
        ):
            asyncio.run(execute(postgres.url, statement))

    with site.admin() as admin:
        read_only("on")
        try:
            site.serves()
            answer = admin.post("/tenants", json={"name": "newcomer"})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (503, "database_unavailable"), error
            assert admin.get("/tenants").status_code == 200
            site.recovers(lambda: site.metric("sovgate_journal_backlog_bytes") > 0)
        finally:
            read_only("off")
    assert_all_is_well(site)


def test_slow(site: Site, proxy: TcpProxy) -> None:
    proxy.delay_s = 0.1
    try:
        site.serves()
        with site.admin() as admin:
            assert admin.get("/tenants").status_code == 200
        site.check()
    finally:
        proxy.delay_s = 0.0
    assert_all_is_well(site)


def test_no_connection_left(site: Site, postgres: PostgresServer) -> None:
    def connections(limit: int) -> None:
        for statement in (
            f"ALTER ROLE sovgate CONNECTION LIMIT {limit}",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sovgate'",
        ):
            asyncio.run(execute(postgres.url, statement))

    connections(0)
    try:
        assert_known_keys_are_served(site)
    finally:
        connections(-1)
    assert_all_is_well(site)


def test_restarted_under_load(site: Site, postgres: PostgresServer) -> None:
    """As a failover looks from here: every session is cut in the midst of its work."""
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(site.ask, stream=number % 2 == 0) for number in range(120)]
        for _ in range(2):
            time.sleep(0.3)
            postgres.stop()
            postgres.start(crash=True)
        answers = [each.result() for each in running]
    assert {answer.code for answer in answers} == {None}
    assert_all_is_well(site)
