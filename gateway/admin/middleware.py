"""ASGI middleware of the admin API: a bound on bodies."""

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.admin.errors import BodyTooLarge
from gateway.admin.responses import body
from gateway.errors import UnsupportedEncoding

_PLAIN = (b"content-encoding", b"identity")


class BodyLimit:
    """Reads a body up to its bound before the application sees any of it; unpacks none."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if any(name == _PLAIN[0] and (name, value) != _PLAIN for name, value in scope["headers"]):
            message = "Send the body without a Content-Encoding."
            await _refuse(send, 415, UnsupportedEncoding.code, message)
            return
        first = await self._read(receive)
        if first is None:
            message = f"The body is larger than {self._max_bytes} bytes. Send less at a time."
            await _refuse(send, 413, BodyTooLarge.code, message)
            return
        messages = [first]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> Message | None:
        """The whole body as one message; ``None`` if it is too large."""
        content = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            content += message.get("body", b"")
            if len(content) > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(content), "more_body": False}


async def _refuse(send: Send, status: int, code: str, message: str) -> None:
    content = json.dumps(body(code, message)).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
