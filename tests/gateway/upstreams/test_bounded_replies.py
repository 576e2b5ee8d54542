"""Answers that would blow up: compressed, endless, nested; over real sockets."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.egress import AddressRules, Trust
from gateway.errors import UpstreamError, UpstreamInvalidReply, UpstreamRejected
from gateway.http.sse import MAX_EVENT_BYTES
from gateway.upstreams import client as client_module
from gateway.upstreams.client import HttpClient

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"


@asynccontextmanager
async def upstream(
    head: bytes, pieces: Callable[[], AsyncIterator[bytes]], seen: list[bytes] | None = None
) -> AsyncIterator[str]:
    """A server that answers everything so; what it was sent is in ``seen``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        writer.write(head + b"\r\n")
        try:
            async for piece in pieces():
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def repeated(piece: bytes, times: int) -> Callable[[], AsyncIterator[bytes]]:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(times):
            yield piece

    return pieces


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    rules = AddressRules(Trust.FILE)
    client = HttpClient("bomb", rules, connect_timeout_s=30, read_timeout_s=30, headers={})
    yield client
    await client.aclose()


async def read_events(client: HttpClient, url: str) -> list[bytes]:
    reply = await client.post(url, b"{}", {})
    try:
        return [event async for event in reply.events()]
    finally:
        await reply.aclose()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (b"200 OK", "compressed its answer"),
        (b"400 Bad Request", "check the parameters"),
        (b"500 Oh", "answered with status 500"),
    ],
)
async def test_nothing_is_unpacked(
    client: HttpClient, encoding: str, status: bytes, said: str
) -> None:
    packed = zlib.compress(b"x" * 10_000_000) if encoding == "deflate" else b"anything"
    packed = gzip.compress(b"x" * 10_000_000) if encoding == "gzip" else packed
    head = HEAD.replace(b"200 OK", status) + f"content-encoding: {encoding}\r\n".encode()
    seen: list[bytes] = []
    async with upstream(head, repeated(packed, 1), seen) as url:
        with pytest.raises(UpstreamError, match=said):
            await client.post(url, b"{}", {})
    assert b"accept-encoding: identity\r\n" in seen[0].lower()


async def test_an_event_without_end(client: HttpClient) -> None:
    piece = b"data: " + b"x" * 65536
    async with upstream(HEAD, repeated(piece, 2 * MAX_EVENT_BYTES // 65536)) as url:
        with pytest.raises(UpstreamInvalidReply, match="too large"):
            await read_events(client, url)


async def test_an_event_of_endless_lines(client: HttpClient) -> None:
    piece = b"data:\n" * 10_000
    async with upstream(HEAD, repeated(piece, 2 * MAX_EVENT_BYTES // len(piece))) as url:
        with pytest.raises(UpstreamInvalidReply, match="too large"):
            await read_events(client, url)


@pytest.mark.parametrize("piece", [b"data: {}\n\n", b": nothing but comments\n", b"\n"])
async def test_a_stream_without_end(
    client: HttpClient, piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_REPLY_BYTES", 1_000_000)
    async with upstream(HEAD, repeated(piece * 5000, 10_000)) as url:
        with pytest.raises(UpstreamInvalidReply, match="more than 1000000 bytes"):
            await read_events(client, url)


async def test_a_nested_error_body_is_no_message(client: HttpClient) -> None:
    head = HEAD.replace(b"200 OK", b"400 Bad Request")
    async with upstream(head, repeated(b"[" * 60_000, 1)) as url:
        with pytest.raises(UpstreamRejected, match="check the parameters"):
            await client.post(url, b"{}", {})


async def test_of_events_that_came_together_all_but_the_last_have_a_next_one(
    client: HttpClient,
) -> None:
    seen: list[tuple[bytes, bool]] = []

    async def read(count: int) -> None:
        while len(seen) < count:  # noqa: ASYNC110 - it is a list
            await asyncio.sleep(0.01)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"data: 1\n\ndata: 2\n\ndata: 3\n\nda"
        await read(3)
        yield b"ta: 4\n\n"
        await read(4)
        yield b"data: 5\n\ndata: [DONE]\n\n"

    async with upstream(HEAD, pieces) as url:
        reply = await client.post(url, b"{}", {})
        async for event in reply.events():
            seen.append((event, reply.has_next))
    assert seen == [(b"1", True), (b"2", True), (b"3", False), (b"4", False), (b"5", True)]
    assert reply.complete
    assert not reply.has_next
