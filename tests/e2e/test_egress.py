"""Upstreams that administrators set, through real gateways: who may set them, where they may
be, and that a sovereign deployment refuses to start with anything foreign."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openai import OpenAI

from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    SECRETS,
    Capture,
    CommandResult,
    Deployment,
    gateway,
    settings,
    sovgate,
)
from support.outcomes import assert_error, record_of, soon
from support.processes import NotReady, free_port

HELLO = [{"role": "user", "content": "Please say hello."}]


@contextmanager
def admin_of(deployment: Deployment) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=30) as client:
        credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        token = client.post("/login", json=credentials).raise_for_status().json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def openai_upstream(name: str, url: str, zone: str = "onprem") -> dict[str, Any]:
    base = {"name": name, "kind": "openai", "zone": zone, "base_url": f"{url}/v1", "retries": 0}
    return base | {"models": [f"{name}-model"]}


def post(deployment: Deployment, model: str, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    content = {"model": model, "messages": HELLO} | body
    return httpx.post(
        f"{deployment.base_url}/chat/completions", json=content, headers=headers, timeout=30
    )


@pytest.fixture(scope="module")
def open_deployment(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """One whose settings let administrators use loopback."""
    directory = tmp_path_factory.mktemp("open-egress")
    content = settings(directory, _capture_process.url, egress={"allow_networks": ["127.0.0.1/32"]})
    with gateway(directory, content) as running:
        yield running


def test_from_the_api_to_an_answer_and_away_again(
    open_deployment: Deployment, capture: Capture
) -> None:
    with admin_of(open_deployment) as admin:
        definition = openai_upstream("added", capture.url)
        created = admin.post("/upstreams", json={"definition": definition})
        assert created.status_code == 201, created.text
        assert created.json()["state"] == "serving"
        with OpenAI(base_url=open_deployment.base_url, api_key=KEYS["acme"]) as client:
            assert "added-model" in {model.id for model in client.models.list()}
        answer = post(open_deployment, "added-model")
        assert answer.headers["x-sovgate-upstream"] == "added"
        record = record_of(open_deployment, answer.headers["x-sovgate-request-id"])
        assert (record["upstream"], record["zone"]) == ("added", "onprem")

        capture.script(event_delay_s=0.05)
        heads: list[int] = []
        texts: list[str] = []

        def stream() -> None:
            headers = {"authorization": f"Bearer {KEYS['acme']}"}
            body = {"model": "added-model", "messages": HELLO, "stream": True}
            url = f"{open_deployment.base_url}/chat/completions"
            with httpx.stream("POST", url, json=body, headers=headers, timeout=30) as reply:
                heads.append(reply.status_code)
                texts.append("".join(reply.iter_text()))

        running = threading.Thread(target=stream)
        running.start()
        soon(lambda: bool(heads))
        assert admin.delete("/upstreams/added").status_code == 204
        assert_error(post(open_deployment, "added-model"), 404, "model_not_found")
        running.join(30)
        assert texts[0].endswith("data: [DONE]\n\n")
        assert admin.get("/upstreams/added").status_code == 404


def test_another_process_makes_a_change(open_deployment: Deployment, capture: Capture) -> None:
    """The command line writes to the database; the running gateway follows."""
    made = sovgate(
        open_deployment,
        *("upstream", "create", "far", "--zone", "onprem", "--model", "far-model"),
        *("--url", f"{capture.url}/v1", "--reason", "capacity"),
    )
    assert made.status == 0, made.errors
    soon(lambda: post(open_deployment, "far-model").status_code == 200)
    listed = sovgate(open_deployment, "upstream", "list")
    assert "far" in listed.output
    assert "capture" in listed.output
    assert sovgate(open_deployment, "upstream", "delete", "far").status == 0
    soon(lambda: post(open_deployment, "far-model").status_code == 404)
    with admin_of(open_deployment) as admin:
        trail = admin.get("/tenants/_system/audit", params={"limit": 100}).json()["items"]
    made_by = {(each["body"].get("action"), each["body"].get("actor")) for each in trail}
    assert {("upstream.create", "cli"), ("upstream.delete", "cli")} <= made_by


def test_a_zone_that_the_policy_forbids(open_deployment: Deployment, capture: Capture) -> None:
    with admin_of(open_deployment) as admin:
        definition = openai_upstream("overseas", capture.url, zone="us")
        admin.post("/upstreams", json={"definition": definition}).raise_for_status()
        answer = post(open_deployment, "overseas-model")
        request_id = assert_error(answer, 403, "residency_denied")
        assert capture.seen() == []
        assert record_of(open_deployment, request_id)["upstream"] is None


def test_the_file_wins(open_deployment: Deployment) -> None:
    with admin_of(open_deployment) as admin:
        definition = openai_upstream("capture", "https://models.example.com")
        answer = admin.post("/upstreams", json={"definition": definition})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "named_in_file")
        answer = admin.delete("/upstreams/capture")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "named_in_file")
        shown = admin.get("/upstreams/capture").json()
        assert (shown["origin"], shown["definition"]) == ("file", None)


def test_private_addresses_are_out_of_reach(deployment: Deployment, capture: Capture) -> None:
    """Loopback serves this deployment's file, and is closed to its administrators."""
    port = capture.url.rpartition(":")[2]
    with admin_of(deployment) as admin:
        for host in ("127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]"):
            definition = openai_upstream("inside", f"http://{host}:{port}")
            answer = admin.post("/upstreams", json={"definition": definition})
            code = answer.json()["error"]["code"]
            assert (host, answer.status_code, code) == (host, 422, "address_forbidden")
        for host in ("127.1", "2130706433", "0x7f000001", "u:p@localhost"):
            definition = openai_upstream("inside", f"http://{host}:{port}")
            answer = admin.post("/upstreams", json={"definition": definition})
            assert (host, answer.json()["error"]["code"]) == (host, "invalid_url")
        # A name tells nothing when it is stored; the connection is what is refused.
        definition = openai_upstream("inside", f"http://localhost:{port}")
        admin.post("/upstreams", json={"definition": definition}).raise_for_status()
        assert_error(post(deployment, "inside-model"), 502, "upstream_unreachable")
        admin.delete("/upstreams/inside").raise_for_status()
    assert capture.seen() == []


