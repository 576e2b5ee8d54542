"""ASGI middleware of the admin API: security headers, and a bound on bodies."""

import json

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.admin.errors import BodyTooLarge
from gateway.admin.responses import SECURITY_HEADERS, body

_HSTS = "max-age=31536000"


class SecurityHeaders:
    """Nothing is cached, framed, sniffed or referred; HTTPS stays HTTPS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = _HSTS
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Reads a body up to its bound before the application sees any of it."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        first = await self._read(receive)
        if first is None:
            await _refuse(send, self._max_bytes)
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


async def _refuse(send: Send, max_bytes: int) -> None:
    message = f"The body is larger than {max_bytes} bytes. Send less at a time."
    content = json.dumps(body(BodyTooLarge.code, message)).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": content})
