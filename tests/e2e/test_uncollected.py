"""What a request leaves in memory: nothing that the garbage collector would have to look for."""

import os
import signal
from pathlib import Path

import httpx

from support.deployment import KEYS, Deployment, capture_upstream, gateway, settings
from support.outcomes import soon

HELLO = [{"role": "user", "content": "Write to greta.vogel@example.com, please."}]
APIS = {
    "chat/completions": {"messages": HELLO},
    "messages": {"messages": HELLO, "max_tokens": 50},
    "responses": {"input": "Write to greta.vogel@example.com, please."},
    "completions": {"prompt": "Write to greta.vogel@example.com, please."},
}


def test_a_request_leaves_nothing_that_refers_to_itself(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    env = {"SOVGATE_TEST_ALIVE": str(alive), "PYTHONPATH": str(Path(__file__).parents[1])}
    with (
        capture_upstream(tmp_path) as upstream,
        gateway(
            tmp_path,
            settings(tmp_path, upstream.url),
            module="support.uncollected_gateway",
            env=env,
        ) as deployment,
    ):

        def counted() -> int | None:
            alive.write_text("")
            os.kill(deployment.server.pid, signal.SIGUSR1)
            soon(lambda: alive.read_text() != "", "the gateway does not count")
            return int(alive.read_text())

        assert counted() == 0
        for stream in (False, True):
            for path, body in APIS.items():
                ask(deployment, path, {**body, "model": "flash", "stream": stream})
        soon(lambda: counted() == 0, "the state of a request stays until it is collected")


def ask(deployment: Deployment, path: str, body: dict[str, object]) -> None:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    answer = httpx.post(f"{deployment.base_url}/{path}", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    if not body["stream"]:
        assert "greta.vogel@example.com" in answer.text  # masked, and restored
