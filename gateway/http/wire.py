"""HTTP/1.1 on the wire, bounded: what a client may send, how slowly, and how slowly it may read.

uvicorn's own protocol has no time-out before a request is whole, no bound on heads, and waits
for ever for a client that does not read. What is refused here has not reached the application;
the answer has the API's shape all the same.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from core.errors import SovgateError
from gateway.errors import (
    HeadTooLarge,
    MalformedHttp,
    RequestTimeout,
    TooManyConnections,
    UrlTooLong,
)
from gateway.http.direct import DirectApp, DirectConnection
from gateway.http.errors import HttpError, http_error
from gateway.http.security import SECURITY_HEADERS
from gateway.http.shapes import error_body

if TYPE_CHECKING:
    from starlette.types import Scope

MAX_HEADERS = 100
# Beyond the limit so many more are told so; those after them are just closed.
_TOLD = 64
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds of a connection (settings: ``server``); seconds are from the first byte on.

    Args:
        connections: of this process at the same time.
        head_bytes: of request line and headers; of the request line alone half of it.
        head_s: until a head is whole.
        body_s: from then until the body is whole.
        write_s: how long a client may leave unread what was sent.
    """

    connections: int
    head_bytes: int
    head_s: float
    body_s: float
    write_s: float


class Phase(Enum):
    """What the client owes."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class WireProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, limits: WireLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self.url = b""  # of the request that is being read; an error's shape depends on it
        self._phase = Phase.NOTHING
        self._head_bytes = 0  # as they came, for a head that is not whole
        self._seen_bytes = 0  # as the parser showed them
        self._violation: SovgateError | None = None
        self._awaited = Phase.NOTHING
        self._slow_sender: asyncio.TimerHandle | None = None
        self._slow_reader: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None  # nothing is asked for, nothing is served
        self._hosts = 0
        self._codings: list[bytes] = []
        # Behind a trusted proxy uvicorn wraps the application, to know who asks.
        self._direct: DirectApp | None = self.app if hasattr(self.app, "takes") else None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        excess = len(self.connections) - self._limits.connections
        if excess > _TOLD:
            transport.abort()
        elif excess > 0:
            self.app = _refuse_connection
            self._direct = None
        self._await(Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._slow_sender, self._slow_reader):
            if timer is not None:
                timer.cancel()
        # uvicorn leaves its own timer running where the connection broke.
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        before = self._phase
        super().data_received(data)
        if self.transport.is_closing():
            return
        if before is self._phase is Phase.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes:
                # One header without an end: the parser shows it only once it is whole.
                self._refuse(_head_too_large(self._limits.head_bytes))
                return
        idle = self._phase is Phase.NOTHING and not self._serving
        self._await(Phase.HEAD if idle else self._phase)

    # Parser callbacks
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = Phase.HEAD
        self._head_bytes = self._seen_bytes = self._hosts = 0
        self._codings = []

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._seen_bytes += len(url)
        if self._seen_bytes > self._limits.head_bytes // 2:
            self._violate(UrlTooLong("The address is too long; put long values into the body."))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._seen_bytes += len(name) + len(value)
        if self._seen_bytes > self._limits.head_bytes or len(self.headers) >= MAX_HEADERS:
            self._violate(_head_too_large(self._limits.head_bytes))
        if self._phase is not Phase.HEAD:  # trailers would become headers of a running request
            return
        name = name.lower()
        self.headers.append((name, value))
        if name == b"host":
            self._hosts += 1
        elif name == b"transfer-encoding":
            self._codings.append(value.lower())
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        self._check_head()
        self._phase = Phase.BODY
        if self._direct is None or not self._begin_direct(self._direct):
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._phase = Phase.NOTHING
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, but for the timer of a connection that is not used: that one runs on and
        looks how long nothing came, in place of one for each pause between requests."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._abort_later()
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def _look_again_in(self, seconds: float) -> None:
        later = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
        self.timeout_keep_alive_task = later

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    # Transport callbacks
    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_later()

    def resume_writing(self) -> None:
        if self._slow_reader is not None and not self.transport.is_closing():
            self._slow_reader.cancel()
            self._slow_reader = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # the end of its request sets the timer again
        rest_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if rest_s > 0:
            self._look_again_in(rest_s)
        elif self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait until it is read
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._violation or MalformedHttp("The request is not valid HTTP/1.1."))

    def _begin_direct(self, app: DirectApp) -> bool:
        """Serve the request without ASGI, where it is of the usual kind."""
        assert self.parser is not None, "a request was parsed"
        method = self.parser.get_method()
        usual = self.parser.get_http_version() == "1.1" and method != b"HEAD"
        if not usual or self.expect_100_continue or self.parser.should_upgrade():
            return False
        path, _, query = self.url.partition(b"?")
        if b"%" in path or not path.startswith(b"/"):
            return False
        name = path.decode("ascii")
        if not app.takes(name):
            return False
        scope = self.scope
        scope["method"], scope["path"] = method.decode("ascii"), name
        scope["raw_path"], scope["query_string"] = path, query
        busy = self._serving
        self.cycle = cycle = DirectConnection(  # type: ignore[assignment]
            cast("Scope", scope),
            self.transport,
            self.flow,
            loop=self.loop,
            keep_alive=self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if busy:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))  # type: ignore[arg-type]
        else:
            self._start_asgi_task(cycle, app)  # type: ignore[arg-type]
        return True

    @property
    def _serving(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _check_head(self) -> None:
        """What two readers of the same bytes could take differently (RFC 9112, 3.2 and 6.1)."""
        assert self.parser is not None, "it calls this"
        if self._hosts > 1 or (not self._hosts and self.parser.get_http_version() == "1.1"):
            self._violate(MalformedHttp("Send one Host header."))
        if self._codings and self._codings != [b"chunked"]:
            self._violate(MalformedHttp("The only transfer encoding known here is `chunked`."))

    def _violate(self, error: SovgateError) -> None:
        """Stop the parser, which asks for ``send_400_response`` then."""
        self._violation = error
        raise error

    def _await(self, phase: Phase) -> None:
        """Set the time that the client has to send what it owes."""
        if phase is self._awaited:
            return
        self._awaited = phase
        if self._slow_sender is not None:
            self._slow_sender.cancel()
            self._slow_sender = None
        if phase is not Phase.NOTHING:
            seconds = self._limits.head_s if phase is Phase.HEAD else self._limits.body_s
            self._slow_sender = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._phase is Phase.NOTHING:
            self.transport.abort()  # it never said a word
            return
        self._refuse(RequestTimeout("The request did not come in time; send it again."))

    def _refuse(self, error: SovgateError) -> None:
        """Answer in place of the application, and hang up."""
        if self._serving and (self.cycle.response_started or self._phase is not Phase.BODY):
            self.transport.abort()  # an answer is on its way already
            return
        if self._serving:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        path = self.url.partition(b"?")[0].decode("latin-1")
        self.transport.write(_answer(http_error(error), path))
        self.transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        if self._slow_reader is None:
            self._slow_reader = self.loop.call_later(self._limits.write_s, self.transport.abort)


def _head_too_large(limit: int) -> HeadTooLarge:
    return HeadTooLarge(
        f"The headers exceed {limit} bytes or {MAX_HEADERS} fields; send fewer of them."
    )


def _headers(error: HttpError, body: bytes) -> list[tuple[bytes, bytes]]:
    length = (b"content-length", str(len(body)).encode())
    return [_JSON, length, (b"connection", b"close"), *SECURITY_HEADERS, *error.headers]


def _answer(error: HttpError, path: str) -> bytes:
    body = error_body(error, path)
    lines = [name + b": " + value + b"\r\n" for name, value in _headers(error, body)]
    return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", body])


async def _refuse_connection(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of connections beyond the limit."""
    error = http_error(TooManyConnections("The gateway serves as many clients as it can."))
    body = error_body(error, scope["path"])
    head = {"status": error.status, "headers": _headers(error, body)}
    await send({"type": "http.response.start", **head})
    await send({"type": "http.response.body", "body": body})
