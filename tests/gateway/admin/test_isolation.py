"""Every operation of the OpenAPI document against callers who must not get through."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.admin import AdminServices, openapi_document
from gateway.archive import BodySealer, BodySink
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.retention.models import AuditHold
from tests.gateway.admin.conftest import BADGE, UPSTREAM, Login, World, code

_SPAN = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"}
_RAISE = {"amount_usd": "1", "expires_at": "2026-11-22T00:00:00Z"}
BODIES: dict[str, dict[str, Any]] = {
    "login": {"email": "a@example.com", "password": "wrong"},
    "change_password": {"current_password": "wrong", "new_password": "another pass phrase"},
    "create_tenant": {"name": "initech"},
    "update_tenant": {"display_name": "Other"},
    "create_project": {"name": "other"},
    "create_key": {"name": "other"},
    "create_budget": {"limit_usd": "1", "period": "day"},
    "update_budget": {"limit_usd": "1"},
    "give_raise": _RAISE,
    "create_organisation": {"name": "other"},
    "create_organisation_budget": {"limit_usd": "1", "period": "day"},
    "update_organisation_budget": {"limit_usd": "1"},
    "give_organisation_raise": _RAISE,
    "put_billing_profile": {"legal_name": "Other Ltd", "address": "Elsewhere"},
    "draft_invoice": {"month": "2026-10"},
    "finalise_invoice": {},
    "create_credit_note": {"reason": "outage"},
    "create_adjustment": {"amount_usd": "-0.01", "reason": "goodwill"},
    "rerate_ledger": _SPAN,
    "create_export": {"kind": "usage", "format": "csv", **_SPAN},
    "start_deployment_job": {"kind": "retention"},
    "create_recognizer": {"definition": {**BADGE, "name": "other"}},
    "check_recognizer": {"definition": BADGE},
    "update_recognizer": {"version": 1, "definition": BADGE},
    "explain_text": {"text": "greta@example.com"},
    "create_prices": {
        "entries": [
            {
                "kind": "price",
                "body": {
                    "model": "other",
                    "effective_from": "2026-01-01",
                    "input": "1",
                    "output": "2",
                },
            }
        ]
    },
    "propose_prices": {"models": ["gpt-5.5"]},
    "explain_price": {"model": "sov-flash", "input_tokens": 10},
    "archive_price": {"reason": "contract ended"},
    "create_upstream": {"definition": {**UPSTREAM, "name": "other"}},
    "update_upstream": {"version": 1, "definition": UPSTREAM},
    "check_upstream": {"definition": {**UPSTREAM, "name": "other"}},
    "open_stored_body": {"reason": "case 7"},
    "create_hold": {"reason": "case 7", "request_ids": ["req_other"]},
    "release_hold": {"reason": "case closed"},
    "erase_end_user": {"reason": "asked for", "pseudonym": "eu_" + "0" * 24},
    "create_user": {"email": "new@example.com", "password": "a long pass phrase"},
    "update_user": {"disabled": True},
}
DOCUMENT: dict[str, Any] = openapi_document()
OPERATIONS = [
    (method.upper(), path, operation["operationId"])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
PUBLIC = {"login"}
# What needs a session but no role.
OWN = {"logout", "logout_everywhere", "get_me", "change_password"}
VIEWER_MAY = {
    "get_overview",
    "list_tenants",
    "get_tenant",
    "list_projects",
    "list_keys",
    "list_budgets",
    "list_raises",
    "list_alerts",
    "get_usage",
    "get_usage_of_tenants",
    "get_savings",
    "get_plan",
}
GLOBAL_VIEWER_MAY = {
    "get_system",
    "list_organisations",
    "list_organisation_budgets",
    "list_organisation_raises",
    "list_organisation_alerts",
}
# What a tenant without any usage, or a call without its baseline, gets to hear.
WITHOUT_USAGE = {"get_plan": 422, "get_savings": 422}
# Refused to a tenant's own people before it is looked whose object it is.
GLOBAL_ROLES_ONLY = {"finalise_invoice", "create_credit_note"}
# Not of one tenant: they answer with what the caller may see, which is tested where they are.
SCOPED_BY_ANSWER = {
    "get_overview",
    "get_usage_of_tenants",
    "list_tenants",
    "list_users",
    "list_prices",
    "explain_price",
}


@pytest.fixture
async def world(world: World, services: AdminServices, tmp_path: Path) -> World:
    await furnish(services, tmp_path)
    return world


async def furnish(services: AdminServices, tmp_path: Path) -> None:
    """A request of each tenant's in the trail, signed, and what is stored of it."""
    entries = [Entry(tenant, f"req_{tenant}", "request", {}) for tenant in ("acme", "globex")]
    chain = AuditChain(services.clock, SigningKey.load_or_create(None, tmp_path / "keys"))
    async with services.database.transaction() as session:
        await chain.append(session, entries)
        for tenant in ("acme", "globex"):
            await chain.checkpoint(session, tenant)
    for tenant in ("acme", "globex"):
        await _with_content(services, tenant)


async def _with_content(services: AdminServices, tenant: str) -> None:
    """A stored body of the tenant's request, and a hold that is called after the tenant."""
    now = services.clock.now()
    sealer = BodySealer(services.database, services.clock, services.trail.wrapper)
    await sealer.prepare(tenant)
    body = sealer.seal(
        tenant, f"req_{tenant}", "prompt", b"{}", owner="eu_1", expires=now + timedelta(days=1)
    )
    async with services.database.transaction() as session:
        await BodySink(sealer, services.clock).store(session, [body.to_json()])
        session.add(
            AuditHold(
                id=f"hold_{tenant}",
                tenant=tenant,
                reason="case 6",
                created_by="cli",
                created_at=now,
                request_ids=["req_none"],
            )
        )


