"""Stored bodies with a real gateway: masked, sealed, readable by whom they may be, expiring."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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
from support.processes import free_port

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


class Admin:
    """The admin API as the owner."""

    def __init__(self, deployment: Deployment) -> None:
        login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        self.client = httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=30)
        token = self.client.post("/login", json=login).json()["token"]
        self.client.headers["authorization"] = f"Bearer {token}"

    def post(self, path: str, tenant: str = "acme", **body: Any) -> httpx.Response:
        return self.client.post(f"/tenants/{tenant}/audit/{path}", json=body)

    def body(self, request_id: str, tenant: str = "acme") -> httpx.Response:
        """As soon as the drain has brought it, if it does."""
        answer = self.post(f"bodies/{request_id}", tenant, reason="case 7")
        deadline = time.monotonic() + 30
        while answer.status_code == 404 and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = self.post(f"bodies/{request_id}", tenant, reason="case 7")
        return answer

    def opened(self, request_id: str) -> dict[str, Any]:
        answer = self.body(request_id)
        assert answer.status_code == 200, answer.text
        assert all(part["intact"] for part in answer.json()["parts"])
        return {part["part"]: part["content"] for part in answer.json()["parts"]}


@pytest.fixture(scope="module")
def admin(deployment: Deployment) -> Iterator[Admin]:
    admin = Admin(deployment)
    yield admin
    admin.client.close()


def masked_of(capture: Capture) -> str:
    """The prompt as the upstream has really got it."""
    return capture.seen()[-1]["body"]["messages"][0]["content"]


def test_what_the_upstream_saw_is_what_is_kept(
    deployment: Deployment, capture: Capture, admin: Admin
) -> None:
    answer = ask(deployment, user="greta")
    assert CANARIES[0] in answer.text  # the client has got the value back
    sent = masked_of(capture)
    kept = admin.opened(answer.headers["x-sovgate-request-id"])
    assert kept["prompt"]["messages"][0]["content"] == sent
    assert kept["prompt"]["model"] == "sov-flash"
    assert "user" not in kept["prompt"]
    said = kept["answer"]["choices"][0]
    assert said["message"]["content"] == f"You said: {sent}"
    assert said["finish_reason"] == "stop"


def test_a_stream_with_tool_calls_is_put_together(
    deployment: Deployment, capture: Capture, admin: Admin
) -> None:
    capture.script(
        content="For {echo}", reasoning="of {echo}", tool_arguments='{"to": "{echo}"}', cuts=[3, 9]
    )
    answer = ask(deployment, stream=True)
    capture.reset()
    kept = admin.opened(answer.headers["x-sovgate-request-id"])
    masked = kept["prompt"]["messages"][0]["content"]
    message = kept["answer"]["choices"][0]["message"]
    assert message["content"] == f"For {masked}"
    assert message["reasoning_content"] == f"of {masked}"
    function = message["tool_calls"][0]["function"]
    assert function["name"] == "send"
    assert json.loads(function["arguments"]) == {"to": masked}


def test_half_an_answer_is_kept_as_far_as_it_came(
    deployment: Deployment, capture: Capture, admin: Admin
) -> None:
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
    kept = admin.opened(request_id)
    assert kept["answer"]["choices"][0]["message"]["content"] == "one tw"
    assert kept["answer"]["choices"][0]["finish_reason"] is None


def test_what_no_upstream_got_is_not_kept(deployment: Deployment, admin: Admin) -> None:
    refused = ask(deployment, model="no-such-model")
    assert refused.status_code == 404
    later = ask(deployment).headers["x-sovgate-request-id"]
    admin.opened(later)  # so the one before has been drained, too
    answer = admin.post(f"bodies/{refused.headers['x-sovgate-request-id']}", reason="case 7")
    assert answer.json()["error"]["code"] == "body_not_found"


def test_another_tenant_has_no_such_body(deployment: Deployment, admin: Admin) -> None:
    request_id = ask(deployment).headers["x-sovgate-request-id"]
    admin.opened(request_id)
    answer = admin.post(f"bodies/{request_id}", "globex", reason="case 7")
    assert answer.json()["error"]["code"] == "body_not_found"


def test_reading_needs_a_reason_and_leaves_a_record(deployment: Deployment, admin: Admin) -> None:
    request_id = ask(deployment).headers["x-sovgate-request-id"]
    assert admin.post(f"bodies/{request_id}").status_code == 422
    answer = admin.body(request_id)
    assert CANARIES[0] not in answer.text
    listed = admin.client.get(
        "/tenants/acme/audit", params={"action": "audit.body.read", "limit": 1}
    )
    body = listed.json()["items"][0]["body"]
    assert (body["reason"], body["target"]) == ("case 7", request_id)
    command = ("audit", "body", request_id, "--tenant", "acme", "--reason", "case 8", "--json")
    assert json.loads(sovgate(deployment, *command).output)["parts"] == answer.json()["parts"]


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


def test_the_prompt_survives_kill_9(tmp_path: Path, capture: Capture) -> None:
    content = settings(tmp_path, capture.url, policies=POLICIES)
    capture.reset()
    capture.script(delay_s=30)
    with gateway(tmp_path, content) as dying, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, dying)
        while not capture.ids():
            time.sleep(0.02)
        dying.server.process.kill()
        assert asked.exception() is not None
    request_id, sent = capture.ids()[0], masked_of(capture)
    capture.reset()
    content["server"]["port"] = free_port()
    with gateway(tmp_path, content) as next_one:
        next_admin = Admin(next_one)
        kept = next_admin.opened(request_id)
        next_admin.client.close()
        assert kept["prompt"]["messages"][0]["content"] == sent
        assert "answer" not in kept
        assert sovgate(next_one, "audit", "verify").status == 0
        listed = sovgate(
            next_one, "audit", "list", "--tenant", "acme", "--filter", "outcome=interrupted",
            "--json",
        )  # fmt: skip
        assert json.loads(listed.output)["request_id"] == request_id


def test_an_end_user_is_erased_while_the_gateway_runs(
    deployment: Deployment, admin: Admin, tmp_path: Path
) -> None:
    hers = ask(deployment, user="margarete").headers["x-sovgate-request-id"]
    his = ask(deployment, user="boris").headers["x-sovgate-request-id"]
    admin.opened(hers)
    wanted = {"end_user": "margarete", "values": [CANARIES[0]], "reason": "asked for"}
    hold = admin.post("holds", request_ids=[hers], reason="case 7").json()
    refused = admin.post("erasures", **wanted)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "legal_hold")
    admin.post(f"holds/{hold['id']}/release", reason="closed")
    erase = ("--user", "margarete", "--value", CANARIES[0], "--reason", "asked for", "--json")
    erased = sovgate(deployment, "audit", "erase", "--tenant", "acme", *erase)
    assert json.loads(erased.output)["bodies"] == 2
    # The gateway has not been told; what it seals from now on opens all the same.
    later = ask(deployment, user="boris").headers["x-sovgate-request-id"]
    assert admin.opened(his)["prompt"]
    assert admin.opened(later)["prompt"]
    gone = admin.body(hers)
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "body_gone")
    assert sovgate(deployment, "audit", "verify").status == 0
    _check_evidence(deployment, tmp_path / "evidence.json")


def _check_evidence(deployment: Deployment, file: Path) -> None:
    span = ("--from", "2026-01-01", "--to", "2126-01-01", "--out", str(file))
    made = sovgate(deployment, "audit", "report", "--tenant", "acme", *span)
    assert made.status == 0, made.errors
    text = file.read_text()
    pack = json.loads(text)
    assert pack["retention"]["erasures"][0]["bodies"] == 2
    assert pack["retention"]["bodies"] == "masked"
    assert [item["zone"] for item in pack["destinations"]] == ["onprem"]
    assert CANARIES[0] not in text
    assert "margarete" not in text
    check = [sys.executable, "-m", "gateway.cli", "audit", "check-report", str(file)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0


def test_expired_bodies_are_removed_by_the_job(deployment: Deployment, admin: Admin) -> None:
    request_id = ask(deployment).headers["x-sovgate-request-id"]
    admin.opened(request_id)
    database = deployment.directory / "data" / "sovgate.db"
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute(
            "UPDATE audit_bodies SET expires_at = '2026-01-01 00:00:00' WHERE request_id = ?",
            (request_id,),
        )
    run = sovgate(deployment, "job", "run", "audit.retention", "--json")
    assert run.status == 0, run.errors
    assert json.loads(run.output)["result"]["tenants"]["acme"]["bodies"] == 2
    gone = admin.body(request_id)
    assert (gone.status_code, "expired" in gone.text) == (410, True)
    # Whoever moved the date is found: the record says until when the body is kept.
    damaged = sovgate(deployment, "audit", "verify")
    assert (damaged.status, "missing before its time" in damaged.output) == (1, True)
