"""Events offered as they come: those that are not taken are read in order, over real sockets."""

import asyncio
import gc
import weakref

import pytest

from gateway.egress import AddressRules, Trust
from gateway.upstreams.base import Take
from gateway.upstreams.client import HttpClient, HttpReply
from gateway.upstreams.repair import Mender, RepairedReply

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
# As they are sent, each once the one before has been dealt with; the last three come together.
PIECES = (
    b'data: {"first": 1}\n\n',
    b'data: {"taken": 1}\n\n',
    b'data: {"left": 1}\n\n',
    b'data: {"cut": ',
    b"1}\n\n",
    b'data: {"markup": "<"}\n\n',
    b'data: {"taken": 2}\n\n',
    b'data: {"taken": 3}\n\ndata: {"taken": 4}\n\ndata: [DONE]\n\n',
)


class Talk:
    """An upstream that sends the next piece when told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Semaphore(1)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(HEAD)
        for piece in PIECES:
            await self.go_on.acquire()
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if piece.endswith(b'"cut": '):
                self.go_on.release()
        writer.write(b"0\r\n\r\n")
        writer.close()


def taking(seen: list[bytes], talk: Talk) -> Take:
    def take(data: bytes) -> bool:
        if b"taken" not in data:
            return False
        seen.append(data)
        talk.go_on.release()
        return True

    return take


@pytest.mark.parametrize("repaired", [False, True])
async def test_what_is_not_taken_is_read_in_order(repaired: bool) -> None:
    talk, taken, read = Talk(), list[bytes](), list[bytes]()
    client = HttpClient(
        "test", AddressRules(Trust.FILE), connect_timeout_s=30, read_timeout_s=30, headers={}
    )
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        plain: HttpReply | None = await client.post(url, b"{}", {})
        assert plain is not None
        known = weakref.ref(plain)
        # What holds markup concerns the mender, so it is not offered.
        mender = Mender({}, names=True, think=True, opened=False, choices=0)
        reply = RepairedReply(plain, mender) if repaired else plain
        offered = reply.offer
        offered(taking(taken, talk))
        async for data in reply.events():
            read.append(data)
            talk.go_on.release()
        assert reply.complete
        await reply.aclose()
        gc.disable()
        try:  # an answer that knew its reader would stay until all young objects are looked through
            del reply, offered, plain
            assert known() is None
        finally:
            gc.enable()
    await client.aclose()
    assert taken == [b'{"taken": 1}', b'{"taken": 2}']
    assert read == [
        b'{"first": 1}', b'{"left": 1}', b'{"cut": 1}', b'{"markup": "<"}',
        b'{"taken": 3}', b'{"taken": 4}',
    ]  # fmt: skip
