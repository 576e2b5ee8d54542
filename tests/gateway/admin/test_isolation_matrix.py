"""Each operation against each role and each wrong credential, and what the answers hold.

Who may do what is read from the dependency in front of an endpoint and from
``gateway.admin.permissions``; a service may refuse more, never less. An answer to somebody of
another tenant holds nothing of what was planted in this one's objects.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from core.database import Database
from gateway.admin.app import ROUTERS
from gateway.admin.permissions import Permission, allows
from gateway.tenants.service import KeyService
from tests.gateway.admin.conftest import ACCOUNTS, PEPPER, Login, World, code
from tests.gateway.admin.test_isolation import BODIES, DOCUMENT, OPERATIONS, OWN, PUBLIC, url

ROLES = [name for name in ACCOUNTS if name != "nobody"]
# The rights of a role are the same rows on every database.
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _asked(dependant: Any) -> Iterator[tuple[str, Permission]]:
    """The permissions that an endpoint's dependencies ask for, with the name of their kind."""
    for dependency in dependant.dependencies:
        call = dependency.call
        names = getattr(getattr(call, "__code__", None), "co_freevars", ())
        if "permission" in names:
            cell = call.__closure__[names.index("permission")]
            yield call.__qualname__.partition(".")[0], cell.cell_contents
        yield from _asked(dependency)


NEEDS: dict[str, list[tuple[str, Permission]]] = {
    route.name: list(_asked(route.dependant))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
}


def canaries(world: World) -> list[str]:
    """What is acme's alone: ids, a key, names and amounts in its objects, its people."""
    acme = world.acme
    objects = [
        value
        for name, value in vars_of(acme).items()
        if name not in {"tenant", "deployment_job_id"} and value
    ]
    people = [f"{name.replace('@', '.')}@example.com" for name in ACCOUNTS if "@acme" in name]
    ids = [user_id for name, user_id in world.users.items() if "@acme" in name]
    return [*objects, *people, *ids, "acme Ltd", "AC-", acme.api_key[:8]]


def vars_of(estate: Any) -> dict[str, str]:
    return {name: getattr(estate, name) for name in estate.__dataclass_fields__}


def assert_silent(answer: httpx.Response, world: World, sent: str) -> None:
    """Nothing of acme is in the answer, but what the caller itself wrote."""
    seen = answer.text + str(answer.headers)
    leaked = [value for value in canaries(world) if value in seen and value not in sent]
    assert leaked == [], (sent, leaked)


def test_every_operation_asks_for_a_permission() -> None:
    names = {name for _, _, name in OPERATIONS}
    assert names == set(NEEDS)
    without = {name for name, asked in NEEDS.items() if not asked}
    assert without == PUBLIC | OWN
    assert len(names) > 80


@ON_ONE_DATABASE
@pytest.mark.parametrize("account", ROLES)
async def test_a_role_gets_what_the_table_gives_it_and_no_more(
    account: str, sign_in: Login, world: World
) -> None:
    client = await sign_in(account)
    grant = ACCOUNTS[account]
    assert grant is not None
    refused = 0
    for method, path, name in OPERATIONS:
        if name in PUBLIC | OWN:
            continue
        tenant = "acme" if "{tenant}" in path else None
        kind, permission = NEEDS[name][0]
        where = [tenant] if tenant or kind == "globally" else [None, grant.tenant]
        if any(allows([grant], permission, one) for one in where):
            continue
        target = url(path, world, world.users["admin@acme"])
        answer = await client.request(method, target, json=BODIES.get(name))
        hidden = tenant is not None and grant.tenant not in (None, "acme")
        expected = (404, "not_found") if hidden else (403, "forbidden")
        assert (name, answer.status_code, code(answer)) == (name, *expected)
        assert_silent(answer, world, target)
        refused += 1
    assert refused > (0 if account == "owner" else 5) or account == "owner"


