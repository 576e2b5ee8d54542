"""A deployment among faults: requests to it, what its operators see, and its books."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy.engine import make_url

from support.books import Books, assert_books
from support.deployment import ADMIN_EMAIL, ADMIN_PASSWORD, KEYS, Capture, Deployment
from support.postgres import PostgresServer

# Beyond any deadline of the gateway's under the settings of these tests: a request that takes
# longer hangs.
HANGS_S = 60.0
HELLO = [{"role": "user", "content": "Please say hello."}]


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: httpx.Headers
    text: str

    @property
    def id(self) -> str:
        return self.headers["x-sovgate-request-id"]

    @property
    def is_stream(self) -> bool:
        return self.headers["content-type"].startswith("text/event-stream")

    @property
    def is_complete(self) -> bool:
        """A whole answer, plain or streamed."""
        if self.is_stream:
            return self.text.endswith("data: [DONE]\n\n")
        return self.status == 200 and "choices" in json.loads(self.text)

    @property
    def code(self) -> str | None:
        """The stable code of the error, within a stream that of its last event."""
        if self.is_complete:
            return None
        body = self.text.rstrip().rpartition("data: ")[2] if self.is_stream else self.text
        error = json.loads(body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert len(error["message"]) > 20
        return error["code"]

    @property
    def retry_after(self) -> str | None:
        return self.headers.get("retry-after")


@dataclass(frozen=True)
class Site:
    """A gateway, its upstream, and the ids of all that was asked.

    ``answered`` are requests that must be on record.
    """

    deployment: Deployment
    capture: Capture
    answered: list[str] = field(default_factory=list)

    def ask(
        self,
        *,
        stream: bool = False,
        key: str = KEYS["acme"],
        model: str = "flash",
        timeout_s: float = HANGS_S,
        **body: Any,
    ) -> Answer:
        """One request; what a client with a valid key gets an answer to goes on record."""
        response = httpx.post(
            f"{self.deployment.base_url}/chat/completions",
            json={"model": model, "messages": HELLO, "stream": stream, **body},
            headers={"authorization": f"Bearer {key}"},
            timeout=timeout_s,
        )
        answer = Answer(response.status_code, response.headers, response.text)
        self.answered.append(answer.id)
        return answer

    def serves(self, **request: Any) -> list[Answer]:
        """A plain and a streamed request, both answered whole."""
        answers = [self.ask(stream=stream, **request) for stream in (False, True)]
        for answer in answers:
            assert answer.is_complete, (answer.status, answer.text)
        return answers

    def refuses(self, status: int, code: str, **request: Any) -> list[Answer]:
        """A plain and a streamed request, both refused alike before anything went out."""
        answers = [self.ask(stream=stream, **request) for stream in (False, True)]
        for answer in answers:
            assert (answer.status, answer.code) == (status, code), answer.text
            assert not answer.is_stream
            if status == 503:
                assert int(answer.retry_after or "") >= 1
        return answers

    def recovers(self, what: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until it is as it was, without a restart."""
        deadline = time.monotonic() + timeout_s
        while not what():
            assert time.monotonic() < deadline, "it does not recover"
            time.sleep(0.1)

    def readiness(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{self.deployment.url}/readyz", timeout=HANGS_S)
        return answer.status_code, answer.json()

    def metric(self, name: str) -> float:
        """The value of a metric, labels included in its name."""
        lines = httpx.get(f"{self.deployment.url}/metrics", timeout=HANGS_S).text.splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))

    def logged(self, event: str) -> bool:
        return event in self.deployment.server.output()

    @contextmanager
    def admin(self) -> Iterator[httpx.Client]:
        """The admin API, signed in."""
        with httpx.Client(
            base_url=f"{self.deployment.url}/admin/api/v1", timeout=HANGS_S
        ) as client:
            login = client.post("/login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
            login.raise_for_status()
            client.headers["authorization"] = f"Bearer {login.json()['token']}"
            yield client

    def check(self, *, proofs: bool = False) -> Books:
        """The books hold every request once, and what the upstream saw is what was settled."""
        return assert_books(self.deployment, self.capture, self.answered, proofs=proofs)


def own_url(server: PostgresServer, port: int | None = None) -> str:
    """The database ``sovgate`` as the role of that name, which is no superuser."""
    url = make_url(server.url)
    return f"postgresql+asyncpg://sovgate@127.0.0.1:{port or url.port}/sovgate"


def fast(content: dict[str, Any], url: str, **overrides: Any) -> dict[str, Any]:
    """Settings with short time-outs on a database."""
    database = {"url": url, "timeout_s": 1.0}
    return {**content, "database": database, **overrides}
