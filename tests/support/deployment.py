"""A whole gateway as real processes: configuration, capture upstream, ``sovgate serve``."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from support.commands import CommandResult, run_command
from support.databases import migrated_file
from support.forking import forked
from support.processes import ServerProcess, answers, free_port, running

ADMIN_EMAIL = "owner@example.com"
ADMIN_PASSWORD = "a-password-for-tests-only"
KEYS = {"acme": "sov-acme-key-for-tests-only", "globex": "sov-globex-key-for-tests-only"}
SECRETS = {
    **{f"SOV_KEY_{tenant.upper()}": key for tenant, key in KEYS.items()},
    "SOV_ADMIN_PASSWORD": ADMIN_PASSWORD,
}


@dataclass(frozen=True)
class Capture:
    """The upstream that remembers (``support.capture_upstream``)."""

    url: str

    def reset(self) -> None:
        httpx.post(f"{self.url}/reset").raise_for_status()

    def script(self, model: str | None = None, **fields: Any) -> None:
        """How the next answers look, those of ``model`` or of all without a script of their own."""
        params = {} if model is None else {"model": model}
        httpx.post(f"{self.url}/script", params=params, json=fields).raise_for_status()

    def answer_now(self) -> None:
        """Answer what is being held back (``delay_s``) at once."""
        httpx.post(f"{self.url}/release").raise_for_status()

    def state(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/captured").json()

    def seen(self) -> list[dict[str, Any]]:
        """``{headers, body}`` of each request, in order."""
        return self.state()["seen"]

    def ids(self) -> list[str]:
        """The request id of each request, in order."""
        return httpx.get(f"{self.url}/ids", timeout=30).json()


@dataclass(frozen=True)
class Deployment:
    """A running gateway."""

    directory: Path
    config: Path
    url: str
    server: ServerProcess

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def admin_url(self) -> str:
        return f"{self.url}/admin/"


@contextmanager
def capture_upstream(directory: Path, *, keep_bodies: bool = True) -> Iterator[Capture]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ids = [] if keep_bodies else ["ids"]
    with running(
        [sys.executable, "-m", "support.capture_upstream", str(port), *ids],
        ready=answers(f"{url}/v1/models"),
        log=directory / "capture.log",
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    ):
        yield Capture(url)


def settings(directory: Path, capture: str, **overrides: Any) -> dict[str, Any]:
    """A configuration with the capture upstream behind every tier; ``overrides`` by section."""
    data = directory / "data"
    content: dict[str, Any] = {
        "server": {"host": "127.0.0.1", "port": free_port()},
        "data_dir": str(data),
        "database": {"url": f"sqlite+aiosqlite:///{data / 'sovgate.db'}"},
        "upstreams": [
            {
                "name": "capture",
                "kind": "openai",
                "base_url": f"{capture}/v1",
                "zone": "onprem",
                "models": ["any-model", "sov-flash", "sov-pro"],
            },
            {
                "name": "abroad",
                "kind": "openai",
                "base_url": f"{capture}/v1",
                "zone": "us",
                "models": ["foreign-model"],
            },
            {
                "name": "down",
                "kind": "openai",
                "base_url": "http://127.0.0.1:1/v1",
                "zone": "onprem",
                "models": ["down-model"],
            },
        ],
        "tiers": {
            "flash": {"upstream": "capture", "model": "sov-flash"},
            "think-max": {
                "upstream": "capture",
                "model": "sov-pro",
                "thinking": True,
                "effort": "max",
            },
        },
        "prices": [
            {
                "model": model,
                "effective_from": "2026-01-01",
                "input": "0.15",
                "cached_input": "0.003",
                "output": "0.60",
            }
            for model in ("sov-flash", "sov-pro", "foreign-model", "down-model")
        ],
        "bootstrap": {
            "tenants": [
                {
                    "name": tenant,
                    "budget": {"limit_usd": "10.00", "period": "month", "hard": True},
                    "limits": {"rpm": 60000, "tpm": 100000000, "parallel": 64},
                    "keys": [{"name": "app", "env": f"SOV_KEY_{tenant.upper()}"}],
                }
                for tenant in KEYS
            ],
            "admins": [
                {"email": ADMIN_EMAIL, "password_env": "SOV_ADMIN_PASSWORD", "role": "owner"}
            ],
        },
    }
    return content | overrides


@contextmanager
def gateway(
    directory: Path,
    content: dict[str, Any],
    *,
    ready: str = "/readyz",
    module: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """What ``sovgate serve`` starts with this configuration, up as soon as ``ready`` answers.

    Forked where that is the same (``support.forking``). ``module`` names the program that is to
    serve, the command line's ``gateway.cli`` or one that stands in front of it; ``env`` is added
    to its environment.
    """
    config = directory / "sovgate.yaml"
    config.write_text(yaml.safe_dump(content))
    url = f"http://127.0.0.1:{content['server']['port']}"
    log, variables = directory / "gateway.log", {**SECRETS, **(env or {})}
    # Several processes of one gateway start as new ones, and so does what is imported first.
    whole = module is not None or content["server"].get("workers", 1) > 1
    if whole or "PYTHONPATH" in variables or sys.platform != "linux":
        command = [sys.executable, "-m", module or "gateway.cli", "serve", "--config", config]
        started = running(command, ready=answers(url + ready), log=log, env=variables)
    else:
        _prepare_file(content["database"]["url"])
        started = forked(config, log, variables, ready=answers(url + ready))
    with started as server:
        yield Deployment(directory, config, url, server)


def _prepare_file(url: str) -> None:
    """Spare a gateway that would make an SQLite file its migrations."""
    driver, _, path = url.partition(":///")
    if driver.startswith("sqlite") and not Path(path).exists():
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(migrated_file(), path)
        Path(path).chmod(0o600)


def sovgate(deployment: Deployment, *arguments: str) -> CommandResult:
    """Run a ``sovgate`` command against a deployment."""
    return run_command(*arguments, "--config", str(deployment.config), env=SECRETS)