@ON_ONE_DATABASE
async def test_wrong_credentials_open_nothing(
    sign_in: Login, world: World, database: Database, api: Any
) -> None:
    """An API key is no session, an ended session is none, and a half of one is none."""
    ended = await sign_in("owner")
    token = ended.cookies["sovgate_session"]
    await ended.post("/logout")
    client = await sign_in(None)
    credentials = [
        {"Authorization": f"Bearer {world.acme.api_key}"},
        {"x-api-key": world.acme.api_key},
        {"Authorization": f"Bearer {token}"},
        {"Cookie": f"sovgate_session={token}"},
        {"Cookie": f"sovgate_session={token[:-1]}"},
        {"Authorization": f"Basic {token}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {PEPPER.decode()}"},
    ]
    for method, path, name in OPERATIONS:
        if name in PUBLIC:
            continue
        target = url(path, world, world.users["admin@acme"])
        for headers in credentials:
            answer = await client.request(method, target, json=BODIES.get(name), headers=headers)
            assert (name, answer.status_code, code(answer)) == (name, 401, "not_signed_in")
            assert_silent(answer, world, target)


async def test_no_answer_to_another_tenant_holds_a_byte_of_this_one(
    sign_in: Login, world: World
) -> None:
    client = await sign_in("owner@globex")
    for method, path, name in OPERATIONS:
        if name in PUBLIC | {"logout", "logout_everywhere", "change_password"}:
            continue
        for tenant in ("acme", "globex"):
            target = url(path, world, world.users["admin@acme"])
            target = target.replace("/tenants/acme", f"/tenants/{tenant}")
            answer = await client.request(method, target, json=BODIES.get(name))
            sent = target + str(BODIES.get(name))
            assert_silent(answer, world, sent)


def _swapped(name: str, value: Any) -> str | list[str] | None:
    """Whether a field names objects, by its name."""
    if name.endswith("_ids"):
        return [value]
    return value if name.endswith("_id") or name in {"project", "key", "user", "actor"} else None


@ON_ONE_DATABASE
async def test_another_tenants_ids_in_queries(sign_in: Login, world: World) -> None:
    client = await sign_in("owner@globex")
    tried = 0
    for method, path, _ in OPERATIONS:
        parameters = DOCUMENT["paths"][path][method.lower()].get("parameters", ())
        for parameter in parameters:
            if parameter["in"] != "query":
                continue
            values = [*vars_of(world.acme).values(), *world.users.values()]
            values = ["acme"] if parameter["name"] == "tenant" else values
            if parameter["name"] != "tenant" and _swapped(parameter["name"], "x") is None:
                continue
            target = url(path, world, "").replace("/tenants/acme", "/tenants/globex")
            for value in values:
                answer = await client.request(method, target, params={parameter["name"]: value})
                assert answer.status_code < 500
                assert_silent(answer, world, target + value)
                tried += 1
    assert tried > 50


FREE_TEXTS = {"tax_id", "request_id"}


async def test_another_tenants_ids_in_bodies(sign_in: Login, world: World) -> None:
    client = await sign_in("owner@globex")
    schemas = DOCUMENT["components"]["schemas"]
    tried = set()
    for method, path, name in OPERATIONS:
        if name not in BODIES or "{tenant}" not in path:
            continue
        content = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]
        reference = content["application/json"]["schema"].get("$ref", "").rpartition("/")[2]
        for field in schemas.get(reference, {}).get("properties", ()):
            for value in vars_of(world.acme).values():
                swapped = _swapped(field, value)
                # A hold filters its own tenant's trail; the others are free texts.
                if swapped is None or name == "create_hold" or field in FREE_TEXTS:
                    continue
                target = url(path, world, "").replace("/tenants/acme", "/tenants/globex")
                body = {**BODIES[name], field: swapped}
                if field == "scope_id":
                    body["scope"] = "project" if value == world.acme.project_id else "key"
                answer = await client.request(method, target, json=body)
                assert answer.status_code in (403, 404, 422), (name, field)
                assert_silent(answer, world, target + str(body))
                tried.add((name, field))
    assert {("create_key", "project_id"), ("create_budget", "scope_id")} <= tried


@ON_ONE_DATABASE
async def test_a_revoked_key_is_no_session_either(
    sign_in: Login, world: World, services: Any
) -> None:
    async with services.database.transaction() as session:
        keys = KeyService(session, services.clock, PEPPER)
        key, value = await keys.create_key("acme", world.acme.project_id, "gone")
        await keys.revoke_key("acme", key.id)
    client = await sign_in(None)
    answer = await client.get("/tenants", headers={"Authorization": f"Bearer {value}"})
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")
