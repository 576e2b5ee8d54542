"""HTTP/1.1 connections to one upstream, kept alive: a protocol on httptools, and their pool.

It costs a third of what a general client does (docs/adr/0013), because a request is one write
and an answer is what the parser's callbacks collect: no task, no timer and no stream object for
a request. It knows frames and connections only; what an answer means is ``client.py``'s matter.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools

from gateway.egress import AddressRules, Dial, guarded_dial

_KEPT_S = 30.0  # an idle connection is used for so long
_MAX_HEAD_BYTES = 64 * 1024
_BUFFERED_BYTES = 256 * 1024  # of an answer that is not read; then the sender waits
_ONE_WRITE_BYTES = 64 * 1024
_LEAST_LOOK_S, _MOST_LOOK_S = 0.02, 1.0

OriginKey = tuple[str, int, bool]  # host, port, TLS


class ConnectFailed(OSError):
    """No connection came about, so nothing was sent."""


class ConnectTimedOut(ConnectFailed):
    """It did not come about in time."""


class CannotTrust(ConnectFailed):
    """The server's certificate is not one that is trusted here."""


class Broken(OSError):
    """The connection ended, or what came was no HTTP answer."""


class Silent(TimeoutError):
    """Nothing came for as long as an upstream may be silent."""


class Origin:
    """Where requests go: taken apart once for a URL.

    Args:
        url: checked before (``gateway.egress.check_url``).
        headers: sent with each of its requests.
    """

    __slots__ = ("get", "host", "key", "port", "post", "tls")

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self.tls = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.tls else 80)
        self.key = (self.host, self.port, self.tls)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = f"[{self.host}]" if ":" in self.host else self.host
        named += "" if parts.port is None else f":{parts.port}"
        common = f"{target} HTTP/1.1\r\nhost: {named}\r\n" + "".join(header_lines(headers))
        self.post = f"POST {common}".encode("latin-1")
        self.get = f"GET {common}\r\n".encode("latin-1")


def header_lines(headers: dict[str, str]) -> list[str]:
    """Raises: ValueError: a value would be more than one line."""
    for name, value in headers.items():
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(f"the header {name} must be one line")
    return [f"{name}: {value}\r\n" for name, value in headers.items()]


