"""A gateway that canaries are sent through: forked, stopped and killed, all that it says kept."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from support.deployment import ADMIN_EMAIL, ADMIN_PASSWORD, KEYS, Deployment
from support.forking import Forker
from support.processes import ServerProcess, answers

CHAT = "/v1/chat/completions"
ADMIN = "/admin/api/v1"


@dataclass
class Aviary:
    """A gateway, and what it said that must hold nobody's value: headers, and errors' bodies."""

    directory: Path
    parent: Forker
    content: dict[str, Any]
    said: list[tuple[str, bytes]] = field(default_factory=list)
    process: psutil.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.content['server']['port']}"

    @property
    def deployment(self) -> Deployment:
        """As commands and books take it: they read the configuration alone."""
        server = ServerProcess(None, self._log)  # type: ignore[arg-type]
        return Deployment(self.directory, self._config, self.url, server)

    def start(self, ready: str = "/readyz") -> None:
        """Start it, and wait until ``ready`` answers."""
        self._config.write_text(yaml.safe_dump(self.content))
        self.process = self.parent.start(self._config, self._log)
        is_up = answers(self.url + ready)
        while not is_up():
            assert self.process.is_running(), self._log.read_text()[-4000:]
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.is_running():
            self.process.send_signal(number)
            self.process.wait(60)

    def ask(
        self,
        body: Any = None,
        *,
        tenant: str = "acme",
        method: str = "POST",
        path: str = CHAT,
        patience: float = 60.0,
        **request: Any,
    ) -> int:
        """Send a request, keep what it must not say, return the status; 0: no answer."""
        if body is not None:
            request["json"] = body
        headers = {"authorization": f"Bearer {KEYS[tenant]}"} | request.pop("headers", {})
        with suppress(httpx.TransportError):
            answer = httpx.request(
                method, self.url + path, headers=headers, timeout=patience, **request
            )
            self.said.append((f"headers of {path[:30]}", repr(answer.headers.raw).encode()))
            if answer.status_code >= 400:
                self.said.append((f"{answer.status_code} of {path[:30]}", answer.content))
            return answer.status_code
        return 0

    def hang_up(self, body: dict[str, Any]) -> int:
        """Read the first of a stream, and go."""
        headers = {"authorization": f"Bearer {KEYS['acme']}"}
        with (
            suppress(httpx.TransportError),
            httpx.stream("POST", self.url + CHAT, json=body, headers=headers) as answer,
        ):
            next(answer.iter_bytes(), b"")
            return answer.status_code
        return 0

    def administrator(self) -> dict[str, str]:
        """Headers of a session of the owner."""
        login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        answer = httpx.post(f"{self.url}{ADMIN}/login", json=login).raise_for_status()
        return {"authorization": f"Bearer {answer.json()['token']}"}

    @property
    def _config(self) -> Path:
        return self.directory / f"sovgate-{self.content['server']['port']}.yaml"

    @property
    def _log(self) -> Path:
        return self.directory / f"gateway-{self.content['server']['port']}.log"


def for_each(items: Sequence[Any], send: Callable[[Any], int]) -> Counter[int]:
    """How often which status, of a request for each item, four at a time."""
    with ThreadPoolExecutor(4) as pool:
        return Counter(pool.map(send, items))
