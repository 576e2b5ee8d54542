"""Gateways with one database that are killed and started again."""

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import yaml

from support.deployment import Capture, Deployment
from support.forking import Forker
from support.processes import ServerProcess
from support.site import site_settings

_START_S = 60.0


class DidNotStart(Exception):
    """A gateway ended, or was not ready in time; holds the end of its log."""


@dataclass
class Replica:
    """One gateway: its configuration, and its process while there is one."""

    directory: Path
    config: Path
    url: str
    forker: Forker
    process: psutil.Process | None = None
    serving: bool = False

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def log(self) -> Path:
        return self.directory / "gateway.log"

    def start(self) -> None:
        self.process = self.forker.start(self.config, self.log)

    def kill(self) -> None:
        """``kill -9``, and wait until it is gone."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Let it finish what it does."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        process, self.process, self.serving = self.process, None, False
        if process is not None and process.is_running():
            process.send_signal(number)
            process.wait(_START_S)

    async def ready(self, session: aiohttp.ClientSession) -> None:
        """Wait until it serves.

        Raises:
            DidNotStart: it does not.
        """
        deadline = time.monotonic() + _START_S
        while True:
            try:
                async with session.get(f"{self.url}/readyz") as answer:
                    if answer.status == 200:
                        self.serving = True
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            gone = self.process is None or not self.process.is_running()
            if gone or time.monotonic() > deadline:
                raise DidNotStart(self.log.read_text("utf-8", "replace")[-4000:])
            await asyncio.sleep(0.02)

    def deployment(self) -> Deployment:
        """As ``support.books`` takes it; that reads the configuration alone."""
        return Deployment(self.directory, self.config, self.url, _no_server(self.log))


def make_replicas(
    directory: Path,
    capture: Capture,
    forker: Forker,
    database_url: str,
    valkey_url: str,
    count: int,
) -> list[Replica]:
    """Replicas with the same secrets, not started yet."""
    pepper = _secret(directory / "pepper", "p" * 64)
    vault_key = _secret(directory / "vault-key", "5a" * 32)
    replicas = []
    for number in range(count):
        home = directory / str(number)
        home.mkdir()
        content = site_settings(
            home,
            capture,
            database={"url": database_url, "pool_size": 5},
            redis={"url": valkey_url},
            audit={
                "signing_key_file": str(_signing_key(directory)),
                "checkpoint_interval_s": 1,
            },
            security={"pepper_file": pepper},
            vault={"master_key_file": vault_key},
            guards={"ner": "none", "processes": 0},
        )
        replicas.append(_replica(home, content, forker))
    return replicas


def _signing_key(directory: Path) -> Path:
    from gateway.audit import SigningKey

    SigningKey.load_or_create(None, directory)
    return directory / "audit-signing-key.pem"


def _secret(file: Path, content: str) -> str:
    """A file that its owner alone can read; its path."""
    file.write_text(content)
    file.chmod(0o600)
    return str(file)


def _replica(home: Path, content: dict[str, Any], forker: Forker) -> Replica:
    config = home / "sovgate.yaml"
    config.write_text(yaml.safe_dump(content))
    return Replica(home, config, f"http://127.0.0.1:{content['server']['port']}", forker)


def _no_server(log: Path) -> ServerProcess:
    import subprocess

    done = subprocess.Popen(["true"])
    done.wait()
    return ServerProcess(done, log)
