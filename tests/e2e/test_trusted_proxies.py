"""Behind a trusted proxy requests take the way through ASGI: clients must not see a difference."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from support.deployment import KEYS, Capture, Deployment, gateway, settings
from support.outcomes import soon

CLIENT = "203.0.113.7"
FORWARDED = {"x-forwarded-for": CLIENT, "x-forwarded-proto": "https"}
HELLO = [{"role": "user", "content": "I am Greta Vogel. Say hello."}]
CHAT = {"model": "flash", "messages": HELLO}
MESSAGE = {"model": "sov-flash", "max_tokens": 9, "messages": HELLO}
# Ids, instants, and how long something took or is left.
VARYING = re.compile(r"\b[a-z]+_[0-9a-z]{26}(?:_\d+)?\b|\b\d{10}\b")
OWN_VALUES = re.compile("-id$|ratelimit|^date$|seconds|^x-sovgate-cost|-ms$")


@pytest.fixture(scope="module")
def behind(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """A gateway that believes this machine, and writes down who asks."""
    directory = tmp_path_factory.mktemp("behind")
    content = settings(directory, _capture_process.url, audit={"client_address": True})
    content["server"]["trusted_proxies"] = ["127.0.0.1"]
    with gateway(directory, content) as deployment:
        yield deployment


REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plain": ("POST", "/v1/chat/completions", {"json": CHAT}),
    "streamed": ("POST", "/v1/chat/completions", {"json": {**CHAT, "stream": True}}),
    "message": ("POST", "/v1/messages", {"json": MESSAGE}),
    "message, streamed": ("POST", "/v1/messages", {"json": {**MESSAGE, "stream": True}}),
    "response": ("POST", "/v1/responses", {"json": {"model": "flash", "input": "Hello."}}),
    "embeddings": ("POST", "/v1/embeddings", {"json": {"model": "sov-flash", "input": "Hello."}}),
    "in pieces": ("POST", "/v1/chat/completions", {"content": [b"{", b"}"]}),
    "no JSON": ("POST", "/v1/chat/completions", {"content": b"{"}),
    "too large": ("POST", "/v1/chat/completions", {"content": b" " * (9 * 1024 * 1024)}),
    "compressed": ("POST", "/v1/messages", {"headers": {"content-encoding": "gzip"}}),
    "a wrong key": ("POST", "/v1/messages", {"json": MESSAGE, "headers": {"authorization": "x"}}),
    "no such model": ("POST", "/v1/chat/completions", {"json": {**CHAT, "model": "none"}}),
    "no such path": ("GET", "/v1/nowhere", {}),
    "no such method": ("DELETE", "/v1/models", {}),
    "models": ("GET", "/v1/models", {}),
    "health": ("GET", "/healthz", {}),
    "files": ("GET", "/v1/files", {}),
    "admin": ("GET", "/admin/api/v1/me", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_answer_is_the_same(
    behind: Deployment, deployment: Deployment, capture: Capture, name: str
) -> None:
    method, path, options = REQUESTS[name]
    answers = []
    for site in (deployment, behind):
        sent = {**options, "headers": {**authorized(), **options.get("headers", {})}}
        if isinstance(options.get("content"), list):
            sent["content"] = iter(options["content"])
        answers.append(seen(httpx.request(method, site.url + path, timeout=30, **sent)))
    assert answers[0] == answers[1]


def authorized() -> dict[str, str]:
    return {"authorization": f"Bearer {KEYS['acme']}"}


def seen(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    """Status, headers and body, without what differs between any two answers."""
    headers = {
        name: "" if OWN_VALUES.search(name) else VARYING.sub("", value)
        for name, value in answer.headers.items()
    }
    return answer.status_code, headers, VARYING.sub("", answer.text)


def test_who_asks_is_whom_the_proxy_names(behind: Deployment, capture: Capture) -> None:
    headers = {**authorized(), **FORWARDED}
    with httpx.Client(headers=headers, timeout=60) as client:  # over one connection
        answers = [client.post(f"{behind.base_url}/chat/completions", json=CHAT) for _ in range(3)]
    assert all("strict-transport-security" in answer.headers for answer in answers)
    ids = [answer.headers["x-sovgate-request-id"] for answer in answers]
    soon(lambda: {record(behind, id_).get("client_address") for id_ in ids} == {CLIENT})
    assert settled(behind, ids) == sorted(ids)


def test_a_client_that_hangs_up_stops_the_upstream(behind: Deployment, capture: Capture) -> None:
    capture.script(content="word " * 200, event_delay_s=0.05)
    body = {**CHAT, "stream": True}
    url = f"{behind.base_url}/chat/completions"
    with httpx.stream("POST", url, json=body, headers={**authorized(), **FORWARDED}) as answer:
        request_id = answer.headers["x-sovgate-request-id"]
        next(answer.iter_lines())
    soon(lambda: record(behind, request_id).get("outcome") == "disconnected")
    soon(lambda: capture.state()["aborted"] == 1)
    assert settled(behind, [request_id]) == [request_id]


def record(site: Deployment, request_id: str) -> dict[str, Any]:
    query = "SELECT body FROM audit_records WHERE request_id = ?"
    with closing(sqlite3.connect(site.directory / "data" / "sovgate.db")) as database:
        row = database.execute(query, (request_id,)).fetchone()
    return {} if row is None else json.loads(row[0])


def settled(site: Deployment, ids: list[str]) -> list[str]:
    """Which of them were billed, each time that they were; a record and its settlement are
    written together."""
    with closing(sqlite3.connect(site.directory / "data" / "sovgate.db")) as database:
        rows = database.execute("SELECT request_id FROM usage_records").fetchall()
    return sorted(row[0] for row in rows if row[0] in ids)
