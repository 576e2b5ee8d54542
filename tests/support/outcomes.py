"""What a request left behind: its error, its audit record."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from support.deployment import KEYS, Deployment, sovgate

Found = TypeVar("Found")


def exported(deployment: Deployment, tenant: str) -> list[dict[str, Any]]:
    result = sovgate(deployment, "audit", "export", "--tenant", tenant, "--format", "jsonl")
    assert result.status == 0, result.errors
    return [json.loads(line) for line in result.output.splitlines()]


def record_of(deployment: Deployment, request_id: str, tenant: str = "acme") -> dict[str, Any]:
    """The audit record of a request, once it is drained."""
    found: list[dict[str, Any]] = []

    def drained() -> bool:
        found[:] = [r for r in exported(deployment, tenant) if r["request_id"] == request_id]
        return bool(found)

    soon(drained, f"no audit record of {request_id}")
    return found[0]


def soon(
    look: Callable[[], Found | None], otherwise: str = "it does not happen", *, within_s: float = 30
) -> Found:
    """What ``look`` sees once that is true; half a minute, since other tests run beside it."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
    return found


def metric(deployment: Deployment, name: str) -> float:
    """The value of a metric, labels included in its name."""
    lines = httpx.get(f"{deployment.url}/metrics", timeout=30).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


@contextmanager
def hanging_up(deployment: Deployment, tenant: str, body: Any, **headers: str) -> Iterator[None]:
    """Ask, and hang up at the end of the block, whatever has come by then."""
    address = urlsplit(deployment.url)
    with closing(HTTPConnection(address.hostname or "", address.port)) as connection:
        sent = {"authorization": f"Bearer {KEYS[tenant]}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body, separators=(",", ":"))  # as other clients here write it
        connection.request("POST", "/v1/chat/completions", content, sent)
        yield


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert len(error["message"]) > 20
    assert set(error) == {"message", "type", "param", "code"}
    return answer.headers["x-sovgate-request-id"]
