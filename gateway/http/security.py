"""Security headers: on every answer, whoever writes it.

Nothing is sniffed, framed, referred or run, and nothing is kept by caches unless the answer
says otherwise itself: what an answer sets stands. HTTPS stays HTTPS.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
SECURITY_NAMES = frozenset(name for name, _ in SECURITY_HEADERS)
HSTS = (b"strict-transport-security", b"max-age=31536000")


def wanted_headers(scheme: str) -> tuple[tuple[bytes, bytes], ...]:
    """What an answer needs, as far as it does not say so itself."""
    return (*SECURITY_HEADERS, HSTS) if scheme == "https" else SECURITY_HEADERS


def secured(scope: Scope, send: Send) -> Send:
    """``send`` that adds the headers which the start of the answer lacks."""
    wanted = wanted_headers(scope["scheme"])

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            given += [header for header in wanted if header[0] not in names]
            message = {**message, "headers": given}
        await send(message)

    return with_headers


class SecurityHeaders:
    """``secured`` around an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = secured(scope, send)
        await self._app(scope, receive, send)
