"""Budgets, audit and restarts: deployments of their own, stopped and killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support.books import settled_books
from support.deployment import KEYS, Capture, Deployment, gateway, settings, sovgate
from support.outcomes import metric, soon

HELLO = {"model": "flash", "messages": [{"role": "user", "content": "Please say hello."}]}


def post(deployment: Deployment, tenant: str = "acme", **body: Any) -> httpx.Response:
    return httpx.post(
        f"{deployment.base_url}/chat/completions",
        json=HELLO | body,
        headers={"authorization": f"Bearer {KEYS[tenant]}"},
        timeout=30,
    )


def with_database(content: dict[str, Any], url: str) -> dict[str, Any]:
    return content | {"database": {"url": url}}


def with_budget(content: dict[str, Any], limit: str) -> dict[str, Any]:
    content["bootstrap"]["tenants"][0]["budget"]["limit_usd"] = limit
    return content


def migrate(directory: Path, content: dict[str, Any]) -> None:
    """``sovgate db upgrade``, as one runs it before several processes start."""
    config = directory / "upgrade.yaml"
    config.write_text(yaml.safe_dump(content))
    command = [sys.executable, "-m", "gateway.cli", "db", "upgrade", "--config", str(config)]
    assert b"revision" in subprocess.run(command, check=True, capture_output=True).stdout


def export(deployment: Deployment, file: Path) -> list[dict[str, Any]]:
    result = sovgate(deployment, "audit", "export", "--tenant", "acme", "--out", str(file))
    assert result.status == 0, result.errors
    return [json.loads(line) for line in file.read_text().splitlines()]


def usage(deployment: Deployment) -> dict[str, Any]:
    """What acme has used altogether, whatever month it is by now."""
    span = ("--from", "2026-01-01", "--json")
    result = sovgate(deployment, "report", "usage", "--tenant", "acme", *span)
    return json.loads(result.output)["total"]


def ids_of(answers: Iterable[httpx.Response]) -> set[str]:
    return {answer.headers["x-sovgate-request-id"] for answer in answers}


def test_a_spent_budget_refuses_and_never_overspends(
    tmp_path: Path, capture: Capture, database_url: str
) -> None:
    # A request costs 0.00000585 and reserves about 0.0007, so that some find no money left.
    content = with_budget(with_database(settings(tmp_path, capture.url), database_url), "0.0015")
    # The upstream takes its time, so that sixteen requests hold reservations at once.
    capture.script(delay_s=0.1)
    with gateway(tmp_path, content) as deployment:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: post(deployment, max_tokens=1000), range(120)))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {answer.json()["error"]["code"] for answer in refused} == {"budget_exceeded"}
        assert refused[0].status_code == 429
        assert refused[0].headers["x-should-retry"] == "false"
        spent = sum(
            Decimal(answer.headers["x-sovgate-cost-usd"])
            for answer in answers
            if answer.status_code == 200
        )
        assert 0 < spent <= Decimal("0.0015")
        assert post(deployment, "globex").status_code == 200
        settled_books(deployment, ids_of(answers))
        assert Decimal(usage(deployment)["cost"]) == spent
        assert sovgate(deployment, "billing", "check").status == 0


def test_export_verifies_and_one_changed_byte_is_named(tmp_path: Path, capture: Capture) -> None:
    with gateway(tmp_path, settings(tmp_path, capture.url)) as deployment:
        settled_books(deployment, ids_of(post(deployment) for _ in range(5)))
        file = tmp_path / "audit.jsonl"
        records = export(deployment, file)
        assert sovgate(deployment, "audit", "verify", str(file)).status == 0
        assert sovgate(deployment, "audit", "verify").status == 0
        victim = records[-2]
        text = file.read_text().replace(victim["started_at"], "2020" + victim["started_at"][4:])
        file.write_text(text)
        result = sovgate(deployment, "audit", "verify", str(file))
        assert result.status == 1
        assert victim["request_id"] in result.output + result.errors


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost_when_the_gateway_stops(
    tmp_path: Path, capture: Capture, database_url: str, stop: int
) -> None:
    content = with_database(settings(tmp_path, capture.url), database_url)
    capture.script(event_delay_s=0.02, content="word " * 40)
    with gateway(tmp_path, content) as deployment, ThreadPoolExecutor(8) as pool:
        running = [pool.submit(_try, deployment, number % 2 == 0) for number in range(40)]
        soon(lambda: len(capture.ids()) >= 12)  # more than are asked at the same time
        deployment.server.process.send_signal(stop)
        for future in running:
            future.result()
        deployment.server.process.wait(60)
    seen = {item["headers"]["x-request-id"] for item in capture.seen()}
    assert seen
    with gateway(tmp_path, content) as deployment:
        settled_books(deployment, seen)
        soon(lambda: metric(deployment, "sovgate_journal_backlog_bytes") == 0)
        records = export(deployment, tmp_path / "audit.jsonl")
        called = [record["request_id"] for record in records if record["upstream"] is not None]
        assert len(called) == len(set(called))
        # A request whose process died between the note and the connection counts as called.
        assert seen <= set(called)
        assert sovgate(deployment, "audit", "verify").status == 0
        check = sovgate(deployment, "billing", "check", "--json")
        assert json.loads(check.output)["problems"] == []
        assert usage(deployment)["requests"] == len(called)


def _try(deployment: Deployment, stream: bool) -> None:
    with suppress(httpx.TransportError):
        post(deployment, stream=stream)


def test_a_graceful_stop_finishes_streams(tmp_path: Path, capture: Capture) -> None:
    capture.script(event_delay_s=0.05, content="word " * 20)
    content = settings(tmp_path, capture.url)
    with gateway(tmp_path, content, module="gateway.cli") as deployment:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(post, deployment, stream=True)
            soon(lambda: len(capture.ids()) == 1)
            deployment.server.process.send_signal(signal.SIGTERM)
            text = answer.result().text
        assert text.endswith("data: [DONE]\n\n")
        assert deployment.server.process.wait(30) == 0


def test_rate_limits(tmp_path: Path, capture: Capture) -> None:
    content = settings(tmp_path, capture.url)
    content["bootstrap"]["tenants"][0]["limits"] = {"rpm": 5}
    with gateway(tmp_path, content) as deployment:
        answers = [post(deployment) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
        assert answers[-1].json()["error"]["code"] == "requests_per_minute_exceeded"
        assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_full_disk_refuses_before_the_upstream_is_called(
    tmp_path: Path, capture: Capture
) -> None:
    content = settings(tmp_path, capture.url) | {"audit": {"min_free_bytes": 10**18}}
    with gateway(tmp_path, content, ready="/healthz") as deployment:
        answer = post(deployment)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "journal_unavailable")
        assert httpx.get(f"{deployment.url}/readyz").status_code == 503
    assert capture.seen() == []


def test_two_processes_share_limits_and_one_chain(
    tmp_path: Path, capture: Capture, database_url: str, valkey_url: str
) -> None:
    content = with_database(settings(tmp_path, capture.url), database_url)
    content |= {"redis": {"url": valkey_url}}
    content["server"]["workers"] = 2
    content["bootstrap"]["tenants"][0]["limits"] = {"rpm": 20}
    migrate(tmp_path, content)
    with gateway(tmp_path, content) as deployment:
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post(deployment), range(30)))
        refilled = (time.monotonic() - started) / 3  # one in three seconds
        served = [answer for answer in answers if answer.status_code == 200]
        assert 20 <= len(served) <= 21 + refilled
        ids = ids_of(served)
        settled_books(deployment, ids)
        records = export(deployment, tmp_path / "audit.jsonl")
        assert ids <= {record["request_id"] for record in records}
        assert sovgate(deployment, "audit", "verify").status == 0
        assert sovgate(deployment, "billing", "check").status == 0


def test_a_provider_behind_litellm(tmp_path: Path, capture: Capture) -> None:
    content = settings(tmp_path, capture.url)
    content["upstreams"].append(
        {
            "name": "provider",
            "kind": "litellm",
            "model_prefix": "openai",
            "base_url": f"{capture.url}/v1",
            "api_key_env": "SOV_KEY_ACME",
            "zone": "onprem",
            "models": ["provider-model"],
        }
    )
    prompt = "I am Greta Vogel, say hello."
    messages = [{"role": "user", "content": prompt}]
    with gateway(tmp_path, content) as deployment:
        plain = post(deployment, model="provider-model", messages=messages)
        assert plain.json()["choices"][0]["message"]["content"] == f"You said: {prompt}"
        assert plain.headers["x-sovgate-upstream"] == "provider"
        streamed = post(deployment, model="provider-model", messages=messages, stream=True)
        assert streamed.text.endswith("data: [DONE]\n\n")
        capture.script(status=500)
        failed = post(deployment, model="provider-model", messages=messages)
        assert failed.json()["error"]["code"] == "upstream_error"
    assert "Greta" not in json.dumps(capture.seen())
