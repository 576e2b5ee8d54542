"""Every operation of the OpenAPI document that changes something leaves a record, in the same
transaction; reasons are kept, masked, and demanded where the deployment says so."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Mount

from core.database import Base, Database
from gateway.admin import MOUNT, AdminOptions, AdminServices, create_admin_api
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import PASSWORD, Login, World, code, email
from tests.gateway.admin.test_isolation import BODIES, OPERATIONS, furnish, url

CHANGING = [operation for operation in OPERATIONS if operation[0] != "GET"]
# Sent by POST for the size of what is asked, but they change nothing.
UNRECORDED = {"check_recognizer", "check_upstream", "propose_prices", "explain_price"}
# Recorded, but nothing that a reason is owed for.
WITHOUT_REASON = {
    "login",
    "logout",
    "logout_everywhere",
    "change_password",
    "explain_text",
    "verify_audit_chain",
}
REASON = {"x-sovgate-reason": "as agreed"}


@asynccontextmanager
async def _owner(api: FastAPI, *, signed_in: bool) -> AsyncIterator[httpx.AsyncClient]:
    """An owner of the deployment."""
    app = Starlette(routes=[Mount(MOUNT, app=api)])
    base = f"http://gateway{MOUNT}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
        if signed_in:
            body = {"email": email("owner"), "password": PASSWORD}
            answer = await client.post("/login", json=body)
            client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


async def _everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    async with database.session() as session:
        return {
            table.name: sorted(map(tuple, (await session.execute(select(table))).all()), key=repr)
            for table in Base.metadata.sorted_tables
        }


async def _records(database: Database) -> list[dict[str, Any]]:
    """Of all chains, the oldest first."""
    async with database.session() as session:
        query = select(AuditRecord.body).order_by(AuditRecord.time, AuditRecord.seq)
        return [json.loads(body) for body in await session.scalars(query)]


def _body(name: str) -> Any:
    if name == "login":
        return {"email": email("owner"), "password": PASSWORD}
    if name == "change_password":
        return {"current_password": PASSWORD, "new_password": PASSWORD}
    body = BODIES.get(name)
    # The header alone is looked at here; a reason in a body counts as well.
    return {**body, "reason": "as agreed"} if body and "reason" in body else body


async def test_every_change_leaves_a_record_or_does_not_happen(
    services: AdminServices, world: World, database: Database, tmp_path: Path
) -> None:
    await furnish(services, tmp_path)
    api = create_admin_api(replace(services, options=AdminOptions(require_reason=True)))
    assert len(CHANGING) > 30
    for method, path, name in CHANGING:
        target, body = url(path, world, world.users["viewer"]), _body(name)
        async with _owner(api, signed_in=name != "login") as client:
            if name not in UNRECORDED | WITHOUT_REASON and "reason" not in (body or {}):
                before = await _everything(database)
                refused = await client.request(method, target, json=body)
                assert (name, refused.status_code) == (name, 422)
                assert code(refused) == "reason_required"
                # The record that could not be made took its change along.
                assert await _everything(database) == before
            known = {record["request_id"] for record in await _records(database)}
            answer = await client.request(method, target, json=body, headers=REASON)
            assert answer.is_success, (name, answer.text)
        new = [r for r in await _records(database) if r["request_id"] not in known]
        assert bool(new) == (name not in UNRECORDED), name
        for record in new:
            assert record["kind"] == "admin"
            assert record["actor"] == world.users["owner"]
            assert record["method"] == "session"
            if name not in WITHOUT_REASON:
                assert (name, record["reason"]) == (name, "as agreed")


async def test_signing_in_and_out_leaves_records(
    sign_in: Login, world: World, database: Database
) -> None:
    viewer = world.users["viewer"]
    client = await sign_in("viewer")
    other = await sign_in("viewer")

    async def attempt(address: str, password: str) -> int:
        body = {"email": address, "password": password}
        return (await (await sign_in(None)).post("/login", json=body)).status_code

    body = {"current_password": "wrong", "new_password": "quite another phrase"}
    assert (await client.post("/me/password", json=body)).status_code == 401
    body["current_password"] = PASSWORD
    assert (await client.post("/me/password", json=body)).status_code == 204
    assert (await other.get("/me")).status_code == 401
    assert (await client.post("/logout")).status_code == 204
    assert [await attempt(email("viewer"), "wrong") for _ in range(7)] == [401] * 5 + [429] * 2
    assert await attempt("stranger@example.com", "wrong") == 401
    found = [
        (record["action"], record["actor"], record["method"]) for record in await _records(database)
    ]
    assert found[-11:] == [
        ("user.password_failed", viewer, "password"),
        ("user.password", viewer, "session"),
        ("session.revoke", viewer, "session"),
        ("logout", viewer, "session"),
        *[("login.failed", viewer, "password")] * 5,
        # Once, however often the throttle refuses after that.
        ("login.throttled", viewer, "password"),
        ("login.failed", "unknown", "password"),
    ]
    dump = json.dumps(await _records(database))
    assert "stranger" not in dump
    assert "wrong" not in dump


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"end of contract", "end of contract"),
        (b"  two\t words ", "two words"),
        (
            b"Vertragsende f%C3%BCr Projekt 7, 100% sicher",
            "Vertragsende für Projekt 7, 100% sicher",
        ),
        ("für Projekt 7".encode(), "für Projekt 7"),
        (b"asked by greta@example.com today", "asked by [EMAIL_ADDRESS] today"),
        (b"line%0D%0Abreak%00%E2%80%A8end", "line break end"),
        (b"", None),
    ],
)
async def test_a_reason_is_kept_without_personal_data(
    sign_in: Login, world: World, database: Database, sent: bytes, kept: str | None
) -> None:
    client = await sign_in("owner")
    headers = httpx.Headers([(b"x-sovgate-reason", sent)])
    answer = await client.post("/tenants/acme/projects", json={"name": "new"}, headers=headers)
    assert answer.status_code == 201, answer.text
    (record,) = [r for r in await _records(database) if r["action"] == "project.create"]
    assert record["reason"] == kept


async def test_a_reason_of_the_body_is_masked_too_and_comes_first(
    sign_in: Login, world: World, database: Database
) -> None:
    client = await sign_in("owner")
    body = {"display_name": "Other", "reason": "for greta@example.com"}
    await client.patch("/tenants/acme", json=body, headers=REASON)
    (record,) = [r for r in await _records(database) if r["action"] == "tenant.update"]
    assert record["reason"] == "for [EMAIL_ADDRESS]"


@pytest.mark.parametrize("sent", [b"x" * 501, b"%FF%FE", b"\xff", b"%20" * 3000 + b"x"])
async def test_what_is_no_reason_is_refused(
    sign_in: Login, world: World, database: Database, sent: bytes
) -> None:
    client = await sign_in("owner")
    headers = httpx.Headers([(b"x-sovgate-reason", sent)])
    before = await _everything(database)
    answer = await client.post("/tenants/acme/projects", json={"name": "new"}, headers=headers)
    assert (answer.status_code, code(answer)) == (422, "invalid_reason")
    assert await _everything(database) == before


async def test_an_object_is_found_again_by_its_digest(
    sign_in: Login, world: World, database: Database
) -> None:
    """What an auditor does: the digest of what the API shows is the record's."""
    from gateway.audit.admin import object_digest

    client = await sign_in("owner")
    before = (await client.get("/tenants/acme")).json()
    await client.patch("/tenants/acme", json={"limits": {"rpm": 7}})
    after = (await client.get("/tenants/acme")).json()
    (record,) = [r for r in await _records(database) if r["action"] == "tenant.update"]
    assert (record["before"], record["after"]) == (object_digest(before), object_digest(after))
    assert record["before"] != record["after"]
