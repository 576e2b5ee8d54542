"""One HTTP exchange with a client over ASGI: its body, the answer, its hanging up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from core.tasks import cancel
from gateway.errors import BodyTooLarge

HeaderList = list[tuple[bytes, bytes]]


class ClientDisconnected(Exception):
    """The client hung up before its whole body had come."""


class Connection:
    """Reads the request and writes the answer.

    Between ``watch`` and ``unwatch`` a client that hangs up cancels the
    task that serves it; ``disconnected`` tells that cancellation from others.
    """

    __slots__ = (
        "_receive", "_send", "_watcher", "disconnected", "headers", "path", "scope", "started",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.path: dict[str, str] = {}  # what the names in the route's template stand for
        self.disconnected = False
        self.started = False
        self._receive = receive
        self._send = send
        self._watcher: asyncio.Task[None] | None = None

    @property
    def query(self) -> dict[str, str]:
        """The parameters behind the path's question mark; the last of several of one name."""
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1")))

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def read_body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge: it has more than ``limit`` bytes; the rest is not read.
            ClientDisconnected: it never ended.
        """
        declared = self.headers.get(b"content-length", b"0")
        parts: list[bytes] = []
        size = int(declared) if declared.isdigit() else 0
        if size > limit:
            raise too_large(limit)
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, for handlers that need not have it whole.

        Raises:
            ClientDisconnected: it never ended.
        """
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            more = message.get("more_body", False)
            if part := message.get("body", b""):
                yield part

    def watch(self) -> None:
        """From now on a client that hangs up cancels the current task."""
        task = asyncio.current_task()
        assert task is not None, "a request is served in a task"
        self._watcher = asyncio.create_task(self._wait_for_disconnect(task))

    async def unwatch(self) -> None:
        watcher, self._watcher = self._watcher, None
        await cancel(watcher)

    async def start(self, status: int, headers: HeaderList) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    @property
    def writes_at_once(self) -> bool:
        """Whether ``write_now`` can be called now."""
        return False

    def write_now(self, body: bytes) -> None:
        """``write`` for a piece in the middle of a streamed answer, without waiting."""
        raise NotImplementedError

    async def respond(
        self,
        status: int,
        headers: HeaderList,
        body: bytes,
        content_type: bytes = b"application/json",
    ) -> None:
        """A whole answer."""
        await self.start(
            status,
            [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        )
        await self.write(body)

    async def _wait_for_disconnect(self, task: "asyncio.Task[Any]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        task.cancel()


async def no_messages(*_: object) -> Any:
    """In place of ASGI's messages, where a connection reads and writes without them."""
    raise RuntimeError("this connection has no messages")


def too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body exceeds {limit} bytes; send a smaller one.")