def test_a_test_tells_nothing_about_the_network(deployment: Deployment, capture: Capture) -> None:
    port = capture.url.rpartition(":")[2]
    urls = {
        "open": f"http://localhost:{port}",
        "closed": f"http://localhost:{free_port()}",
        "unknown": "http://no-such-name.invalid",
    }
    with admin_of(deployment) as admin:
        answers = {
            name: admin.post("/upstreams/test", json={"definition": openai_upstream("x", url)})
            for name, url in urls.items()
        }
    bodies = {name: answer.raise_for_status().content for name, answer in answers.items()}
    assert len(set(bodies.values())) == 1
    assert answers["open"].json()["answers"] is False
    assert capture.seen() == []


def test_a_test_of_one_that_answers(open_deployment: Deployment, capture: Capture) -> None:
    with admin_of(open_deployment) as admin:
        body = {"definition": openai_upstream("x", capture.url)}
        assert admin.post("/upstreams/test", json=body).json()["answers"] is True
        assert admin.get("/upstreams/x").status_code == 404


def test_no_other_secret_goes_out_as_a_key(open_deployment: Deployment, capture: Capture) -> None:
    with admin_of(open_deployment) as admin:
        definition = openai_upstream("thief", capture.url) | {"api_key_env": "SOV_ADMIN_PASSWORD"}
        answer = admin.post("/upstreams", json={"definition": definition})
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, "api_key_env")
        definition["api_key_env"] = "UPSTREAM_KEY_THIEF"
        created = admin.post("/upstreams", json={"definition": definition})
        assert created.json()["state"] == "no_key"
        assert_error(post(open_deployment, "thief-model"), 404, "model_not_found")


SOVEREIGN = {"sovereign_only": True, "home_zones": ["onprem"]}


def command(config: Path, *arguments: str) -> CommandResult:
    """Of a deployment that does not run."""
    finished = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        env={**os.environ, **SECRETS},
        timeout=60,
    )
    return CommandResult(finished.returncode, finished.stdout, finished.stderr)


def refused_start(directory: Path, content: dict[str, Any]) -> str:
    with pytest.raises(NotReady) as caught, gateway(directory, content, module="gateway.cli"):
        pass
    return str(caught.value)


def test_a_sovereign_deployment_refuses_what_is_foreign(tmp_path: Path) -> None:
    content = settings(
        tmp_path,
        "http://127.0.0.1:1",
        egress=SOVEREIGN,
        policies={"default": {}, "travel": {"zones": ["onprem", "eu"]}},
        alerts={
            "webhooks": {
                "ops": {"url": "https://hooks.example.com/x", "secret_env": "SOV_KEY_ACME"}
            }
        },
    )
    content["upstreams"].append(
        {
            "name": "claude",
            "kind": "litellm",
            "model_prefix": "anthropic",
            "zone": "onprem",
            "models": ["claude"],
        }
    )
    said = refused_start(tmp_path, content)
    assert "upstream abroad (zone us)" in said
    assert "upstream claude (litellm without base_url calls its provider)" in said
    assert "policy travel (allows zone eu)" in said
    assert "webhook ops (host hooks.example.com is not in egress.home_hosts)" in said
    assert "upstream capture" not in said


def test_a_foreign_upstream_in_the_database(tmp_path: Path) -> None:
    content = settings(tmp_path, "http://127.0.0.1:1")
    content["upstreams"] = [each for each in content["upstreams"] if each["zone"] == "onprem"]
    config = tmp_path / "sovgate.yaml"
    config.write_text(yaml.safe_dump(content))
    far = (
        *("upstream", "create", "far", "--zone", "us", "--model", "m"),
        *("--url", "https://models.example.com/v1"),
    )
    assert command(config, *far).status == 0
    assert "upstream far of the database (zone us)" in refused_start(
        tmp_path, content | {"egress": SOVEREIGN}
    )
    refused = command(config, *far)  # the file is the sovereign one now
    assert (refused.status, "foreign_zone" in refused.errors) == (1, True)
    assert command(config, "upstream", "delete", "far").status == 0