class Answer:
    """One answer as it comes: ``status`` and ``headers`` once ``head`` has returned."""

    __slots__ = ("_body", "_connection", "_failure", "_paused", "_size", "_waiter", "chunked",
                 "complete", "error", "headed", "headers", "heard_at", "is_stale", "length",
                 "sink", "status")  # fmt: skip

    def __init__(self, connection: "Connection", now: float) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}  # names in lower case
        self.headed = self.complete = self.chunked = False
        self.length: int | None = None
        self.error: Exception | None = None
        self.heard_at = now
        self.is_stale = False  # asked for on a kept connection, on which nothing has come since
        # Given each piece of the body as it comes, while ``more`` waits; whether it took it.
        self.sink: Callable[[bytes], bool] | None = None
        self._failure: Exception | None = None  # of the sink
        self._connection = connection
        self._body: list[bytes] = []
        self._size = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> None:
        """Wait for it. Raises: Broken, Silent."""
        while not self.headed:
            await self._news()

    async def more(self) -> bytes:
        """What has come of the body since the last call; nothing at its end.

        Raises: Broken, Silent, and what the sink raised.
        """
        while not self._body:
            if self._failure is not None:
                raise self._failure
            if self.complete:
                return b""
            await self._news()
        body = self._body
        chunk = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._connection.resume(self)
        return chunk

    def close(self) -> None:
        """Hang up, unless it is complete."""
        if not self.complete and self.error is None:
            self._connection.fail(Broken("hung up"))

    @property
    def ends_itself(self) -> bool:
        """Whether it says where it ends; else the end of the connection does."""
        return self.chunked or self.length is not None or self.status in (204, 304)

    @property
    def is_owed(self) -> bool:
        """Whether the upstream has to send something: nobody here keeps it from doing so."""
        return not self._paused

    # What the connection tells
    def add(self, data: bytes) -> None:
        sink, waiter = self.sink, self._waiter
        # The reader has had all that came before, and waits.
        if sink and waiter is not None and not (waiter.done() or self._body or self._failure):
            try:
                if sink(data):
                    return
            except Exception as error:  # raised where the answer is read
                self._failure = error
        if self._failure is not None:
            return  # nobody reads on
        self._body.append(data)
        self._size += len(data)
        if self._size > _BUFFERED_BYTES and not self._paused:
            self._paused = True
            self._connection.pause()

    def wake(self) -> None:
        """Something has come: what the sink took is no news to who reads the answer."""
        if self.sink is not None and not (self._body or self.complete or self._failure):
            return
        self.end()

    def end(self) -> None:
        """Whoever waits goes on, if only to learn that nothing will come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _news(self) -> asyncio.Future[None]:
        """Done once something has come, or nothing will any more."""
        if self.error is not None:
            raise self.error
        waiter = self._waiter = self._connection.loop.create_future()
        return waiter


class Connection(asyncio.Protocol):
    """One connection; one request at a time. The parser calls ``on_...``."""

    __slots__ = (
        "_answer", "_head_bytes", "_over", "_parser", "_pool", "idle_since", "key", "loop",
        "transport",
    )  # fmt: skip

    def __init__(self, pool: "ConnectionPool", key: OriginKey) -> None:
        self.key = key
        self.idle_since = 0.0
        self._pool = pool
        self._answer: Answer | None = None
        self._head_bytes = 0
        self._over = False  # the answer is complete; what else comes is too much
        self._parser = httptools.HttpResponseParser(self)

    def begin(self, head: bytes, body: bytes, now: float) -> Answer:
        """Send a request; its answer is to come."""
        self._answer = answer = Answer(self, now)
        self._over = False
        self._head_bytes = 0
        if len(body) <= _ONE_WRITE_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        return answer

    @property
    def answer(self) -> Answer | None:
        """The one that is awaited."""
        return self._answer

    def pause(self) -> None:
        self.transport.pause_reading()

    def resume(self, answer: Answer) -> None:
        if answer is self._answer:
            answer.heard_at = self._pool.now()
            self.transport.resume_reading()

    def fail(self, error: Exception) -> None:
        """No more of the answer will come; hang up."""
        answer, self._answer = self._answer, None
        self.transport.abort()
        self._pool.done(self, keep=False)
        if answer is not None:
            answer.error = error
            answer.end()

    # Transport callbacks
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.fail(Broken("bytes that nobody asked for"))
            return
        answer.heard_at = self._pool.now()
        answer.is_stale = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(Broken("not an HTTP answer"))
            answer.end()  # it may have been complete before that
            return
        if not answer.headed:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.fail(Broken("a head without end"))
                return
        answer.wake()

    def eof_received(self) -> None:
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()

    # Parser callbacks
    def on_message_begin(self) -> None:
        if self._over:
            raise Broken("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        answer = self._answer
        if answer is None or answer.headed:
            return  # a trailer
        name = name.lower()
        answer.headers[name] = value
        if name == b"content-length":
            answer.length = int(value)
        elif name == b"transfer-encoding":
            answer.chunked = True

    def on_headers_complete(self) -> None:
        answer = self._answer
        if answer is None or answer.headed:
            return
        answer.status = self._parser.get_status_code()
        if answer.status >= 200:
            answer.headed = True
        else:
            answer.headers = {}  # an interim answer; the real one follows

    def on_body(self, data: bytes) -> None:
        if self._answer is not None:
            self._answer.add(data)

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is not None and answer.headed:
            self._complete(answer, keep=self._parser.should_keep_alive() and answer.ends_itself)

    def _complete(self, answer: Answer, *, keep: bool) -> None:
        answer.complete, self._over, self._answer = True, True, None
        self.transport.resume_reading()
        self._pool.done(self, keep=keep)

    def _ended(self) -> None:
        answer = self._answer
        if answer is not None and answer.headed and not answer.ends_itself:
            self._complete(answer, keep=False)
            answer.wake()
        else:
            self.fail(Broken("the connection ended"))


class ConnectionPool:
    """Connections of one upstream, by where they go.

    Args:
        owner: whose they are, for the log.
        rules: the addresses that it may connect to.
        connect_timeout_s: seconds to open one, its TLS too.
        read_timeout_s: longest silence within an answer, in seconds.
        dial: makes connections; one that obeys ``rules`` by default.
    """

    def __init__(
        self,
        owner: str,
        rules: AddressRules,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        dial: Dial | None = None,
    ) -> None:
        self._dial = dial or guarded_dial(rules, owner)
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._look_s = min(max(read_timeout_s / 10, _LEAST_LOOK_S), _MOST_LOOK_S)
        self._idle: dict[OriginKey, list[Connection]] = {}
        self.busy: set[Connection] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None
        self._closed = False
        self.now: Callable[[], float] = time.monotonic

    async def request(
        self, origin: Origin, head: bytes, body: bytes, *, fresh: bool = False
    ) -> Answer:
        """Send a request by a connection that is free, or a new one.

        Args:
            fresh: by a new one.

        Raises: ConnectFailed, CannotTrust.
        """
        if self._closed:
            raise ConnectFailed("the upstream was taken away")
        if not fresh and (answer := self.again(origin, head, body)) is not None:
            return answer
        return self._begin(await self._connect(origin), head, body)

    def again(self, origin: Origin, head: bytes, body: bytes) -> Answer | None:
        """Send a request by a connection that is free, if there is one."""
        kept = self._take(origin.key)
        if kept is None:
            return None
        answer = self._begin(kept, head, body)
        answer.is_stale = True
        return answer

    def _begin(self, connection: Connection, head: bytes, body: bytes) -> Answer:
        self.busy.add(connection)
        if self._looking is None:
            self._looking = connection.loop.call_later(self._look_s, self._look)
        return connection.begin(head, body, self.now())

    def done(self, connection: Connection, *, keep: bool) -> None:
        """Its answer is complete, or will never be; unless kept, it is over."""
        self.busy.discard(connection)
        idle = self._idle.setdefault(connection.key, [])
        if keep and not self._closed and not connection.transport.is_closing():
            connection.idle_since = self.now()
            idle.append(connection)
            return
        if connection in idle:
            idle.remove(connection)
        if not connection.transport.is_closing():
            connection.transport.close()

    def close(self) -> None:
        """Close all; who still waits for an answer learns that it broke off."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        for connection in [*self.busy, *(each for idle in self._idle.values() for each in idle)]:
            connection.fail(Broken("the upstream was taken away"))

    def _take(self, key: OriginKey) -> Connection | None:
        """The one used last, which is the likeliest to be alive."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    async def _connect(self, origin: Origin) -> Connection:
        if origin.tls and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        tls = self._tls if origin.tls else None
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                made = await self._dial(
                    lambda: Connection(self, origin.key), origin.host, origin.port, tls
                )
        except ssl.SSLError as error:
            raise CannotTrust("no certificate that is trusted") from error
        except TimeoutError as error:
            raise ConnectTimedOut("no connection in time") from error
        except OSError as error:
            raise ConnectFailed("no connection") from error
        return cast(Connection, made)

    def _look(self) -> None:
        """One timer for all: ends answers that are silent, and connections idle for too long."""
        now = self.now()
        for connection in [*self.busy]:
            answer = connection.answer
            silent_s = 0.0 if answer is None or not answer.is_owed else now - answer.heard_at
            if silent_s > self._read_timeout_s:
                connection.fail(Silent("the upstream is silent"))
        for idle in self._idle.values():
            while idle and now - idle[0].idle_since >= _KEPT_S:
                idle.pop(0).transport.abort()
        self._looking = None
        if self.busy or any(self._idle.values()):
            self._looking = asyncio.get_running_loop().call_later(self._look_s, self._look)
