import asyncio

import pytest
from sqlalchemy import select

from gateway.admin import AdminServices
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import PASSWORD, Login, World, code, email

NEW = {"email": "New.Person@Example.com", "password": "a long pass phrase"}


async def test_an_account_is_created_with_roles_and_can_sign_in(
    sign_in: Login, services: AdminServices
) -> None:
    client = await sign_in("admin")
    roles = [{"role": "viewer", "tenant": "acme"}, {"role": "auditor", "tenant": None}]
    answer = await client.post("/users", json=NEW | {"roles": roles})
    assert answer.status_code == 201
    assert answer.json()["email"] == "new.person@example.com"
    assert sorted(answer.json()["roles"], key=str) == sorted(roles, key=str)
    login = {"email": NEW["email"], "password": NEW["password"]}
    assert (await (await sign_in(None)).post("/login", json=login)).status_code == 200
    async with services.database.session() as session:
        bodies = str((await session.scalars(select(AuditRecord.body))).all())
    assert "user.create" in bodies
    assert "example.com" not in bodies


async def test_an_address_is_taken_once_in_any_case(sign_in: Login) -> None:
    client = await sign_in("owner")
    assert (await client.post("/users", json=NEW)).status_code == 201
    again = await client.post("/users", json=NEW | {"email": NEW["email"].upper()})
    assert (again.status_code, code(again)) == (409, "already_exists")


async def test_a_role_for_a_tenant_that_does_not_exist(sign_in: Login) -> None:
    client = await sign_in("owner")
    body = NEW | {"roles": [{"role": "viewer", "tenant": "no-such"}]}
    assert (await client.post("/users", json=body)).status_code == 404


@pytest.mark.parametrize("tenant", [None, "acme"])
async def test_only_owners_make_owners(sign_in: Login, world: World, tenant: str | None) -> None:
    roles = [{"role": "owner", "tenant": tenant}]
    admin, owner = await sign_in("admin"), await sign_in("owner")
    assert (await admin.post("/users", json=NEW | {"roles": roles})).status_code == 403
    url = f"/users/{world.users['viewer']}"
    assert (await admin.patch(url, json={"roles": roles})).status_code == 403
    assert (await owner.patch(url, json={"roles": roles})).json()["roles"] == roles


async def test_an_admin_does_not_touch_an_owner(sign_in: Login, world: World) -> None:
    client = await sign_in("admin")
    for change in ({"disabled": True}, {"password": PASSWORD * 2}, {"roles": []}):
        answer = await client.patch(f"/users/{world.users['owner']}", json=change)
        assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_the_last_owner_stays(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    url = f"/users/{world.users['owner']}"
    for change in (
        {"disabled": True},
        {"roles": []},
        {"roles": [{"role": "admin", "tenant": None}]},
    ):
        answer = await client.patch(url, json=change)
        assert (answer.status_code, code(answer)) == (409, "last_owner")
    owner = [{"role": "owner", "tenant": None}]
    await client.patch(f"/users/{world.users['viewer']}", json={"roles": owner})
    assert (await client.patch(url, json={"disabled": True})).status_code == 200


async def test_two_owners_cannot_remove_each_other(sign_in: Login, world: World) -> None:
    first = await sign_in("owner")
    grant = [{"role": "owner", "tenant": None}]
    await first.patch(f"/users/{world.users['viewer']}", json={"roles": grant})
    second = await sign_in("viewer")
    answers = await asyncio.gather(
        first.patch(f"/users/{world.users['viewer']}", json={"roles": []}),
        second.patch(f"/users/{world.users['owner']}", json={"roles": []}),
    )
    assert sorted(answer.is_success for answer in answers) == [False, True]


async def test_a_change_ends_the_sessions(sign_in: Login, world: World) -> None:
    owner, viewer = await sign_in("owner"), await sign_in("viewer")
    url = f"/users/{world.users['viewer']}"
    roles = [{"role": "viewer", "tenant": "acme"}]
    await owner.patch(url, json={"roles": roles})
    assert (await viewer.get("/me")).status_code == 401
    viewer = await sign_in("viewer")
    assert (await viewer.get("/tenants/globex")).status_code == 404


async def test_a_tenants_owner_sees_its_accounts_with_its_roles_only(
    sign_in: Login, world: World
) -> None:
    owner = await sign_in("owner")
    both = [{"role": "viewer", "tenant": "acme"}, {"role": "admin", "tenant": "globex"}]
    await owner.patch(f"/users/{world.users['viewer@acme']}", json={"roles": both})
    client = await sign_in("owner@acme")
    listed = await client.get("/users")
    assert "globex" not in listed.text
    assert {item["email"] for item in listed.json()["items"]} == {
        email(f"{role}@acme") for role in ("owner", "admin", "finance", "auditor", "viewer")
    }
    one = await client.get(f"/users/{world.users['viewer@acme']}")
    assert one.json()["roles"] == both[:1]
    assert (await client.get(f"/users/{world.users['admin@globex']}")).status_code == 404
    assert (await client.get(f"/users/{world.users['owner']}")).status_code == 404


async def test_a_short_password_is_refused_and_not_echoed(sign_in: Login) -> None:
    client = await sign_in("owner")
    answer = await client.post("/users", json=NEW | {"password": "hunter2"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "password")
    assert "hunter2" not in answer.text
