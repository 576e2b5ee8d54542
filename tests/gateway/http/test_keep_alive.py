"""A connection that is not used: kept for its time, counted from the last answer, then closed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.http.connection import Connection
from gateway.http.wire import WireLimits, WireProtocol

KEPT_S = 30
ASKED = b"GET /there HTTP/1.1\r\nhost: here\r\n\r\n"


class Answering:
    """An application of the direct kind, whose answers may be held up."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()

    def takes(self, path: str) -> bool:
        return path == "/there"

    async def serve(self, connection: Connection) -> None:
        if not self.may_answer.is_set():
            self.asked.set()
        await self.may_answer.wait()
        await connection.respond(200, [], b"{}")

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        raise AssertionError("it is served directly")


class Hands:
    """The event loop's clock, set by hand: no machine is too slow for these tests."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Hands:
    clock = Hands()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock)
    return clock


@pytest.fixture
def app() -> Answering:
    return Answering()


@pytest.fixture
async def port(app: Answering, clock: Hands) -> AsyncIterator[int]:
    config = uvicorn.Config(app, timeout_keep_alive=KEPT_S, proxy_headers=False, log_config=None)  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    limits = WireLimits(connections=10, head_bytes=10_000, head_s=30, body_s=30, write_s=30)

    def made() -> WireProtocol:
        return WireProtocol(config=config, server_state=state, app_state={}, limits=limits)

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_it_is_kept_from_answer_to_answer_and_then_closed(port: int, clock: Hands) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(4):
        clock.now += KEPT_S - 1
        writer.write(ASKED)
        assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
    clock.now += KEPT_S
    assert await reader.read() == b""
    writer.close()


async def test_a_request_may_take_longer_than_that(app: Answering, port: int, clock: Hands) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASKED)
    await reader.readuntil(b"{}")
    app.may_answer.clear()
    writer.write(ASKED)
    await app.asked.wait()
    clock.now += 2 * KEPT_S
    for _ in range(5):
        await asyncio.sleep(0)  # whatever is due runs
    app.may_answer.set()
    await reader.readuntil(b"{}")
    clock.now += KEPT_S
    assert await reader.read() == b""
    writer.close()
