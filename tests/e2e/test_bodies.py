"""Stored bodies with a real gateway: masked, sealed, readable by whom they may be, expiring."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    Capture,
    Deployment,
    capture_upstream,
    gateway,
    settings,
    sovgate,
)

CANARIES = ("Greta Vogelsang", "greta.vogelsang@example.com")
PROMPT = f"Write a letter to {CANARIES[0]}, {CANARIES[1]}, about her lease."
POLICIES = {"default": {"audit": {"bodies": "masked", "bodies_retention_days": 7}}}


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, capture: Capture) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("bodies")
    with gateway(directory, settings(directory, capture.url, policies=POLICIES)) as running:
        yield running


def ask(deployment: Deployment, tenant: str = "acme", **fields: Any) -> httpx.Response:
    body = {"model": "flash", "messages": [{"role": "user", "content": PROMPT}], **fields}
    return httpx.post(
        f"{deployment.base_url}/chat/completions",
        headers={"authorization": f"Bearer {KEYS[tenant]}"},
        json=body,
        timeout=30,
    )


def opened(deployment: Deployment, request_id: str, tenant: str = "acme") -> dict[str, Any]:
    result = sovgate(
        deployment, "audit", "body", request_id, "--tenant", tenant, "--reason", "case 7", "--json"
    )
    assert result.status == 0, result.errors
    return {part["part"]: part["content"] for part in json.loads(result.output)["parts"]}


def masked_of(capture: Capture) -> str:
    """The prompt as the upstream has really got it."""
    return capture.seen()[-1]["body"]["messages"][0]["content"]


def test_what_the_upstream_saw_is_what_is_kept(deployment: Deployment, capture: Capture) -> None:
    answer = ask(deployment, user="greta")
    assert CANARIES[0] in answer.text  # the client has got the value back
    sent = masked_of(capture)
    kept = opened(deployment, answer.headers["x-sovgate-request-id"])
    assert kept["prompt"]["messages"][0]["content"] == sent
    assert kept["prompt"]["model"] == "sov-flash"
    assert "user" not in kept["prompt"]
    said = kept["answer"]["choices"][0]
    assert said["message"]["content"] == f"You said: {sent}"
    assert said["finish_reason"] == "stop"


def test_a_stream_with_tool_calls_is_put_together(deployment: Deployment, capture: Capture) -> None:
    capture.script(
        content="For {echo}", reasoning="of {echo}", tool_arguments='{"to": "{echo}"}', cuts=[3, 9]
    )
    answer = ask(deployment, stream=True)
    capture.reset()
    kept = opened(deployment, answer.headers["x-sovgate-request-id"])
    masked = kept["prompt"]["messages"][0]["content"]
    message = kept["answer"]["choices"][0]["message"]
    assert message["content"] == f"For {masked}"
    assert message["reasoning_content"] == f"of {masked}"
    function = message["tool_calls"][0]["function"]
    assert function["name"] == "send"
    assert json.loads(function["arguments"]) == {"to": masked}


def test_half_an_answer_is_kept_as_far_as_it_came(deployment: Deployment, capture: Capture) -> None:
    capture.script(content="one two three four", break_after=3)
    with httpx.stream(
        "POST",
        f"{deployment.base_url}/chat/completions",
        headers={"authorization": f"Bearer {KEYS['acme']}"},
        json={"model": "flash", "stream": True, "messages": [{"role": "user", "content": "hi"}]},
    ) as answer:
        answer.read()
        request_id = answer.headers["x-sovgate-request-id"]
    capture.reset()
    kept = opened(deployment, request_id)
    assert kept["answer"]["choices"][0]["message"]["content"] == "one tw"
    assert kept["answer"]["choices"][0]["finish_reason"] is None


def test_what_no_upstream_got_is_not_kept(deployment: Deployment) -> None:
    answer = ask(deployment, model="down-model")
    refused = ask(deployment, model="no-such-model")
    assert answer.status_code >= 500
    assert refused.status_code == 404
    result = sovgate(
        deployment, "audit", "body", refused.headers["x-sovgate-request-id"],
        "--tenant", "acme", "--reason", "case 7",
    )  # fmt: skip
    assert result.status == 1
    assert "body_not_found" in result.errors


def test_another_tenant_has_no_such_body(deployment: Deployment) -> None:
    request_id = ask(deployment).headers["x-sovgate-request-id"]
    opened(deployment, request_id)
    result = sovgate(
        deployment, "audit", "body", request_id, "--tenant", "globex", "--reason", "case 7"
    )
    assert (result.status, "body_not_found" in result.errors) == (1, True)


def test_the_admin_api_opens_it_and_leaves_a_record(deployment: Deployment) -> None:
    request_id = ask(deployment).headers["x-sovgate-request-id"]
    opened(deployment, request_id)
    with httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=30) as admin:
        login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        token = admin.post("/login", json=login).json()["token"]
        admin.headers["authorization"] = f"Bearer {token}"
        place = f"/tenants/acme/audit/bodies/{request_id}"
        assert admin.post(place, json={}).status_code == 422
        answer = admin.post(place, json={"reason": "case 8"}).json()
        assert [part["intact"] for part in answer["parts"]] == [True, True]
        assert CANARIES[0] not in json.dumps(answer)
        trail = admin.get(
            "/tenants/acme/audit", params={"action": "audit.body.read", "limit": 1}
        ).json()
        assert trail["items"][0]["body"]["reason"] == "case 8"
        assert trail["items"][0]["body"]["target"] == request_id


def test_no_canary_is_on_disk_in_clear(deployment: Deployment) -> None:
    masked = "Write a letter to"
    for stream in (False, True):
        ask(deployment, stream=stream, user=CANARIES[1])
    found = {
        file.name
        for file in (deployment.directory / "data").rglob("*")
        if file.is_file()
        for text in (*CANARIES, masked)
        if text.encode() in file.read_bytes()
    }
    assert found == set()
