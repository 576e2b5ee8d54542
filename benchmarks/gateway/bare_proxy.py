"""The floor: an ASGI application that only hands requests on.

Run as ``python -m benchmarks.gateway.bare_proxy PORT UPSTREAM_URL``. Same server
and HTTP client as the gateway (uvicorn, httptools, uvloop, aiohttp), and no
authentication, guards, accounting or audit.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}


class BareProxy:
    """Forwards every POST to the same path of the upstream."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["method"] == "GET":
            await _answer(send, 200, b"ok")
        else:
            await self._forward(scope["path"], await _body(receive), send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session:
            self._session = session
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _forward(self, path: str, body: bytes, send: Send) -> None:
        async with self._session.post(
            self._upstream + path, data=body, headers=_HEADERS, allow_redirects=False
        ) as response:
            if response.content_type != "text/event-stream":
                await _answer(send, response.status, await response.read())
                return
            await send(_start(response.status, b"text/event-stream"))
            async for chunk in response.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _start(status: int, content_type: bytes, *more: tuple[bytes, bytes]) -> dict[str, Any]:
    headers = [(b"content-type", content_type), *more]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _answer(send: Send, status: int, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send(_start(status, b"application/json", length))
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


if __name__ == "__main__":
    uvicorn.run(
        BareProxy(sys.argv[2]),  # type: ignore[arg-type]
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
    )
