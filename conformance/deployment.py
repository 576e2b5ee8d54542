"""A gateway under the policy that conformance is about, as a process on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

KEY = "sov-conformance-key-of-one-run"
REDACTING = {"output": "redact"}
_START_S = 120.0
_STOP_S = 20.0


class GatewayDidNotStart(Exception):
    """What it wrote last is in the message."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def gateway(
    directory: Path, upstreams: Mapping[str, int], pii: Mapping[str, object] = REDACTING
) -> Iterator[str]:
    """Its base URL. ``upstreams`` maps model names to the ports that serve them; ``pii`` is the
    policy's section of that name."""
    port = free_port()
    config = directory / "sovgate.yaml"
    config.write_text(json.dumps(_settings(directory, port, upstreams, pii)), "utf-8")
    log = directory / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SOV_KEY_CONFORMANCE": KEY},
        )
        try:
            _await(f"http://127.0.0.1:{port}/readyz", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _settings(
    directory: Path, port: int, upstreams: Mapping[str, int], pii: Mapping[str, object]
) -> dict[str, object]:
    data = directory / "data"
    return {
        "server": {"host": "127.0.0.1", "port": port},
        "data_dir": str(data),
        "database": {"url": f"sqlite+aiosqlite:///{data / 'sovgate.db'}"},
        "upstreams": [
            {
                "name": model,
                "kind": "openai",
                "base_url": f"http://127.0.0.1:{upstream}/v1",
                "zone": "onprem",
                "models": [model],
            }
            for model, upstream in upstreams.items()
        ],
        # Answers are not moderated: a verdict may end one anywhere, and is not what is tested.
        "policies": {"default": {"pii": dict(pii), "moderation": {"output": "allow"}}},
        "bootstrap": {
            "tenants": [
                {
                    "name": "conformance",
                    "limits": {"parallel": 256},
                    "keys": [{"name": "app", "env": "SOV_KEY_CONFORMANCE"}],
                }
            ]
        },
    }


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    tail = log.read_text("utf-8", "replace")[-2000:]
    raise GatewayDidNotStart(f"The gateway did not become ready; its log ends with:\n{tail}")
