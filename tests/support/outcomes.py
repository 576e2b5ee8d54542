"""What a request left behind: its error, its audit record."""

import json
import time
from typing import Any

import httpx

from support.deployment import Deployment, sovgate


def exported(deployment: Deployment, tenant: str) -> list[dict[str, Any]]:
    result = sovgate(deployment, "audit", "export", "--tenant", tenant, "--format", "jsonl")
    assert result.status == 0, result.errors
    return [json.loads(line) for line in result.output.splitlines()]


def record_of(deployment: Deployment, request_id: str, tenant: str = "acme") -> dict[str, Any]:
    """The audit record of a request, once it is drained."""
    for _ in range(50):
        for record in exported(deployment, tenant):
            if record["request_id"] == request_id:
                return record
        time.sleep(0.2)
    raise AssertionError(f"no audit record of {request_id}")


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert len(error["message"]) > 20
    assert set(error) == {"message", "type", "param", "code"}
    return answer.headers["x-sovgate-request-id"]
