"""The static app of the admin UI: what is served where, cached how, and behind which policy."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.admin_ui import AdminUi

PAGE = b"<!doctype html><title>Sovgate</title>"
SCRIPT = b"export const answer = 42;\n" * 100


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "favicon.svg").write_bytes(b"<svg/>")
    (tmp_path / "assets" / "index-B4k2.js").write_bytes(SCRIPT)
    return tmp_path


class Reply:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start, body = messages
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.body: bytes = body["body"]


async def get(app: AdminUi, path: str, method: str = "GET", **headers: str) -> Reply:
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await app({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)
    return Reply(messages)


@pytest.mark.parametrize("path", ["/admin/", "/admin/tenants", "/admin/tenants/acme/keys"])
async def test_every_route_of_the_ui_gets_the_page_and_revalidates(dist: Path, path: str) -> None:
    reply = await get(AdminUi(dist), path)
    assert (reply.status, reply.body) == (200, PAGE)
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"


async def test_an_unchanged_page_is_not_sent_again(dist: Path) -> None:
    app = AdminUi(dist)
    etag = (await get(app, "/admin/")).headers["etag"]
    reply = await get(app, "/admin/", if_none_match=etag)
    assert (reply.status, reply.body) == (304, b"")
    assert (await get(app, "/admin/", if_none_match='"other"')).status == 200


async def test_hashed_assets_are_immutable_and_compressed_on_request(dist: Path) -> None:
    app = AdminUi(dist)
    plain = await get(app, "/admin/assets/index-B4k2.js")
    assert plain.body == SCRIPT
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    packed = await get(app, "/admin/assets/index-B4k2.js", accept_encoding="gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == SCRIPT
    assert packed.headers["content-length"] == str(len(packed.body))


async def test_files_beside_the_page_are_not_immutable(dist: Path) -> None:
    reply = await get(AdminUi(dist), "/admin/favicon.svg")
    assert reply.headers["content-type"] == "image/svg+xml"
    assert reply.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/admin/assets/index-OLD.js",
        "/admin/assets/../../secret",
        "/admin/../pyproject.toml",
        "/admin/missing.png",
        "/admin/api/v1/none",
    ],
)
async def test_what_is_neither_file_nor_route_is_missing(dist: Path, path: str) -> None:
    reply = await get(AdminUi(dist), path)
    assert reply.status == 404
    assert PAGE not in reply.body


@pytest.mark.parametrize("path", ["/admin/", "/admin/missing.png", "/admin/assets/index-B4k2.js"])
async def test_every_answer_carries_the_strict_policy(dist: Path, path: str) -> None:
    reply = await get(AdminUi(dist), path)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_head_has_the_headers_and_no_body(dist: Path) -> None:
    reply = await get(AdminUi(dist), "/admin/", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(len(PAGE))


async def test_the_bare_prefix_goes_to_the_page(dist: Path) -> None:
    reply = await get(AdminUi(dist), "/admin")
    assert (reply.status, reply.headers["location"]) == (307, "/admin/")


async def test_other_methods_are_refused(dist: Path) -> None:
    reply = await get(AdminUi(dist), "/admin/", method="POST")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


async def test_a_missing_build_says_what_to_run_and_appears_once_built(dist: Path) -> None:
    page = dist / "index.html"
    page.rename(dist / "away")
    app = AdminUi(dist)
    missing = await get(app, "/admin/")
    assert missing.status == 503
    assert b"npm run build" in missing.body
    (dist / "away").rename(page)
    assert (await get(app, "/admin/")).body == PAGE


async def test_a_new_build_is_noticed(dist: Path) -> None:
    app = AdminUi(dist)
    await get(app, "/admin/")
    (dist / "index.html").write_bytes(b"second build")
    os.utime(dist / "index.html", ns=(1, 1))
    assert (await get(app, "/admin/")).body == b"second build"
