import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from gateway.admin import AdminServices
from gateway.audit.models import AuditRecord
from gateway.tenants.cache import KeyCache
from gateway.tenants.errors import TenantSuspended
from tests.gateway.admin.conftest import BudgetBell, Login, World, code


async def trail(services: AdminServices, tenant: str) -> list[dict[str, Any]]:
    """The admin actions of a tenant's chain."""
    async with services.database.session() as session:
        query = select(AuditRecord).where(AuditRecord.tenant == tenant).order_by(AuditRecord.seq)
        return [json.loads(row.body) for row in await session.scalars(query)]


async def test_a_tenant_is_created_listed_and_recorded(
    sign_in: Login, services: AdminServices, world: World
) -> None:
    client = await sign_in("admin")
    body = {"name": "initech", "display_name": "Initech Inc", "limits": {"rpm": 5}}
    answer = await client.post("/tenants", json=body)
    assert answer.status_code == 201
    assert answer.json() == {
        "name": "initech",
        "display_name": "Initech Inc",
        "status": "active",
        "policy": "default",
        "limits": {"rpm": 5, "tpm": None, "parallel": None},
        "organisation": None,
        "created_at": "2026-11-21T12:00:00.000000Z",
    }
    names = [item["name"] for item in (await client.get("/tenants")).json()["items"]]
    assert names == ["acme", "globex", "initech"]
    projects = (await client.get("/tenants/initech/projects")).json()["items"]
    assert [project["name"] for project in projects] == ["default"]
    (record,) = await trail(services, "initech")
    assert (record["action"], record["actor"]) == ("tenant.create", world.users["admin"])
    assert (record["before"], record["method"]) == (None, "session")


async def test_a_name_is_taken_once(sign_in: Login) -> None:
    client = await sign_in("owner")
    answer = await client.post("/tenants", json={"name": "acme"})
    assert (answer.status_code, code(answer)) == (409, "already_exists")


async def test_a_name_is_taken_once_also_at_the_same_moment(sign_in: Login) -> None:
    client = await sign_in("owner")
    calls = (client.post("/tenants", json={"name": "initech"}) for _ in range(6))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "name"),
    ({"name": "Acme"}, "name"),
    ({"name": "_system"}, "name"),
    ({"name": "a/b"}, "name"),
    ({"name": "x" * 64}, "name"),
    ({"name": "ok", "surprise": 1}, "surprise"),
    ({"name": "ok", "limits": {"rpm": -1}}, "limits.rpm"),
    ({"name": "ok", "limits": {"rpm": "5"}}, "limits.rpm"),
    ({"name": "ok", "policy": "no-such"}, "policy"),
]


async def test_a_wrong_field_is_named_and_its_value_is_not_echoed(sign_in: Login) -> None:
    client = await sign_in("owner")
    for body, param in WRONG:
        answer = await client.post("/tenants", json=body)
        assert answer.status_code == 422
        assert code(answer) in ("invalid_request", "invalid_value")
        assert answer.json()["error"]["param"] == param
        assert "x" * 64 not in answer.text
        assert "no-such" not in answer.text


async def test_a_suspension_holds_at_once_and_ends_again(
    sign_in: Login, world: World, key_cache: KeyCache, services: AdminServices
) -> None:
    client = await sign_in("owner")
    await key_cache.principal(world.acme.api_key)
    body = {"status": "suspended", "reason": "unpaid"}
    assert (await client.patch("/tenants/acme", json=body)).json()["status"] == "suspended"
    with pytest.raises(TenantSuspended):
        await key_cache.principal(world.acme.api_key)
    await client.patch("/tenants/acme", json={"status": "active"})
    await key_cache.principal(world.acme.api_key)
    suspended, activated = await trail(services, "acme")
    assert suspended["reason"] == "unpaid"
    assert suspended["after"] == activated["before"] != suspended["before"]


async def test_only_what_is_sent_changes(sign_in: Login) -> None:
    client = await sign_in("owner")
    before = (await client.get("/tenants/acme")).json()
    after = (await client.patch("/tenants/acme", json={"display_name": "Acme Ltd"})).json()
    assert after == before | {"display_name": "Acme Ltd"}
    after = (await client.patch("/tenants/acme", json={"limits": {"tpm": 7}})).json()
    assert after["limits"] == {"rpm": None, "tpm": 7, "parallel": None}


async def test_nobody_governs_their_own_tenant(sign_in: Login) -> None:
    client = await sign_in("owner@acme")
    for change in ({"status": "active"}, {"policy": "strict"}, {"limits": {"rpm": 10_000}}):
        answer = await client.patch("/tenants/acme", json=change)
        assert (answer.status_code, code(answer)) == (403, "forbidden")
    assert (await client.patch("/tenants/acme", json={"display_name": "A"})).status_code == 200


async def test_one_sees_the_tenants_of_ones_roles_only(sign_in: Login) -> None:
    client = await sign_in("auditor@globex")
    names = [item["name"] for item in (await client.get("/tenants")).json()["items"]]
    assert names == ["globex"]


async def test_a_tenant_that_does_not_exist(sign_in: Login) -> None:
    client = await sign_in("owner")
    assert (await client.get("/tenants/no-such")).status_code == 404


async def test_projects_have_names_of_their_own(sign_in: Login, services: AdminServices) -> None:
    client = await sign_in("admin@acme")
    created = await client.post("/tenants/acme/projects", json={"name": "search"})
    assert created.status_code == 201
    assert created.json()["id"].startswith("prj_")
    again = await client.post("/tenants/acme/projects", json={"name": "search"})
    assert (again.status_code, code(again)) == (409, "already_exists")
    assert [record["action"] for record in await trail(services, "acme")] == ["project.create"]


async def test_a_refused_change_leaves_no_record_and_no_trace(
    sign_in: Login, services: AdminServices, budget_bell: BudgetBell
) -> None:
    client = await sign_in("owner")
    await client.patch("/tenants/acme", json={"display_name": "New", "policy": "no-such"})
    assert await trail(services, "acme") == []
    assert (await client.get("/tenants/acme")).json()["display_name"] == "acme"
    assert budget_bell.tenants == []
