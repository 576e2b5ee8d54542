import json

import pytest
from sqlalchemy import select

from gateway.admin import AdminServices
from gateway.audit.models import AuditRecord
from gateway.tenants.cache import KeyCache
from gateway.tenants.errors import KeyRevoked
from gateway.tenants.limits import Limits
from gateway.tenants.models import VirtualKey
from tests.gateway.admin.conftest import Login, World, code


async def test_a_key_is_shown_once_and_works(
    sign_in: Login, key_cache: KeyCache, world: World, services: AdminServices
) -> None:
    client = await sign_in("admin@acme")
    body = {"name": "bot", "project_id": world.acme.project_id, "limits": {"rpm": 9}}
    created = (await client.post("/tenants/acme/keys", json=body)).json()
    api_key = created.pop("api_key")
    principal = await key_cache.principal(api_key)
    assert principal.key_id == created["id"]
    assert principal.limits == Limits(rpm=9)
    listed = await client.get("/tenants/acme/keys")
    assert created in listed.json()["items"]
    assert api_key not in listed.text
    assert created["prefix"] == api_key[:8]
    async with services.database.session() as session:
        rows = await session.scalars(select(VirtualKey))
        stored = [value for row in rows for value in vars(row).values()]
        bodies = (await session.scalars(select(AuditRecord.body))).all()
    assert api_key not in str(stored)
    assert api_key not in str(bodies)


async def test_a_revocation_holds_at_once_and_once(
    sign_in: Login, key_cache: KeyCache, world: World, services: AdminServices
) -> None:
    client = await sign_in("admin@acme")
    await key_cache.principal(world.acme.api_key)
    for _ in range(2):
        answer = await client.delete(f"/tenants/acme/keys/{world.acme.key_id}")
        assert answer.json()["status"] == "revoked"
        with pytest.raises(KeyRevoked):
            await key_cache.principal(world.acme.api_key)
    async with services.database.session() as session:
        bodies = await session.scalars(select(AuditRecord.body).where(AuditRecord.tenant == "acme"))
        actions = [json.loads(body)["action"] for body in bodies]
    assert actions == ["key.revoke"]


async def test_a_key_belongs_to_a_project_of_its_tenant(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    body = {"name": "bot", "project_id": world.globex.project_id}
    answer = await client.post("/tenants/acme/keys", json=body)
    assert (answer.status_code, code(answer)) == (404, "not_found")


async def test_an_expiry_lies_in_the_future(sign_in: Login) -> None:
    client = await sign_in("owner")
    body = {"name": "bot", "expires_at": "2026-11-21T12:00:00Z"}
    answer = await client.post("/tenants/acme/keys", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "expires_at")
    body["expires_at"] = "2026-11-21T14:00:00+01:00"
    answer = await client.post("/tenants/acme/keys", json=body)
    assert answer.json()["expires_at"] == "2026-11-21T13:00:00.000000Z"
    body["expires_at"] = "2026-11-22T12:00:00"  # without a zone
    assert (await client.post("/tenants/acme/keys", json=body)).status_code == 422
