"""The HTTP client of the upstreams: pooled connections, streams, hanging up.

pyreqwest (Rust) costs about half of aiohttp's CPU per request (docs/adr/0002).
It does not know of chat bodies; errors come out as ``UpstreamError`` kinds.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    PyreqwestError,
    ReadTimeoutError,
    RequestTimeoutError,
)
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from gateway.errors import (
    UpstreamError,
    UpstreamInvalidReply,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.http.sse import DONE, SseParser

MAX_REPLY_BYTES = 64 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_REJECTIONS = frozenset({400, 404, 409, 413, 415, 422})


class HttpClient:
    """One pooled client with the time-outs of one upstream.

    Args:
        upstream: name used in errors.
        connect_timeout_s: seconds to open a connection.
        read_timeout_s: longest silence within an answer, in seconds.
        headers: sent with every request, the API key among them.
    """

    def __init__(
        self,
        upstream: str,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        headers: dict[str, str],
    ) -> None:
        self.upstream = upstream
        self._client: Client = (
            ClientBuilder()
            .no_proxy()
            .connect_timeout(timedelta(seconds=connect_timeout_s))
            .read_timeout(timedelta(seconds=read_timeout_s))
            .pool_idle_timeout(timedelta(seconds=30))
            .follow_redirects(False)
            .user_agent("sovgate")
            .default_headers(headers)
            .build()
        )

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> "HttpReply":
        """Send ``body`` and wait for the head of a 200 answer.

        Raises:
            UpstreamError: for every other status, and for each transport failure.
        """
        request = (
            self._client.post(url)
            .headers(headers)
            .body_bytes(body)
            .streamed_read_buffer_limit(0)
            .build_streamed()
        )
        try:
            response = await request.__aenter__()
        except PyreqwestError as error:
            raise self._transport_error(error) from error
        reply = HttpReply(self, request, response)
        if response.status != 200:
            try:
                raise await self._status_error(reply)
            finally:
                await reply.aclose()
        return reply

    async def get(self, url: str, timeout_s: float) -> bytes:
        """The body of a 200 answer within ``timeout_s`` seconds; for health checks."""
        request = self._client.get(url).timeout(timedelta(seconds=timeout_s)).build()
        try:
            response = await request.send()
            body = bytes(await response.bytes())
        except PyreqwestError as error:
            raise self._transport_error(error) from error
        if response.status != 200:
            raise UpstreamError(
                f"Upstream {self.upstream} answered {response.status} to a health check.",
                upstream=self.upstream,
            )
        return body

    async def aclose(self) -> None:
        await self._client.close()

    def _transport_error(self, error: PyreqwestError) -> UpstreamError:
        if isinstance(error, ReadTimeoutError | RequestTimeoutError):
            return UpstreamTimeout(
                f"Upstream {self.upstream} did not answer in time; try again later.",
                upstream=self.upstream,
            )
        if isinstance(error, ConnectError | ConnectTimeoutError):
            return UpstreamUnreachable(
                f"Upstream {self.upstream} cannot be reached; try again later.",
                upstream=self.upstream,
            )
        return UpstreamError(
            f"The connection to upstream {self.upstream} broke; try again.", upstream=self.upstream
        )

    async def _status_error(self, reply: "HttpReply") -> UpstreamError:
        status = reply.response.status
        if status == 429:
            return UpstreamRateLimited(
                f"Upstream {self.upstream} is over its own rate limit; try again later.",
                upstream=self.upstream,
                retry_after=reply.response.get_header("retry-after"),
            )
        if status in _REJECTIONS:
            with suppress(UpstreamError):
                body = await reply.read(_MAX_ERROR_BYTES)
                return UpstreamRejected(
                    f"Upstream {self.upstream} rejected the request.",
                    upstream=self.upstream,
                    upstream_status=status,
                    upstream_body=body,
                )
        return UpstreamError(
            f"Upstream {self.upstream} answered with status {status}; try again later.",
            upstream=self.upstream,
            upstream_status=status,
        )


class HttpReply:
    """An answer with status 200 (see ``Reply``)."""

    def __init__(self, client: HttpClient, request: StreamRequest, response: Response) -> None:
        self.response = response
        self.complete = False
        self._client = client
        self._request: StreamRequest | None = request

    async def read(self, limit: int = MAX_REPLY_BYTES) -> bytes:
        """The whole body.

        Raises:
            UpstreamError: if it breaks off or exceeds ``limit`` bytes.
        """
        parts: list[bytes] = []
        size = 0
        async for chunk in self._chunks():
            size += len(chunk)
            if size > limit:
                raise UpstreamInvalidReply(
                    f"Upstream {self._client.upstream} sent more than {limit} bytes.",
                    upstream=self._client.upstream,
                )
            parts.append(chunk)
        self.complete = True
        return b"".join(parts)

    async def events(self) -> AsyncIterator[bytes]:
        """The data of each event; stops at ``[DONE]``."""
        parser = SseParser()
        async for chunk in self._chunks():
            for data in parser.feed(chunk):
                if data == DONE:
                    self.complete = True
                    return
                yield data

    async def _chunks(self) -> AsyncIterator[bytes]:
        reader = self.response.body_reader
        try:
            while (chunk := await reader.read_chunk()) is not None:
                yield bytes(chunk)
        except PyreqwestError as error:
            raise self._client._transport_error(error) from error

    async def aclose(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            await request.__aexit__(None, None, None)
