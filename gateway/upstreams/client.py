"""The HTTP client of the upstreams: pooled connections, streams, hanging up.

aiohttp, because cancelling a call tells the upstream at once, also while it has
not answered yet (docs/adr/0002). It does not know of chat bodies; errors come
out as ``UpstreamError`` kinds.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime

import aiohttp
import msgspec

from gateway.egress import AddressRules, guarded_connector
from gateway.errors import (
    UpstreamError,
    UpstreamInvalidReply,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from gateway.http.sse import DONE, SseParser

MAX_REPLY_BYTES = 64 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_MAX_MESSAGE = 300
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
        self._rules = rules
        self._closed = False
        self._headers = headers
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout_s, sock_read=read_timeout_s
        )
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> "HttpReply":
        """Send ``body`` and wait for the head of a 200 answer.

        Raises:
            UpstreamError: for every other status, and for each transport failure.
        """
        try:
            response = await self._open().post(
                url, data=body, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._transport_error(error) from error
        reply = HttpReply(self, response)
        encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
        if response.status != 200 or encoded:
            try:
                raise self._encoded() if response.status == 200 else await self._status_error(reply)
            finally:
                await reply.aclose()
        return reply

    async def get(self, url: str, timeout_s: float) -> bytes:
        """The body of a 200 answer within ``timeout_s`` seconds; for health checks."""
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._open().get(url, timeout=timeout, allow_redirects=False) as response:
                body = await response.content.read(MAX_LISTING_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._transport_error(error) from error
        if response.status != 200:
            raise UpstreamError(
                f"Upstream {self.upstream} answered {response.status} to a health check.",
                upstream=self.upstream,
                upstream_status=response.status,
            )
        return body

    async def aclose(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        # Made within the event loop, at the first call. No proxy from the environment,
        # no cookies, no redirects: nothing travels where the settings do not say so.
        if self._closed:
            raise aiohttp.ClientConnectionError("the upstream was taken away")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=guarded_connector(
                    self._rules, f"upstream {self.upstream}", limit=0, keepalive_timeout=30
                ),
                timeout=self._timeout,
                # Nothing is asked for compressed and nothing is unpacked: no answer is larger
                # than what came.
                headers={
                    "user-agent": "sovgate",
                    "accept-encoding": "identity",
                    **self._headers,
                },
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                read_bufsize=256 * 1024,
            )
        return self._session

    def _transport_error(self, error: Exception) -> UpstreamError:
        if isinstance(error, aiohttp.ClientSSLError):
            return UpstreamUntrusted(
                f"Upstream {self.upstream} has no certificate that is trusted here; tell the"
                " operator to look at its expiry, its name and who signed it.",
                upstream=self.upstream,
            )
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return UpstreamUnreachable(
                f"Upstream {self.upstream} cannot be reached; try again later.",
                upstream=self.upstream,
            )
        if isinstance(error, TimeoutError):
            return UpstreamTimeout(
                f"Upstream {self.upstream} did not answer in time; try again later.",
                upstream=self.upstream,
            )
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
        status = reply.response.status
        if status == 429:
            return UpstreamRateLimited(
                f"Upstream {self.upstream} is over its own rate limit; try again later.",
                upstream=self.upstream,
                retry_after=_retry_after(reply.response.headers.get("retry-after", "")),
            )
        if status in _REJECTIONS:
            with suppress(UpstreamError):
                said = _message_of(await reply.read(_MAX_ERROR_BYTES))
                return UpstreamRejected(
                    f"Upstream {self.upstream} rejected the request{said}",
                    upstream=self.upstream,
                    upstream_status=status,
                )
        return UpstreamError(
            f"Upstream {self.upstream} answered with status {status}; try again later.",
            upstream=self.upstream,
            upstream_status=status,
        )


class HttpReply:
    """An answer with status 200 (see ``Reply``)."""

    def __init__(self, client: HttpClient, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.complete = False
        self._client = client

    async def read(self, limit: int = MAX_REPLY_BYTES) -> bytes:
        """The whole body.

        Raises:
            UpstreamError: if it breaks off or exceeds ``limit`` bytes.
        """
        body = b"".join([chunk async for chunk in self._chunks(limit)])
        self.complete = True
        return body

    async def events(self) -> AsyncIterator[bytes]:
        """The data of each event; stops at ``[DONE]``.

        Raises:
            UpstreamError: as ``read`` does.
        """
        parser, came = SseParser(), False
        if self.response.content_type == "application/json":
            raise await self._no_stream()
        async for chunk in self._chunks(MAX_REPLY_BYTES):
            for data in parser.feed(chunk):
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
                )
        return UpstreamInvalidReply(
            f"Upstream {name} sent a whole answer although a stream was asked for; try again.",
            upstream=name,
        )

    async def _chunks(self, limit: int) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self.response.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise UpstreamInvalidReply(
                        f"Upstream {self._client.upstream} sent more than {limit} bytes.",
                        upstream=self._client.upstream,
                    )
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._client._transport_error(error) from error

    async def aclose(self) -> None:
        """Hang up, unless the answer was read to its end: then the connection is kept."""
        self.response.close()


def _retry_after(value: str) -> str | None:
    """Seconds or a date as HTTP has them; what else an upstream says goes to no client."""
    if value.isascii() and value.isdigit() and len(value) <= _RETRY_AFTER_DIGITS:
        return value
    try:
        return format_datetime(parsedate_to_datetime(value).astimezone(UTC), usegmt=True)
    except (ValueError, OverflowError):
        return None


def _message_of(body: bytes) -> str:
    """The sentence of an OpenAI-shaped error body, for the client that caused it.

    It may quote the request as the upstream saw it, masked; it is sent out, never logged.
    """
    try:
        message = msgspec.json.decode(body)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "; check the parameters that the model takes."
    return f": {str(message)[:_MAX_MESSAGE]}"
