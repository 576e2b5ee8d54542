"""A worker process killed in the midst of answers: what it had computed is settled."""

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from scripted_v4 import ENDLESS, make_scripted_v4
from worker_process import serving

from support.books import read_books
from support.deployment import KEYS, Deployment, gateway, settings, sovgate
from support.processes import free_port

LONG = {
    "model": "tiny-v4",
    "messages": [{"role": "user", "content": "Weather in Paris?"}],
    "max_tokens": 6000,
    "temperature": 0,
    "thinking": {"type": "disabled"},
}
COUNTED = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
HEADERS = {"authorization": f"Bearer {KEYS['acme']}"}


def settings_with(directory: Path, worker: str) -> dict[str, Any]:
    content = settings(directory, worker)
    content["upstreams"].append(
        {"name": "pool", "kind": "pool", "workers": [worker], "zone": "onprem"}
        | {"models": ["tiny-v4"]}
    )
    prices = {"input": "1", "cached_input": "0.1", "output": "2", "worker_second": "0.001"}
    content["prices"].append({"model": "tiny-v4", "effective_from": "2026-01-01", **prices})
    return content


def ask(deployment: Deployment, **more: Any) -> httpx.Response:
    url = f"{deployment.base_url}/chat/completions"
    return httpx.post(url, json=LONG | more, headers=HEADERS, timeout=60)


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def test_what_a_killed_worker_computed_is_settled(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    endless = make_scripted_v4(tmp_path / "model", [ENDLESS])
    port = free_port()
    options = ("--allow-unsigned", "--name", "tiny-v4", "--dtype", "float32", "--port", str(port))
    content = settings_with(tmp_path, f"http://127.0.0.1:{port}")
    whole: list[httpx.Response] = []
    seen: list[dict[str, Any]] = []
    with serving(endless, *options) as (_, worker), gateway(tmp_path, content) as deployment:
        beside = threading.Thread(target=lambda: whole.append(ask(deployment)))
        beside.start()
        url = f"{deployment.base_url}/chat/completions"
        body = LONG | COUNTED | {"stream": True}
        with httpx.stream("POST", url, json=body, headers=HEADERS, timeout=60) as response:
            for event in events(response):
                seen.append(event)
                if len(seen) == 12:
                    worker.kill()
        beside.join()
        checked = sovgate(deployment, "billing", "check", "--json")
        assert json.loads(checked.output)["problems"] == []
        books = read_books(deployment)
    assert seen[-1]["error"]["code"] == "upstream_error"
    assert whole[0].status_code == 502, whole[0].text
    cut, lost = (
        books.records[answer.headers["x-sovgate-request-id"]] for answer in (response, whole[0])
    )
    usage = [event["usage"] for event in seen if event.get("usage")][-1]
    assert (cut["outcome"], cut["error_code"]) == ("error", "upstream_error")
    assert not cut["tokens"]["estimated"]
    assert cut["tokens"]["output"] >= usage["completion_tokens"] > 0
    time_alone = Decimal(usage["worker_seconds"]) * Decimal("0.001")
    assert books.cost(cut["request_id"]) > time_alone > 0
    assert (lost["outcome"], books.cost(lost["request_id"])) == ("error", 0)
