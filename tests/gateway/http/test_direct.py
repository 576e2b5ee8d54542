"""A connection without ASGI: what is left of it when it has answered."""

import asyncio
import gc
import socket
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

from gateway.http.direct import DirectConnection

SCOPE: Any = {"type": "http", "scheme": "http", "path": "/", "headers": [(b"host", b"here")]}


def _is_left() -> bool:
    # Not isinstance: of what other tests have imported, some objects answer that with a warning.
    return any(type(each) is DirectConnection for each in gc.get_objects())


async def test_nothing_is_left_for_the_garbage_collector() -> None:
    """An object that refers to itself stays until all young objects are looked through."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    loop = asyncio.get_running_loop()
    transport: Any = (await loop.create_connection(asyncio.Protocol, sock=ours))[0]
    gc.collect()
    gc.disable()
    try:
        connection = DirectConnection(
            SCOPE,
            transport,
            FlowControl(transport),
            loop=loop,
            keep_alive=True,
            on_response=lambda: None,
        )
        connection.body, connection.more_body = b"ping", False
        connection.watch()
        assert [piece async for piece in connection.pieces()] == [b"ping"]
        await connection.unwatch()
        await connection.respond(200, [], b"pong")
        assert _is_left()
        del connection
        assert not _is_left()
    finally:
        gc.enable()
    assert (await reader.readuntil(b"pong")).startswith(b"HTTP/1.1 200 OK\r\n")
    transport.close()
    writer.close()
    await writer.wait_closed()
