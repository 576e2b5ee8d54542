"""A chat completions server that answers at once: the upstream of every measured system.

Run as ``python -m benchmarks.gateway.upstream PORT``. A request whose body holds
``"stream":true`` gets ``EVENTS`` server-sent events, ``PAUSE_S`` apart, with the usage
in the last; any other gets one JSON document. It is a plain protocol on the event
loop, since a framework here would be the slowest part of the measurement.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

EVENTS = 35
PAUSE_S = 0.005
MODEL = "bench"
_USAGE = {"prompt_tokens": 80, "completion_tokens": EVENTS, "total_tokens": 80 + EVENTS}
_HEAD = {"id": "chatcmpl-bench", "created": 1_750_000_000, "model": MODEL}


def _completion() -> bytes:
    message = {"role": "assistant", "content": "The parcel will arrive on Thursday. " * 5}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    body = {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    return json.dumps(body).encode()


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    body = {**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _events() -> list[bytes]:
    usage = {**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}
    words = [_event({"content": "word "}) for _ in range(EVENTS - 3)]
    last = b"data: " + json.dumps(usage).encode() + b"\n\n"
    opening = _event({"role": "assistant", "content": ""})
    return [opening, *words, _event({}, "stop"), last, b"data: [DONE]\n\n"]


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


_PLAIN_BODY = _completion()
_PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
    len(_PLAIN_BODY),
    _PLAIN_BODY,
)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_STREAM = [_chunk(event) for event in _events()]


class Upstream(asyncio.Protocol):
    """One keep-alive connection; requests come one after another."""

    def __init__(self) -> None:
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = content_length(self._buffer[:end]) or 0
        if len(self._buffer) < end + 4 + length:
            return
        body = self._buffer[end + 4 : end + 4 + length]
        self._buffer = self._buffer[end + 4 + length :]
        if b'"stream":true' in body or b'"stream": true' in body:
            task = asyncio.get_running_loop().create_task(self._stream())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._transport.write(_PLAIN)

    async def _stream(self) -> None:
        self._transport.write(_STREAM_HEAD)
        for part in _STREAM:
            self._transport.write(part)
            await asyncio.sleep(PAUSE_S)
        self._transport.write(b"0\r\n\r\n")


def content_length(head: bytes) -> int | None:
    """The declared length of a message's body, if it has one."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return None


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
