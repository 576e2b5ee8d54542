"""Requests that are sent again under one Idempotency-Key: asked, counted and billed once."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from support.canaries import make_canaries
from support.canary_places import files_under
from support.canary_scan import CanaryScanner
from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings
from support.outcomes import hanging_up, soon

CANARY = make_canaries(2, seed=3)[1]


def _ask(
    deployment: Deployment, key: str | None, text: str = "Say hello.", **fields: Any
) -> httpx.Response:
    tenant = fields.pop("tenant", "acme")
    headers = {"authorization": f"Bearer {KEYS[tenant]}"}
    if key is not None:
        headers["idempotency-key"] = key
    body = {"model": "flash", "messages": [{"role": "user", "content": text}], **fields}
    url = f"{deployment.base_url}/chat/completions"
    return httpx.post(url, json=body, headers=headers, timeout=30)


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_request_again_gets_the_same_answer(
    deployment: Deployment, capture: Capture, stream: bool
) -> None:
    key, text = f"again-{stream}", f"{CANARY.sentence} Say hello."
    first, second = (_ask(deployment, key, text, stream=stream) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert second.content == first.content
    assert "x-sovgate-idempotent-replay" not in first.headers
    assert second.headers["x-sovgate-idempotent-replay"] == "true"
    same = ("x-sovgate-request-id", "x-sovgate-tier", "x-sovgate-masked", "content-type")
    assert [second.headers[name] for name in same] == [first.headers[name] for name in same]
    assert len(capture.seen()) == 1
    other = _ask(deployment, key, "Another text.", stream=stream)
    assert _code(other) == (422, "idempotency_key_reused")
    assert _ask(deployment, key, text, stream=stream, tenant="globex").status_code == 200
    assert len(capture.seen()) == 2
    scanner = CanaryScanner([CANARY])
    kept = [*files_under(deployment.directory / "data")]
    assert [hit for name, content in kept for hit in scanner.scan(name, content)] == []


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_a_key_that_is_none(deployment: Deployment, capture: Capture, key: str) -> None:
    assert _code(_ask(deployment, key)) == (400, "invalid_idempotency_key")
    assert capture.seen() == []


def test_a_wrong_api_key_opens_no_answer(deployment: Deployment) -> None:
    assert _ask(deployment, "opened").status_code == 200
    headers = {"authorization": "Bearer sov-wrong-wrong-wrong", "idempotency-key": "opened"}
    answer = httpx.post(f"{deployment.base_url}/chat/completions", json={}, headers=headers)
    assert _code(answer) == (401, "invalid_api_key")


def test_a_request_that_runs_is_not_started_again(deployment: Deployment, capture: Capture) -> None:
    capture.script(delay_s=60)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(_ask, deployment, "twice-at-once")
        soon(lambda: len(capture.ids()) >= 1)
        second = _ask(deployment, "twice-at-once")
        assert _code(second) == (409, "request_in_progress")
        assert second.headers["retry-after"] == "2"
        capture.answer_now()
        assert running.result().status_code == 200
    assert _ask(deployment, "twice-at-once").headers["x-sovgate-idempotent-replay"] == "true"
    assert len(capture.ids()) == 1


def test_an_error_frees_the_key(deployment: Deployment, capture: Capture) -> None:
    capture.script(status=500)
    assert _ask(deployment, "fails-first").status_code >= 500
    capture.script()
    answer = _ask(deployment, "fails-first")
    assert answer.status_code == 200
    assert "x-sovgate-idempotent-replay" not in answer.headers


def test_a_client_that_hung_up_finds_its_answer(deployment: Deployment, capture: Capture) -> None:
    capture.script(delay_s=60)
    body = {"model": "flash", "messages": [{"role": "user", "content": "Say hello."}]}
    with hanging_up(deployment, "acme", body, idempotency_key="hung-up"):
        soon(lambda: len(capture.ids()) == 1)
    assert _code(_ask(deployment, "hung-up")) == (409, "request_in_progress")
    capture.answer_now()
    soon(lambda: _ask(deployment, "hung-up").status_code == 200)
    assert _ask(deployment, "hung-up").headers["x-sovgate-idempotent-replay"] == "true"
    assert len(capture.ids()) == 1


def test_the_sdk_makes_one_batch_of_two_calls(client: OpenAI, capture: Capture) -> None:
    body = {"model": "flash", "messages": [{"role": "user", "content": "Say hello."}]}
    url = "/v1/chat/completions"
    line = {"custom_id": "a", "method": "POST", "url": url, "body": body}
    file = client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
    made = {
        client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            extra_headers={"Idempotency-Key": "one-batch"},
        ).id
        for _ in range(2)
    }
    assert len(made) == 1


@pytest.fixture
def own_capture(tmp_path: Path) -> Iterator[Capture]:
    """An upstream that no other gateway asks; the module's one may still run a batch."""
    with capture_upstream(tmp_path) as capture:
        yield capture


def test_a_killed_gateway_frees_the_key_and_keeps_the_answers(
    tmp_path: Path, own_capture: Capture
) -> None:
    capture = own_capture
    content = settings(tmp_path, capture.url)
    # It stands still: on a busy machine a start alone may take as long as a key is held.
    clock, start = tmp_path / "clock", datetime.now(UTC)
    clock.write_text(start.isoformat())
    options = {"module": "support.clocked_gateway", "env": _clocked(clock)}
    with gateway(tmp_path, content, **options) as deployment:
        kept = _ask(deployment, "kept")
        capture.script(delay_s=5.0)
        with ThreadPoolExecutor() as pool:
            cut = pool.submit(_ask, deployment, "cut")
            soon(lambda: len(capture.ids()) == 2)
            deployment.server.process.send_signal(signal.SIGKILL)
            deployment.server.process.wait()
            with pytest.raises(httpx.TransportError):
                cut.result()
    capture.script()
    with gateway(tmp_path, content, **options) as deployment:
        again = _ask(deployment, "kept")
        assert again.headers["x-sovgate-idempotent-replay"] == "true"
        assert again.content == kept.content
        # Until nobody can be serving it any more.
        assert _code(_ask(deployment, "cut")) == (409, "request_in_progress")
        clock.write_text((start + timedelta(seconds=31)).isoformat())
        assert _ask(deployment, "cut").status_code == 200
        clock.write_text((start + timedelta(hours=25)).isoformat())
        assert "x-sovgate-idempotent-replay" not in _ask(deployment, "kept").headers
        soon(lambda: len(_outcomes(deployment)) == 4)
        assert sorted(_outcomes(deployment)) == ["completed"] * 3 + ["interrupted"]


def _clocked(clock: Path) -> dict[str, str]:
    return {"SOVGATE_TEST_CLOCK": str(clock), "PYTHONPATH": str(Path(__file__).parents[1])}


def _outcomes(deployment: Deployment) -> list[str]:
    with closing(sqlite3.connect(deployment.directory / "data" / "sovgate.db")) as database:
        rows = database.execute("SELECT body FROM audit_records WHERE kind = 'request'")
        return [json.loads(body)["outcome"] for (body,) in rows]
