"""Connections to upstreams, against real servers that answer as no library would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from gateway.egress import OF_THE_FILE
from gateway.upstreams.connection import (
    Answer,
    Broken,
    ConnectFailed,
    ConnectionPool,
    Origin,
    Silent,
    header_lines,
)
from support.processes import free_port

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Upstream:
    """A server that talks as told; counts connections and what became of them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()


@asynccontextmanager
async def upstream(*talks: bytes | Talk) -> AsyncIterator[Upstream]:
    """Answers the first request with the first, and so on; the last is repeated."""
    server = Upstream(free_port())
    talking: list[tuple[asyncio.Task[None] | None, asyncio.StreamWriter]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        talking.append((asyncio.current_task(), writer))
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                server.requests.append(await reader.readuntil(b"\r\n\r\n"))
                server.asked.set()
                talk = talks[min(len(server.requests), len(talks)) - 1]
                if isinstance(talk, bytes):
                    writer.write(talk)
                else:
                    await talk(reader, writer)
        server.hung_up.set()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", server.port)
    async with running:
        yield server
        for _, writer in talking:
            writer.transport.abort()
        await asyncio.gather(*(task for task, _ in talking if task is not None))


@asynccontextmanager
async def pool(read_timeout_s: float = 30.0) -> AsyncIterator[ConnectionPool]:
    made = ConnectionPool("test", OF_THE_FILE, connect_timeout_s=30, read_timeout_s=read_timeout_s)
    yield made
    made.close()


async def ask(pool: ConnectionPool, server: Upstream) -> Answer:
    origin = Origin(f"http://127.0.0.1:{server.port}/v1/x", {})
    answer = await pool.request(origin, origin.get, b"")
    await answer.head()
    return answer


async def read(answer: Answer) -> bytes:
    parts = []
    while part := await answer.more():
        parts.append(part)
    return b"".join(parts)


async def test_a_connection_serves_one_request_after_another() -> None:
    async with upstream(_PLAIN) as server, pool() as connections:
        for _ in range(3):
            answer = await ask(connections, server)
            assert (answer.status, await read(answer)) == (200, b"hello")
        await asyncio.gather(*(ask(connections, server) for _ in range(3)))
    assert server.connections == 3
    assert (
        server.requests[0]
        == f"GET /v1/x HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    )


async def test_an_answer_outlives_its_connections_next_request() -> None:
    async with (
        upstream(_PLAIN, _PLAIN.replace(b"hello", b"other")) as server,
        pool() as connections,
    ):
        first = await ask(connections, server)
        second = await ask(connections, server)
        assert (await read(second), await read(first)) == (b"other", b"hello")
    assert server.connections == 1


@pytest.mark.parametrize(
    "whole",
    [
        _PLAIN,
        _CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + _PLAIN,
    ],
)
async def test_any_cut_of_an_answer_is_the_same(whole: bytes) -> None:
    cut = 0

    async def in_two(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(whole[:cut])
        await asyncio.sleep(0.001)
        writer.write(whole[cut:])

    async with upstream(in_two) as server, pool() as connections:
        for cut in range(1, len(whole)):  # noqa: B007 - the server reads it
            answer = await ask(connections, server)
            assert (answer.status, await read(answer)) == (200, b"hello")
            assert not {b"link", b"x-trailer"} & answer.headers.keys()
    assert server.connections == 1


async def test_an_answer_that_ends_with_the_connection() -> None:
    async def until_the_end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await asyncio.sleep(0.01)
        writer.write(b"lo")
        writer.close()

    async with upstream(until_the_end) as server, pool() as connections:
        for _ in range(2):
            assert await read(await ask(connections, server)) == b"hello"
    assert server.connections == 2


async def test_a_connection_that_is_to_be_closed_is_not_kept() -> None:
    closing = _PLAIN.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    async with upstream(closing) as server, pool() as connections:
        for _ in range(2):
            assert await read(await ask(connections, server)) == b"hello"
    assert server.connections == 2


@pytest.mark.parametrize("more", [_PLAIN.replace(b"hello", b"forge"), b"x", b"\r\nHTTP/1.1 200 OK"])
async def test_what_nobody_asked_for_answers_no_later_request(more: bytes) -> None:
    async with upstream(_PLAIN + more, _PLAIN) as server, pool() as connections:
        assert await read(await ask(connections, server)) == b"hello"
        await asyncio.sleep(0.02)
        assert await read(await ask(connections, server)) == b"hello"
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-filler: " + b"a" * 70_000,
    ],
)
async def test_what_is_no_answer(answer: bytes) -> None:
    async with upstream(answer) as server, pool() as connections:
        with pytest.raises(Broken):
            await read(await ask(connections, server))
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_an_answer_that_breaks_off() -> None:
    async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_PLAIN[:-2])
        await writer.drain()
        writer.close()

    async with upstream(half) as server, pool() as connections:
        answer = await ask(connections, server)
        assert await answer.more() == b"hel"
        with pytest.raises(Broken):
            await answer.more()