def url(path: str, world: World, user_id: str) -> str:
    """With acme's objects, or those of the organisation."""
    estate, shared = world.acme, "{organisation}" in path
    return path.format(
        organisation="group",
        tenant=estate.tenant,
        job_id=estate.export_id if "{tenant}" in path else estate.deployment_job_id,
        key_id=estate.key_id,
        budget_id=world.organisation_budget_id if shared else estate.project_budget_id,
        raise_id=world.organisation_raise_id if shared else estate.raise_id,
        export_id=estate.export_id,
        recognizer_id=estate.recognizer_id,
        invoice_id=estate.invoice_id,
        entry_id=estate.price_id,
        record_id=f"req_{estate.tenant}",
        request_id=f"req_{estate.tenant}",
        hold_id=f"hold_{estate.tenant}",
        user_id=user_id,
        name="stored",
    )


def test_every_body_is_known_here() -> None:
    with_body = {
        name
        for method, path, name in OPERATIONS
        if "requestBody" in DOCUMENT["paths"][path][method.lower()]
    }
    assert with_body == set(BODIES)
    assert len(OPERATIONS) >= 29


@pytest.mark.parametrize("token", [None, "made-up"])
async def test_without_a_session(token: str | None, sign_in: Login, world: World) -> None:
    client = await sign_in(None)
    if token:
        client.headers["Authorization"] = f"Bearer {token}"
    for method, path, name in OPERATIONS:
        target = url(path, world, world.users["viewer@acme"])
        answer = await client.request(method, target, json=BODIES.get(name))
        expected = "login_failed" if name in PUBLIC else "not_signed_in"
        assert (name, answer.status_code, code(answer)) == (name, 401, expected)


@pytest.mark.parametrize("account", ["viewer@acme", "viewer"])
async def test_as_a_viewer(account: str, sign_in: Login, world: World) -> None:
    client = await sign_in(account)
    allowed = VIEWER_MAY | (GLOBAL_VIEWER_MAY if account == "viewer" else set())
    for method, path, name in OPERATIONS:
        if name in PUBLIC | OWN:
            continue
        target = url(path, world, world.users["admin@acme"])
        answer = await client.request(method, target, json=BODIES.get(name))
        expected = WITHOUT_USAGE.get(name, 200) if name in allowed else 403
        assert (name, answer.status_code) == (name, expected)
        if name not in allowed:
            assert code(answer) == "forbidden"


@pytest.mark.parametrize("account", ["owner@globex", "admin@globex", "nobody"])
async def test_as_someone_of_another_tenant(account: str, sign_in: Login, world: World) -> None:
    client = await sign_in(account)
    for method, path, name in OPERATIONS:
        if name in PUBLIC | OWN:
            continue
        target = url(path, world, world.users["admin@acme"])
        answer = await client.request(method, target, json=BODIES.get(name))
        if name in SCOPED_BY_ANSWER and account != "nobody":
            assert (name, answer.status_code) == (name, 200)
            assert "acme" not in answer.text
        elif "{tenant}" in path:
            assert (name, answer.status_code, code(answer)) == (name, 404, "not_found")
        else:
            assert (name, answer.status_code) in {(name, 403), (name, 404)}


@pytest.mark.parametrize("account", ["owner@globex", "owner"])
async def test_another_tenants_object_under_ones_own_tenant(
    account: str, sign_in: Login, world: World
) -> None:
    client = await sign_in(account)
    tried = 0
    for method, path, name in OPERATIONS:
        if "{tenant}" not in path or path.count("{") < 2:
            continue
        target = url(path, world, "").replace("/tenants/acme/", "/tenants/globex/")
        answer = await client.request(method, target, json=BODIES.get(name))
        refused = 403 if name in GLOBAL_ROLES_ONLY and account != "owner" else 404
        assert (name, answer.status_code) == (name, refused)
        tried += 1
    assert tried >= 5


async def test_the_cookie_without_its_csrf_token_changes_nothing(
    sign_in: Login, world: World
) -> None:
    client = await sign_in("owner")
    other = (await (await sign_in("owner")).get("/me")).json()["csrf_token"]
    for method, path, name in OPERATIONS:
        if method == "GET" or name in PUBLIC:
            continue
        target = url(path, world, world.users["viewer"])
        for token in ("", "made-up", other):
            answer = await client.request(
                method, target, json=BODIES.get(name), headers={"X-CSRF-Token": token}
            )
            assert (name, answer.status_code, code(answer)) == (name, 403, "csrf_failed")


async def test_an_owner_gets_through(sign_in: Login, world: World) -> None:
    """Otherwise the tests above would prove nothing."""
    client = await sign_in("owner")
    for method, path, name in OPERATIONS:
        if name in PUBLIC | {"change_password", "download_export", "logout", "logout_everywhere"}:
            continue
        target = url(path, world, world.users["viewer"])
        answer = await client.request(method, target, json=BODIES.get(name))
        if name in WITHOUT_USAGE:
            assert answer.status_code == WITHOUT_USAGE[name]
        else:
            assert answer.is_success, (name, answer.text)
        assert str(answer.status_code) in DOCUMENT["paths"][path][method.lower()]["responses"]
