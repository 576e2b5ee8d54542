"""The few bits of ASGI that the handlers need."""

from typing import Any

import msgspec
from starlette.types import Receive, Send

from inference.errors import RequestInvalid

MAX_BODY = 16 * 1024 * 1024
_JSON = (b"content-type", b"application/json")
_SSE = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))


class ClientGone(Exception):
    """The client hung up before it had sent its request."""


async def read_body(receive: Receive) -> bytes:
    """Raises RequestInvalid when the body is too large, ClientGone on a hang-up."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise RequestInvalid(f"The request body is larger than {MAX_BODY} bytes.")
        if not message.get("more_body", False):
            return b"".join(parts)


async def until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(
    send: Send, value: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    await send_bytes(send, msgspec.json.encode(value), status, (_JSON, *headers))


async def send_bytes(
    send: Send, body: bytes, status: int, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def start_events(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(_SSE)})


async def send_event(send: Send, value: Any) -> None:
    data = value if isinstance(value, bytes) else msgspec.json.encode(value)
    body = b"data: " + data + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def end_events(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})