@pytest.mark.parametrize("said", [b"", _PLAIN[:30], _PLAIN[:-2]])
async def test_silence_ends(said: bytes) -> None:
    async with upstream(said) as server, pool(read_timeout_s=0.1) as connections:
        with pytest.raises(Silent):
            await read(await ask(connections, server))
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_who_hangs_up_is_heard_at_once() -> None:
    async with upstream(b"") as server, pool() as connections:
        waiting = asyncio.create_task(ask(connections, server))
        await server.asked.wait()
        next(iter(connections.busy)).fail(Broken("gone"))
        await asyncio.wait_for(server.hung_up.wait(), 30)
        with pytest.raises(Broken):
            await waiting


async def test_a_reader_that_is_slow_makes_the_sender_wait() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n")
        for _ in range(1024):
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with upstream(flood) as server, pool(read_timeout_s=1.0) as connections:
        answer = await ask(connections, server)
        await asyncio.sleep(1.5)  # longer than it may be silent: it is we who do not read
        assert sent < 32 * 1024 * 1024
        assert len(await read(answer)) == 67_108_864


async def test_nobody_there() -> None:
    async with pool() as connections:
        origin = Origin(f"http://127.0.0.1:{free_port()}/", {})
        with pytest.raises(ConnectFailed):
            await connections.request(origin, origin.get, b"")


async def test_after_the_end() -> None:
    async with upstream(b"") as server, pool() as connections:
        waiting = asyncio.create_task(ask(connections, server))
        await server.asked.wait()
        connections.close()
        with pytest.raises(Broken):
            await waiting
        with pytest.raises(ConnectFailed):
            await ask(connections, server)


@pytest.mark.parametrize("value", ["a\r\nx: b", "a\n", "\0"])
def test_a_header_is_one_line(value: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        header_lines({"x-request-id": value})


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://models.corp/v1/x?a=b", b"POST /v1/x?a=b HTTP/1.1\r\nhost: models.corp\r\n"),
        ("http://[::1]:81/", b"POST / HTTP/1.1\r\nhost: [::1]:81\r\n"),
    ],
)
def test_where_a_url_goes(url: str, line: bytes) -> None:
    assert Origin(url, {}).post == line


async def test_a_sink_has_what_comes_while_the_reader_waits() -> None:
    """What it leaves is read in order, and what comes behind that is read as well."""
    go_on, taken = asyncio.Event(), list[bytes]()

    def sink(data: bytes) -> bool:
        if data != b"left":
            taken.append(data)
        return data != b"left"

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_CHUNKED + b"5\r\nfirst\r\n")
        await go_on.wait()
        writer.write(b"5\r\ntaken\r\n4\r\nleft\r\n6\r\nbehind\r\n")

    async with upstream(talk) as server, pool() as connections:
        answer = await ask(connections, server)
        answer.sink = sink
        assert await answer.more() == b"first"
        reading = asyncio.create_task(answer.more())
        await asyncio.sleep(0)
        go_on.set()
        assert (await reading, taken) == (b"leftbehind", [b"taken"])


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"])
async def test_what_a_sink_raises_is_raised_where_it_is_read(end: bytes) -> None:
    """Also where the answer ends in the same piece; then nothing more is taken."""
    go_on, taken = asyncio.Event(), list[bytes]()

    def sink(data: bytes) -> bool:
        taken.append(data)
        raise LookupError

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_CHUNKED)
        await go_on.wait()
        writer.write(b"3\r\nbad\r\n4\r\nmore\r\n" + end)

    async with upstream(talk) as server, pool() as connections:
        answer = await ask(connections, server)
        answer.sink = sink
        reading = asyncio.create_task(answer.more())
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(LookupError):
            await reading
        with pytest.raises(LookupError):
            await answer.more()
        assert taken == [b"bad"]
        answer.close()
    if not end:
        await asyncio.wait_for(server.hung_up.wait(), 30)
