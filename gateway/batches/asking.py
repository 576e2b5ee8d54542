"""Asks a gateway for one line of a batch, over HTTP like any client, with a pass for its key.

So a line meets the same guards, limits, budget, audit and ledger as every request, and a worker
that is killed leaves nothing unsettled. The idempotency key keeps a line that is asked again
from being billed again.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from gateway.egress import OF_THE_FILE, guarded_connector

TIMEOUT_S = 3600.0  # the gateway's own deadlines are shorter
_CONNECT_S = 5.0
_LONGEST_WAIT_S = 10.0
# A wait does not help with these, whatever their status says.
_FINAL = frozenset({"unpriced_model", "budget_exceeded"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway made of the line."""

    status: int
    request_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Postponed:
    """No answer now: ``refused`` where nothing was asked, ``broken`` where nobody knows."""

    how: Literal["refused", "broken"]
    wait_s: float


class LineAsker:
    """Open it in the job's event loop."""

    def __init__(self, base_url: str, endpoint: str, key_pass: str, parallel: int) -> None:
        import aiohttp

        self._url = base_url + endpoint
        self._headers = {
            "authorization": f"Bearer {key_pass}",
            "content-type": "application/json",
            "anthropic-version": "2023-06-01",
        }
        self._refused = aiohttp.ClientConnectorError
        self._failures = (aiohttp.ClientError, OSError, TimeoutError)
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=_CONNECT_S),
            connector=guarded_connector(OF_THE_FILE, "batches", limit=parallel),
        )

    async def close(self) -> None:
        await self._client.close()

    async def ask(self, body: dict[str, Any], key: str) -> Answer | Postponed:
        """One request; ``key`` is the line's idempotency key."""
        headers = {**self._headers, "idempotency-key": key}
        data = msgspec.json.encode(body)
        try:
            async with self._client.post(
                self._url, data=data, headers=headers, allow_redirects=False
            ) as reply:
                content = await reply.read()
        except self._refused:
            return Postponed("refused", 1.0)
        except self._failures:
            return Postponed("broken", 1.0)
        code = _code(content) if reply.status >= 400 else None
        in_progress = reply.status == 409 and code == "request_in_progress"
        if in_progress or (reply.status in {429, 503} and code not in _FINAL):
            return Postponed("refused", _wait(reply.headers.get("retry-after")))
        return Answer(reply.status, reply.headers.get("x-sovgate-request-id", ""), content)


def local_url(host: str, port: int) -> str:
    """A gateway on this machine."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    where = anywhere.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{where}:{port}"


def _code(content: bytes) -> str | None:
    try:
        error = msgspec.json.decode(content)["error"]
        return error.get("code") or error.get("type")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _wait(retry_after: str | None) -> float:
    try:
        asked = float(retry_after or 1.0)
    except ValueError:
        asked = 1.0
    return min(max(asked, 0.2), _LONGEST_WAIT_S)
