"""Upstreams by the API; who may not is in test_isolation, real gateways in tests/e2e."""

import json
from typing import Any

import pytest
from sqlalchemy import select, text

from core.database import Database
from gateway.admin import AdminServices
from gateway.audit.admin import object_digest
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import UPSTREAM, Login, World, code

OTHER: dict[str, Any] = {
    "name": "other",
    "kind": "pool",
    "zone": "eu",
    "models": ["a", "b"],
    "workers": ["https://one.example.com", "https://two.example.com:8443"],
    "retries": 0,
}


async def test_without_a_session(sign_in: Login) -> None:
    client = await sign_in(None)
    answer = await client.get("/upstreams")
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("account", "reads", "writes"),
    [
        ("owner", 200, 201),
        ("admin", 200, 201),
        ("auditor", 200, 403),
        ("finance", 403, 403),
        ("viewer", 403, 403),
        ("owner@acme", 403, 403),
    ],
)
async def test_it_is_for_those_who_run_the_deployment(
    account: str, reads: int, writes: int, sign_in: Login, world: World
) -> None:
    client = await sign_in(account)
    for path in ("/upstreams", "/upstreams/stored", "/upstreams/pool"):
        assert (await client.get(path)).status_code == reads
    created = await client.post("/upstreams", json={"definition": OTHER})
    assert created.status_code == writes


async def test_one_is_created_read_changed_and_deleted(
    sign_in: Login, services: AdminServices, database: Database
) -> None:
    client = await sign_in("admin")
    created = await client.post("/upstreams", json={"definition": OTHER, "reason": "capacity"})
    assert created.status_code == 201, created.text
    upstream = created.json()
    assert (upstream["origin"], upstream["state"], upstream["version"]) == (
        "database",
        "serving",
        1,
    )
    assert upstream["definition"]["workers"] == OTHER["workers"]
    assert (await client.get("/upstreams/other")).json() == upstream
    assert services.upstreams.gate["other"].models == {"a", "b"}

    change = {"version": 1, "definition": OTHER | {"zone": "us"}}
    changed = (await client.put("/upstreams/other", json=change)).json()
    assert (changed["version"], changed["zone"]) == (2, "us")
    assert services.upstreams.gate["other"].zone == "us"
    late = await client.put("/upstreams/other", json=change)
    assert (late.status_code, code(late)) == (409, "version_conflict")
    renamed = {"version": 2, "definition": OTHER | {"name": "renamed"}}
    answer = await client.put("/upstreams/other", json=renamed)
    assert (answer.status_code, code(answer)) == (422, "invalid_upstream")
    late = await client.delete("/upstreams/other", params={"version": 1})
    assert (late.status_code, code(late)) == (409, "version_conflict")
    assert (await client.delete("/upstreams/other", params={"version": 2})).status_code == 204
    assert "other" not in services.upstreams.gate
    gone = await client.delete("/upstreams/other")
    assert (gone.status_code, code(gone)) == (404, "not_found")

    actions = [body for body in await _trail(database) if "upstream" in body["action"]]
    assert [body["action"] for body in actions] == [
        "upstream.create",
        "upstream.update",
        "upstream.delete",
    ]
    assert {body["target"] for body in actions} == {"other"}
    assert actions[0]["reason"] == "capacity"
    assert actions[0]["after"] == object_digest(upstream["definition"]) == actions[1]["before"]
    assert actions[1]["after"] == actions[2]["before"]


async def test_the_file_is_shown_and_not_changed(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    items = (await client.get("/upstreams")).json()["items"]
    assert [(each["name"], each["origin"]) for each in items] == [
        ("pool", "file"),
        ("stored", "database"),
    ]
    shown = json.dumps(items[0])
    assert "10.0.0.7" not in shown
    assert "POOL_SECRET_NAME" not in shown
    for answer in (
        await client.post("/upstreams", json={"definition": OTHER | {"name": "pool"}}),
        await client.put("/upstreams/pool", json={"version": 1, "definition": OTHER}),
        await client.delete("/upstreams/pool"),
    ):
        assert (answer.status_code, code(answer)) == (409, "named_in_file")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "litellm"}, "invalid_request"),
        ({"tokenizer": "/etc/passwd"}, "invalid_request"),
        ({"models": []}, "invalid_request"),
        ({"workers": []}, "invalid_request"),
        ({"base_url": "https://one.example.com"}, "invalid_request"),
        ({"total_timeout_s": 0}, "invalid_request"),
        ({"workers": ["ftp://one.example.com"]}, "invalid_url"),
        ({"workers": ["https://one.example.com", "http://127.1"]}, "invalid_url"),
        ({"workers": ["https://one.example.com", "http://192.168.0.7"]}, "address_forbidden"),
        ({"api_key_env": "DATABASE_PASSWORD"}, "invalid_upstream"),
        ({"api_key_env": "lower case"}, "invalid_request"),
    ],
)
async def test_definitions_that_will_not_do(
    change: dict[str, Any], problem: str, sign_in: Login
) -> None:
    client = await sign_in("owner")
    body = {"definition": OTHER | change}
    for answer in (
        await client.post("/upstreams", json=body),
        await client.post("/upstreams/test", json=body),
    ):
        assert (answer.status_code, code(answer)) == (422, problem)
        assert "passwd" not in answer.text


async def test_a_name_is_taken_once(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    answer = await client.post("/upstreams", json={"definition": UPSTREAM})
    assert (answer.status_code, code(answer)) == (409, "already_exists")


async def test_a_key_is_a_name_in_the_database_and_a_header_upstream(
    sign_in: Login, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await sign_in("owner")
    definition = OTHER | {"api_key_env": "UPSTREAM_KEY_OTHER"}
    created = await client.post("/upstreams", json={"definition": definition})
    assert (created.status_code, created.json()["state"]) == (201, "no_key")
    monkeypatch.setenv("UPSTREAM_KEY_OTHER", "a-very-secret-key")
    change = {"version": 1, "definition": definition}
    changed = await client.put("/upstreams/other", json=change)
    assert changed.json()["state"] == "serving"
    assert "a-very-secret-key" not in changed.text
    async with database.session() as session:
        rows = (await session.execute(text("SELECT definition FROM upstreams"))).all()
    assert "a-very-secret-key" not in str(rows)


async def _trail(database: Database) -> list[dict[str, Any]]:
    async with database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.kind == "admin")
        bodies = await session.scalars(query.order_by(AuditRecord.seq))
        return [json.loads(body) for body in bodies]
