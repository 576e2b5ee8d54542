"""Every secret is used once; then database, data folder, logs and records are searched for it."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.database import Base, Database
from support.deployment import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    KEYS,
    SECRETS,
    Capture,
    Deployment,
    gateway,
    settings,
    sovgate,
)

UPSTREAM_KEY = "sk-upstream-key-of-the-test-5d1c"
WEBHOOK_KEY = "webhook-key-of-the-test-77e2"
WRONG_PASSWORD = "wrong-password-that-was-typed"
WRONG_KEY = "sov-wrong-key-that-was-sent-aa71"
NEW_PASSWORD = "a-new-password-of-the-test-31"
BODY = {"model": "flash", "messages": [{"role": "user", "content": "Please say hello."}]}


@pytest.fixture
def deployment(
    tmp_path: Path, capture: Capture, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    monkeypatch.setenv("UPSTREAM_KEY", UPSTREAM_KEY)
    monkeypatch.setenv("WEBHOOK_KEY", WEBHOOK_KEY)
    content: dict[str, Any] = settings(tmp_path, capture.url, database={"url": database_url})
    content["upstreams"][0]["api_key_env"] = "UPSTREAM_KEY"
    webhook = {"url": "https://alerts.example.com/x", "secret_env": "WEBHOOK_KEY"}
    content["alerts"] = {"webhooks": {"ops": webhook}}
    with gateway(tmp_path, content) as deployment:
        yield deployment


def ask(deployment: Deployment, key: str, **headers: str) -> httpx.Response:
    headers = headers or {"authorization": f"Bearer {key}"}
    return httpx.post(f"{deployment.base_url}/chat/completions", json=BODY, headers=headers)


def use_every_secret(deployment: Deployment, capture: Capture) -> dict[str, str]:
    """Name -> value of what must not be found."""
    assert ask(deployment, KEYS["acme"]).status_code == 200
    assert ask(deployment, "", **{"x-api-key": KEYS["globex"]}).status_code == 200
    assert ask(deployment, WRONG_KEY).status_code == 401
    assert capture.seen()[0]["headers"]["authorization"] == f"Bearer {UPSTREAM_KEY}"
    with httpx.Client(base_url=f"{deployment.url}/admin/api/v1", timeout=60) as client:
        login = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        assert client.post("/login", json=login | {"password": WRONG_PASSWORD}).status_code == 401
        session = client.post("/login", json=login).json()
        client.headers["x-csrf-token"] = session["csrf_token"]
        made = client.post("/tenants/acme/keys", json={"name": "new"})
        assert made.status_code == 201, made.text
        assert ask(deployment, made.json()["api_key"]).status_code == 200
        change = {"current_password": ADMIN_PASSWORD, "new_password": NEW_PASSWORD}
        assert client.post("/me/password", json=change).status_code == 204
        assert client.get("/system").status_code == 200
    return {
        **SECRETS,
        "upstream key": UPSTREAM_KEY,
        "webhook key": WEBHOOK_KEY,
        "wrong key": WRONG_KEY,
        "wrong password": WRONG_PASSWORD,
        "new password": NEW_PASSWORD,
        "session token": session["token"],
        "csrf token": session["csrf_token"],
        "new key": made.json()["api_key"],
    }


def forms(secret: str) -> list[bytes]:
    """As it is, in hex, and in Base64 wherever it may start."""
    raw = secret.encode()
    encoded = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    return [raw, raw.hex().encode(), *encoded]


def at_rest(deployment: Deployment, database_url: str) -> dict[str, bytes]:
    """Everything that outlives a request: each file, and each row of each table."""
    files = {
        str(path.relative_to(deployment.directory)): path.read_bytes()
        for path in deployment.directory.rglob("*")
        if path.is_file()
    }
    return files | asyncio.run(rows(database_url))


async def rows(database_url: str) -> dict[str, bytes]:
    database = Database(database_url)
    try:
        async with database.session() as session:
            return {
                f"table {table.name}": repr(
                    [tuple(row) for row in await session.execute(table.select())]
                ).encode("utf-8", "surrogatepass")
                for table in Base.metadata.sorted_tables
            }
    finally:
        await database.dispose()


def test_no_secret_is_at_rest_in_clear(
    deployment: Deployment, capture: Capture, database_url: str
) -> None:
    secrets = use_every_secret(deployment, capture)
    export = deployment.directory / "export.jsonl"
    result = sovgate(deployment, "audit", "export", "--tenant", "acme", "--out", str(export))
    assert result.status == 0, result.errors
    places = at_rest(deployment, database_url)
    assert any("seg" in name for name in places)
    assert "gateway.log" in places
    assert b"key_hash" not in places["gateway.log"]
    found = [
        (name, place)
        for name, secret in secrets.items()
        for form in forms(secret)
        for place, content in places.items()
        if form in content
    ]
    assert found == []
    # What is there on purpose is found, so the search looks where it should.
    assert ADMIN_EMAIL.encode() in places["table users"]
    assert b"$argon2id$" in places["table users"]
    data = deployment.directory / "data"
    assert data.stat().st_mode & 0o077 == 0
    made = [path for path in data.rglob("*") if path.is_file()]
    assert [path for path in made if path.stat().st_mode & 0o077] == []
