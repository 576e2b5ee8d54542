"""The HTTP client of the upstreams: pooled connections, streams, hanging up.

Cancelling a call tells the upstream at once, also while it has not answered yet
(docs/adr/0013). It does not know of chat bodies; errors come out as ``UpstreamError``
kinds.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import msgspec

from gateway.egress import AddressRules
from gateway.errors import (
    UpstreamConnectTimeout,
    UpstreamError,
    UpstreamFirstTokenTimeout,
    UpstreamIdleTimeout,
    UpstreamInvalidReply,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from gateway.http.sse import DONE, SseParser
from gateway.upstreams.base import Take, is_json
from gateway.upstreams.connection import (
    Answer,
    Broken,
    CannotTrust,
    ConnectFailed,
    ConnectionPool,
    ConnectTimedOut,
    Origin,
    header_lines,
)

MAX_REPLY_BYTES = 64 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_ERROR_BODY_S = 1.0
_MAX_MESSAGE = 300
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,40}([.\[][a-z0-9_.\[\]]{0,80})?")
_RETRY_AFTER_DIGITS = 6
MAX_LISTING_BYTES = 4 * 1024 * 1024
_REJECTIONS = frozenset({400, 404, 409, 413, 415, 422})


class HttpClient:
    """One pooled client with the time-outs of one upstream.

    Args:
        upstream: name used in errors.
        rules: the addresses that it may connect to.
        connect_timeout_s: seconds to open a connection.
        read_timeout_s: longest silence within an answer, in seconds.
        headers: sent with every request, the API key among them.
    """

    def __init__(
        self,
        upstream: str,
        rules: AddressRules,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        headers: dict[str, str],
    ) -> None:
        self.upstream = upstream
        # Nothing is asked for compressed and nothing is unpacked: no answer is larger than what
        # came. No proxy from the environment, no cookies, no redirects: nothing travels where
        # the settings do not say so.
        self._headers = {"user-agent": "sovgate", "accept-encoding": "identity", **headers}
        self._origins: dict[str, Origin] = {}
        self._pool = ConnectionPool(
            f"upstream {upstream}",
            rules,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
        )

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> "HttpReply":
        """Send ``body`` and wait for the head of a 200 answer.

        Raises:
            UpstreamError: for every other status, and for each transport failure.
        """
        origin = self._origin(url)
        more = "".join(header_lines(headers))
        head = origin.post + f"{more}content-length: {len(body)}\r\n\r\n".encode("latin-1")
        answer = await self._ask(origin, head, body)
        reply = HttpReply(self, answer)
        encoded = answer.headers.get(b"content-encoding", b"identity").lower() != b"identity"
        if answer.status != 200 or encoded:
            try:
                raise self._encoded() if answer.status == 200 else await self._status_error(reply)
            finally:
                answer.close()
        return reply

    async def get(self, url: str, timeout_s: float) -> bytes:
        """The body of a 200 answer within ``timeout_s`` seconds; for health checks."""
        origin = self._origin(url)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._ask(origin, origin.get, b"")
                try:
                    body = await HttpReply(self, answer).read(MAX_LISTING_BYTES)
                finally:
                    answer.close()
        except TimeoutError as error:
            raise self._transport_error(error) from error
        if answer.status != 200:
            raise UpstreamError(
                f"Upstream {self.upstream} answered {answer.status} to a health check.",
                upstream=self.upstream,
                upstream_status=answer.status,
            )
        return body

    async def aclose(self) -> None:
        self._pool.close()

    async def _ask(self, origin: Origin, head: bytes, body: bytes) -> Answer:
        """Raises: UpstreamError: no head of an answer came."""
        pool, answer = self._pool, None
        try:
            answer = pool.again(origin, head, body) or await pool.request(origin, head, body)
            try:
                await answer.head()
            except Broken:
                if not answer.is_stale:
                    raise
                # The server had closed a connection that was kept, as servers do: nobody took
                # the request, so this was no attempt yet.
                answer = await pool.request(origin, head, body, fresh=True)
                await answer.head()
        except asyncio.CancelledError:
            if answer is not None:
                answer.close()
            raise
        except OSError as error:
            raise self._transport_error(error, begun=False) from error
        return answer

    def _origin(self, url: str) -> Origin:
        origin = self._origins.get(url)
        if origin is None:
            origin = self._origins[url] = Origin(url, self._headers)
        return origin

    def _transport_error(self, error: Exception, *, begun: bool = True) -> UpstreamError:
        if isinstance(error, CannotTrust):
            return UpstreamUntrusted(
                f"Upstream {self.upstream} has no certificate that is trusted here; tell the"
                " operator to look at its expiry, its name and who signed it.",
                upstream=self.upstream,
            )
        if isinstance(error, ConnectTimedOut):
            return UpstreamConnectTimeout(
                f"Upstream {self.upstream} cannot be reached in time; try again later.",
                upstream=self.upstream,
            )
        if isinstance(error, ConnectFailed):
            return UpstreamUnreachable(
                f"Upstream {self.upstream} cannot be reached; try again later.",
                upstream=self.upstream,
            )
        if isinstance(error, TimeoutError):
            kind = UpstreamIdleTimeout if begun else UpstreamFirstTokenTimeout
            how = "fell silent within its answer" if begun else "did not begin to answer in time"
            return kind(f"Upstream {self.upstream} {how}; try again later.", upstream=self.upstream)
        return UpstreamError(
            f"The connection to upstream {self.upstream} broke; try again.", upstream=self.upstream
        )

    def _encoded(self) -> UpstreamError:
        return UpstreamInvalidReply(
            f"Upstream {self.upstream} compressed its answer without being asked; have that"
            " turned off there.",
            upstream=self.upstream,
        )

    async def _status_error(self, reply: "HttpReply") -> UpstreamError:
        status = reply.answer.status
        wait = retry_after(reply.answer.headers.get(b"retry-after", b"").decode("latin-1"))
        said = await self._said(reply)
        usage = None if said is None else said.get("usage")
        if status == 429:
            return UpstreamRateLimited(
                f"Upstream {self.upstream} is over its own rate limit; try again later.",
                upstream=self.upstream,
                retry_after=wait,
                usage=usage,
            )
        if status in _REJECTIONS and said is not None:
            return UpstreamRejected(
                f"Upstream {self.upstream} rejected the request{_message_of(said)}",
                upstream=self.upstream,
                upstream_status=status,
                usage=usage,
                param=_param_of(said),
            )
        return UpstreamError(
            f"Upstream {self.upstream} answered with status {status}; try again later.",
            upstream=self.upstream,
            upstream_status=status,
            retry_after=wait,
            usage=usage,
        )

    async def _said(self, reply: "HttpReply") -> dict[str, Any] | None:
        """The body of an error, empty where it is no JSON object.

        None if it is long in coming: whoever is to be asked next waits.
        """
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(_ERROR_BODY_S):
                body = await reply.read(_MAX_ERROR_BYTES)
            with suppress(ValueError, RecursionError):
                said = msgspec.json.decode(body)
                return said if isinstance(said, dict) else {}
            return {}
        return None


class HttpReply:
    """An answer with status 200 (see ``Reply``)."""

    def __init__(self, client: HttpClient, answer: Answer) -> None:
        self.answer = answer
        self.complete = False
        self.has_next = False
        self._client = client
        self._parser = SseParser()
        self._size = 0

    async def read(self, limit: int = MAX_REPLY_BYTES) -> bytes:
        """The whole body.

        Raises:
            UpstreamError: if it breaks off or exceeds ``limit`` bytes.
        """
        body = await self._more(limit)
        if not self.answer.complete:
            parts = [body]
            while chunk := await self._more(limit):
                parts.append(chunk)
            body = b"".join(parts)
        self.complete = True
        return body

    @property
    def content_type(self) -> str:
        return self.answer.headers.get(b"content-type", b"").decode("latin-1")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises as ``read`` does."""
        while chunk := await self._more(MAX_REPLY_BYTES):
            yield chunk
        self.complete = True

    async def events(self) -> AsyncIterator[bytes]:
        """The data of each event; stops at ``[DONE]``.

        Raises:
            UpstreamError: as ``read`` does.
        """
        parser, came = self._parser, False
        if is_json(self.content_type):
            raise await self._no_stream()
        while chunk := await self._more(MAX_REPLY_BYTES):
            arrived = parser.feed(chunk)
            for index, data in enumerate(arrived, 1):
                self.has_next = index < len(arrived) and data != DONE
                if data == DONE:
                    self.complete = True
                    return
                came = True
                yield data
        if not came:
            raise UpstreamInvalidReply(
                f"Upstream {self._client.upstream} sent no event although a stream was asked for;"
                " try again.",
                upstream=self._client.upstream,
            )

    def offer(self, take: Take) -> None:
        """See ``OfferingReply``; what comes as one event in one piece is offered."""

        def sink(chunk: bytes) -> bool:
            data = self._parser.whole(chunk)
            if data is None or data == DONE or self._size + len(chunk) > MAX_REPLY_BYTES:
                return False
            if not take(data):
                return False
            self._size += len(chunk)
            return True

        self.answer.sink = sink

    async def _no_stream(self) -> UpstreamError:
        """What a whole body in place of a stream is: an error that came as a success, or nothing
        that the API knows."""
        body, name = await self.read(_MAX_ERROR_BYTES), self._client.upstream
        with suppress(ValueError, RecursionError):
            answer = msgspec.json.decode(body)
            if isinstance(answer, dict) and answer.get("error") is not None:
                return UpstreamError(
                    f"Upstream {name} reported an error within its answer; try again.",
                    upstream=name,
                    usage=answer.get("usage"),
                )
        return UpstreamInvalidReply(
            f"Upstream {name} sent a whole answer although a stream was asked for; try again.",
            upstream=name,
        )

    async def _more(self, limit: int) -> bytes:
        """The next part of the body; nothing at its end."""
        try:
            chunk = await self.answer.more()
        except OSError as error:
            raise self._client._transport_error(error) from error
        self._size += len(chunk)
        if self._size > limit:
            raise UpstreamInvalidReply(
                f"Upstream {self._client.upstream} sent more than {limit} bytes.",
                upstream=self._client.upstream,
            )
        return chunk

    async def aclose(self) -> None:
        """Hang up, unless the answer was read to its end: then the connection is kept."""
        self.answer.close()
        self.answer.sink = None  # it knows the reply, which knows the answer


def retry_after(value: str) -> str | None:
    """Seconds or a date as HTTP has them; what else an upstream says goes to no client."""
    if value.isascii() and value.isdigit() and len(value) <= _RETRY_AFTER_DIGITS:
        return value
    try:
        return format_datetime(parsedate_to_datetime(value).astimezone(UTC), usegmt=True)
    except (ValueError, OverflowError):
        return None


def _message_of(said: dict[str, Any]) -> str:
    """The sentence of an OpenAI-shaped error body, for the client that caused it.

    It may quote the request as the upstream saw it, masked; it is sent out, never logged.
    """
    error = said.get("error")
    if not isinstance(error, dict) or "message" not in error:
        return "; check the parameters that the model takes."
    return f": {str(error['message'])[:_MAX_MESSAGE]}"


def _param_of(said: dict[str, Any]) -> str | None:
    """The field that an error is about; whatever is no name of one is left out."""
    error = said.get("error")
    param = error.get("param") if isinstance(error, dict) else None
    return param if isinstance(param, str) and _FIELD.fullmatch(param) else None
