"""Serves the built admin UI (``admin_ui/dist``) under ``/admin/``.

A pure ASGI app over files held in memory: every path that is not a file gets the
one page of the UI, whose router takes it from there. Knows nothing of sessions,
tenants or the admin API; the page holds no data, so it needs no login.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["DEFAULT_DIST", "AdminUi"]

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

DEFAULT_DIST = Path(__file__).resolve().parents[1] / "admin_ui" / "dist"

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_SECURITY_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_IMMUTABLE = b"public, max-age=31536000, immutable"
_TEXT_TYPES = ("text/", "application/json", "image/svg")
# Fixed here because the system's MIME table differs from machine to machine.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
_NOT_BUILT = (
    "The admin UI has not been built. Run 'make run', or 'npm ci && npm run build' in admin_ui/, "
    "then reload this page. The admin API and the gateway work without it.\n"
)


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    gzipped: bytes | None
    content_type: bytes
    etag: bytes
    cache_control: bytes


@dataclass(frozen=True, slots=True)
class _Build:
    """One reading of the ``dist`` folder; ``stamp`` tells when it is out of date."""

    stamp: tuple[int, int]
    assets: Mapping[str, _Asset]


class AdminUi:
    """ASGI app for the UI.

    Args:
        dist: folder that ``npm run build`` wrote. It may appear or change later:
            the page's time stamp is looked at with each request for the page.
        prefix: path below which the app is mounted, as the build's ``base``.
    """

    def __init__(self, dist: Path = DEFAULT_DIST, prefix: str = "/admin") -> None:
        self._dist = dist
        self._prefix = prefix.rstrip("/")
        self._build: _Build | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "HEAD"):
            await _text(
                send, 405, "Only GET and HEAD are allowed here.\n", ((b"allow", b"GET, HEAD"),)
            )
        elif path == self._prefix:
            await _text(send, 307, "", ((b"location", f"{self._prefix}/".encode()),))
        else:
            await self._serve(path.removeprefix(f"{self._prefix}/"), scope, send)

    async def _serve(self, name: str, scope: Scope, send: Send) -> None:
        build = await self._current()
        if build is None:
            await _text(send, 503, _NOT_BUILT, ((b"retry-after", b"10"),))
            return
        asset = build.assets.get(name)
        if asset is None and not _is_page(name):
            await _text(send, 404, "No such file in the admin UI.\n")
            return
        await _respond(send, asset or build.assets["index.html"], scope)

    async def _current(self) -> _Build | None:
        stamp = _stamp(self._dist)
        if stamp is None:
            return None
        if self._build is None or self._build.stamp != stamp:
            async with self._loading:
                if self._build is None or self._build.stamp != stamp:
                    assets = await asyncio.to_thread(_read, self._dist)
                    self._build = _Build(stamp, assets)
        return self._build


def _stamp(dist: Path) -> tuple[int, int] | None:
    try:
        stat = (dist / "index.html").stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _is_page(name: str) -> bool:
    """Whether an unknown path is a route of the UI, not a missing file or an API call."""
    first, _, _ = name.partition("/")
    return first not in ("assets", "api") and "." not in name.rpartition("/")[2]


def _read(dist: Path) -> dict[str, _Asset]:
    files = (path for path in sorted(dist.rglob("*")) if path.is_file())
    return {path.relative_to(dist).as_posix(): _asset(path, dist) for path in files}


def _asset(path: Path, dist: Path) -> _Asset:
    body = path.read_bytes()
    content_type = _TYPES.get(path.suffix, "application/octet-stream")
    # Vite puts a content hash into every name below assets/, and into no other.
    hashed = path.relative_to(dist).parts[0] == "assets"
    textual = content_type.startswith(_TEXT_TYPES)
    return _Asset(
        body=body,
        gzipped=gzip.compress(body, mtime=0) if textual and len(body) > 1024 else None,
        content_type=content_type.encode(),
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode(),
        cache_control=_IMMUTABLE if hashed else b"no-cache",
    )


async def _respond(send: Send, asset: _Asset, scope: Scope) -> None:
    request = dict(scope["headers"])
    headers = [
        (b"cache-control", asset.cache_control),
        (b"etag", asset.etag),
        (b"vary", b"accept-encoding"),
        *_SECURITY_HEADERS,
    ]
    if request.get(b"if-none-match") == asset.etag:
        await _send(send, 304, headers, b"")
        return
    body = asset.body
    if asset.gzipped is not None and b"gzip" in request.get(b"accept-encoding", b""):
        body = asset.gzipped
        headers.append((b"content-encoding", b"gzip"))
    headers += [(b"content-type", asset.content_type), (b"content-length", str(len(body)).encode())]
    await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


async def _text(send: Send, status: int, text: str, extra: tuple[Header, ...] = ()) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *_SECURITY_HEADERS,
        *extra,
    ]
    await _send(send, status, headers, body)


async def _send(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
