"""A worker process killed in the midst of answers: what it had computed is settled.

One is alone, of the other a process that has half of the experts is killed.
"""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


ALONE, SHARED = "tiny-v4", "shared-v4"


def settings_with(directory: Path, workers: dict[str, str]) -> dict[str, Any]:
    """Args: workers: their URLs by the models that they serve."""
    content = settings(directory, workers[ALONE])
    prices = {"input": "1", "cached_input": "0.1", "output": "2", "worker_second": "0.001"}
    for model, worker in workers.items():
        content["upstreams"].append(
            {"name": model, "kind": "pool", "workers": [worker], "zone": "onprem"}
            | {"models": [model]}
        )
        content["prices"].append({"model": model, "effective_from": "2026-01-01", **prices})
    return content


@dataclass
class Interrupted:
    """What the clients of a worker got that was killed while it answered them."""

    stream: httpx.Response
    events: list[dict[str, Any]]
    whole: httpx.Response

    @property
    def usage(self) -> dict[str, Any]:
        """The last that was told."""
        return [event["usage"] for event in self.events if event.get("usage")][-1]


def interrupt(deployment: Deployment, model: str, kill: Callable[[], None]) -> Interrupted:
    """Two requests at once, a streamed one and a whole one; kill after twelve events."""
    whole: list[httpx.Response] = []
    url = f"{deployment.base_url}/chat/completions"
    body = LONG | {"model": model}

    def ask() -> None:
        whole.append(httpx.post(url, json=body, headers=HEADERS, timeout=60))

    beside = threading.Thread(target=ask)
    beside.start()
    seen: list[dict[str, Any]] = []
    streamed = body | COUNTED | {"stream": True}
    with httpx.stream("POST", url, json=streamed, headers=HEADERS, timeout=60) as response:
        for event in events(response):
            seen.append(event)
            if len(seen) == 12:
                kill()
    beside.join()
    return Interrupted(response, seen, whole[0])


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def signal_child(worker: "subprocess.Popen[str]", number: signal.Signals) -> None:
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text()
    (child,) = map(int, children.split())
    os.kill(child, number)


def test_what_a_killed_worker_computed_is_settled(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    endless = make_scripted_v4(tmp_path / "model", [ENDLESS])
    ports = {ALONE: free_port(), SHARED: free_port()}
    urls = {model: f"http://127.0.0.1:{port}" for model, port in ports.items()}

    def started(model: str, *options: str) -> Any:
        given = ("--allow-unsigned", "--dtype", "float32", "--port", str(ports[model]), *options)
        return serving(endless, "--name", model, *given)

    with (
        started(ALONE) as (_, alone),
        started(SHARED, "--expert-parallel", "2", "--rebalance-steps", "2") as (_, shared),
        gateway(tmp_path, settings_with(tmp_path, urls)) as deployment,
    ):
        killed = interrupt(deployment, ALONE, alone.kill)
        signal_child(shared, signal.SIGTERM)  # it ends when the first process says so
        lost = interrupt(deployment, SHARED, lambda: signal_child(shared, signal.SIGKILL))
        assert shared.wait(30) == 1, "a worker that lost a process ends, to be started again"
        assert shared.stderr is not None
        assert "[engine_failed]" in shared.stderr.read()
        checked = sovgate(deployment, "billing", "check", "--json")
        assert json.loads(checked.output)["problems"] == []
        books = read_books(deployment)
    for found in (killed, lost):
        assert found.events[-1]["error"]["code"] == "upstream_error"
        assert found.whole.status_code == 502, found.whole.text
        cut = books.records[found.stream.headers["x-sovgate-request-id"]]
        assert (cut["outcome"], cut["error_code"]) == ("error", "upstream_error")
        assert not cut["tokens"]["estimated"]
        assert cut["tokens"]["output"] >= found.usage["completion_tokens"] > 0
        time_alone = Decimal(found.usage["worker_seconds"]) * Decimal("0.001")
        assert books.cost(cut["request_id"]) > time_alone > 0
        # What was not answered at all is not billed.
        unanswered = books.records[found.whole.headers["x-sovgate-request-id"]]
        assert unanswered["outcome"] == "error"
        assert books.cost(unanswered["request_id"]) == 0
