"""A ``Connection`` without ASGI: it reads from the protocol and writes to the transport.

ASGI's dictionaries, awaits and the task that waits for a client to hang up cost more than the
rest of a request together (docs/adr/0014). To uvicorn's protocol it is a cycle like its own; the
inference API's handlers cannot tell it from the other kind.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol, Self

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.errors import ShuttingDown
from gateway.http.connection import (
    ClientDisconnected,
    Connection,
    HeaderList,
    no_messages,
    too_large,
)
from gateway.http.errors import http_error
from gateway.http.security import SECURITY_HEADERS, SECURITY_NAMES, wanted_headers
from gateway.http.shapes import error_body

if TYPE_CHECKING:
    from starlette.types import Scope

_log = logging.getLogger(__name__)
_SECURITY_LINES = b"".join(b"%s: %s\r\n" % header for header in SECURITY_HEADERS)
_CLOSE = b"connection: close\r\n"
_CHUNKED = b"transfer-encoding: chunked\r\n"
_NO_BODY = frozenset({204, 304})


class DirectApp(Protocol):
    """An application that serves connections itself."""

    def takes(self, path: str) -> bool:
        """Whether ``serve`` answers this path."""
        ...

    async def serve(self, connection: Connection) -> None: ...


class DirectConnection(Connection):
    """One request on a connection of uvicorn's ``HttpToolsProtocol``."""

    __slots__ = (
        "_arrival", "_chunked", "_flow", "_head", "_loop", "_on_response", "_task", "_transport",
        "body", "keep_alive", "more_body", "response_complete",
    )  # fmt: skip

    def __init__(
        self,
        scope: "Scope",
        transport: asyncio.Transport,
        flow: FlowControl,
        *,
        loop: asyncio.AbstractEventLoop,
        keep_alive: bool,
        on_response: Callable[[], None],
    ) -> None:
        super().__init__(scope, no_messages, no_messages)
        # What the protocol reads and sets, by the names of its own cycles.
        self.keep_alive = keep_alive
        self.body = b""
        self.more_body = True
        self.response_complete = False
        self._transport = transport
        self._flow = flow
        self._loop = loop
        self._on_response = on_response
        self._head: bytes | None = None
        self._chunked = False
        self._arrival: asyncio.Future[None] | None = None
        self._task: asyncio.Task[Any] | None = None  # that hanging up cancels

    # For the protocol
    @property
    def message_event(self) -> Self:
        # Nothing of it refers to itself: what is in a cycle only the collector frees, which cost
        # 2 % of a request.
        return self

    @property
    def response_started(self) -> bool:
        return self.started

    def set(self) -> None:
        """More of the body came, or the client hung up."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
        if self.disconnected and self._task is not None:
            self._task.cancel()
            self._task = None

    async def run_asgi(self, app: DirectApp) -> None:
        """Serve it to its end, whatever happens."""
        try:
            await app.serve(self)
        except BaseException as error:  # the task's outermost boundary
            # Type and place only: gateway/log.py.
            _log.error("request failed", exc_info=error)
            if not self.started:
                answer = http_error(ShuttingDown("The request was cut off; send it again."))
                self.keep_alive = False
                body = error_body(answer, self.scope["path"])
                await self.respond(answer.status, answer.headers, body)
        if not self.response_complete and not self.disconnected:
            self._transport.close()

    # For the handlers
    async def read_body(self, limit: int) -> bytes:
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        parts: list[bytes] = []
        size = 0
        while True:
            part, self.body = self.body, b""
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
            if not self.more_body:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            await self._more()

    async def pieces(self) -> AsyncIterator[bytes]:
        while self.body or self.more_body:
            if not self.body:
                await self._more()
            part, self.body = self.body, b""
            if part:
                yield part

    def watch(self) -> None:
        self._task = asyncio.current_task(self._loop)
        if self.disconnected:
            self.set()

    async def unwatch(self) -> None:
        self._task = None

    async def start(self, status: int, headers: HeaderList) -> None:
        self.started = True
        self._head = self._head_of(status, headers)

    async def write(self, body: bytes, *, more: bool = False) -> None:
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected or self.response_complete:
            return
        if self._chunked:
            framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = framed if more else framed + b"0\r\n\r\n"
        head, self._head = self._head, None
        if head is not None:
            body = head + body
        if body:
            self._transport.write(body)
        if not more:
            self.response_complete = True
            if not self.keep_alive:
                self._transport.close()
            self._on_response()

    @property
    def writes_at_once(self) -> bool:
        waits = self._flow.write_paused or self._head is not None
        return self._chunked and not (waits or self.disconnected or self.response_complete)

    def write_now(self, body: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))

    async def respond(
        self,
        status: int,
        headers: HeaderList,
        body: bytes,
        content_type: bytes = b"application/json",
    ) -> None:
        length = (b"content-length", b"%d" % len(body))
        self.started = True
        self._head = self._head_of(status, [(b"content-type", content_type), length, *headers])
        await self.write(body)

    def _head_of(self, status: int, headers: HeaderList) -> bytes:
        names = {name for name, _ in headers}
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = b"".join(lines)
        # No value may be more than its line.
        if head.count(b"\n") != len(headers) or head.count(b"\r") != len(headers):
            raise RuntimeError("a header holds the end of a line")
        if self.scope["scheme"] == "http" and SECURITY_NAMES.isdisjoint(names):
            security = _SECURITY_LINES
        else:
            wanted = wanted_headers(self.scope["scheme"])
            security = b"".join([b"%b: %b\r\n" % each for each in wanted if each[0] not in names])
        self._chunked = b"content-length" not in names and status not in _NO_BODY
        if b"connection" in names:
            self.keep_alive = False  # the one thing that an answer says there is `close`
        return b"".join(
            (
                STATUS_LINE[status],
                head,
                security,
                b"" if self.keep_alive or b"connection" in names else _CLOSE,
                _CHUNKED if self._chunked else b"",
                b"\r\n",
            )
        )

    async def _more(self) -> None:
        """Wait for more of the body.

        Raises:
            ClientDisconnected: there is none.
        """
        self._flow.resume_reading()
        if not self.body and self.more_body and not self.disconnected:
            self._arrival = self._loop.create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        if self.disconnected:
            raise ClientDisconnected
