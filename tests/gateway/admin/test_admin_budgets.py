from datetime import timedelta

from sqlalchemy import select

from billing import adjust, models
from core.clock import ManualClock
from core.database import Database
from gateway.admin import AdminServices
from gateway.pseudonyms import end_user_pseudonym
from tests.gateway.admin.conftest import PEPPER, BudgetBell, Login, World, code


async def test_a_budget_is_created_changed_and_deleted(
    sign_in: Login, budget_bell: BudgetBell
) -> None:
    client = await sign_in("finance")
    body = {"limit_usd": "12.50", "period": "day"}
    answer = await client.post("/tenants/acme/budgets", json=body)
    assert answer.status_code == 201
    budget = answer.json()
    assert budget == {
        "id": budget["id"],
        "tenant": "acme",
        "organisation": None,
        "scope": "tenant",
        "scope_id": "acme",
        "period": "day",
        "hard": True,
        "limit_usd": "12.5",
        "raised_usd": "0",
        "raised_until": None,
        "spent_usd": "0",
        "reserved_usd": "0",
        "remaining_usd": "12.5",
        "alerts": {"thresholds": [], "webhooks": [], "emails": []},
        "period_start": "2026-11-21T00:00:00.000000Z",
        "period_end": "2026-11-22T00:00:00.000000Z",
    }
    url = f"/tenants/acme/budgets/{budget['id']}"
    changed = (await client.patch(url, json={"limit_usd": "3", "reason": "cut"})).json()
    assert changed == budget | {"limit_usd": "3", "remaining_usd": "3"}
    assert (await client.patch(url, json={"hard": False})).json()["hard"] is False
    assert (await client.delete(url)).status_code == 204
    assert (await client.patch(url, json={"limit_usd": "1"})).status_code == 404
    ids = [item["id"] for item in (await client.get("/tenants/acme/budgets")).json()["items"]]
    assert budget["id"] not in ids
    assert budget_bell.tenants == ["acme"] * 4


async def test_a_tenants_own_finance_bounds_its_parts_but_not_the_whole(
    sign_in: Login, world: World
) -> None:
    client = await sign_in("finance@acme")
    whole = {"limit_usd": "1000", "period": "total"}
    assert code(await client.post("/tenants/acme/budgets", json=whole)) == "forbidden"
    url = f"/tenants/acme/budgets/{world.acme.budget_id}"
    assert (await client.patch(url, json={"limit_usd": "1000"})).status_code == 403
    assert (await client.delete(url)).status_code == 403
    part = {"scope": "key", "scope_id": world.acme.key_id, "limit_usd": "1"}
    assert (await client.post("/tenants/acme/budgets", json=part)).status_code == 201
    url = f"/tenants/acme/budgets/{world.acme.project_budget_id}"
    assert (await client.patch(url, json={"limit_usd": "2"})).status_code == 200


async def test_a_second_budget_of_the_same_kind_is_a_conflict(sign_in: Login) -> None:
    client = await sign_in("owner")
    answer = await client.post("/tenants/acme/budgets", json={"limit_usd": "1"})
    assert (answer.status_code, code(answer)) == (409, "already_exists")


async def test_a_budget_bounds_what_its_tenant_has(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    foreign = {"scope": "project", "scope_id": world.globex.project_id, "limit_usd": "1"}
    assert (await client.post("/tenants/acme/budgets", json=foreign)).status_code == 404
    nameless = {"scope": "project", "limit_usd": "1"}
    assert (await client.post("/tenants/acme/budgets", json=nameless)).status_code == 422
    strange = {"scope": "tenant", "scope_id": "globex", "limit_usd": "1", "period": "day"}
    assert (await client.post("/tenants/acme/budgets", json=strange)).status_code == 422


async def test_a_budget_of_an_end_user_keeps_the_pseudonym_alone(
    sign_in: Login, database: Database
) -> None:
    client = await sign_in("finance@acme")
    common = {"scope": "end_user", "limit_usd": "1"}
    named = await client.post("/tenants/acme/budgets", json={**common, "end_user": "greta"})
    pseudonym = end_user_pseudonym(PEPPER, "acme", "greta")
    assert (named.status_code, named.json()["scope_id"]) == (201, pseudonym)
    assert "greta" not in named.text
    async with database.session() as session:
        assert "greta" not in str((await session.execute(select(models.Budget.scope_id))).all())
    for wanted in ({"scope_id": pseudonym, "period": "day"}, {"scope_id": "*"}):
        answer = await client.post("/tenants/acme/budgets", json=common | wanted)
        assert (answer.status_code, answer.json()["scope_id"]) == (201, wanted["scope_id"])
    for wrong, param in (
        ({}, "scope_id"),
        ({"scope_id": "greta"}, "scope_id"),
        ({"scope_id": "*", "end_user": "greta"}, "end_user"),
        ({"scope": "key", "end_user": "greta"}, "end_user"),
    ):
        answer = await client.post("/tenants/acme/budgets", json={**common, **wrong})
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)


async def test_a_raise_has_an_expiry_and_an_author(
    sign_in: Login, world: World, clock: ManualClock, budget_bell: BudgetBell
) -> None:
    client = await sign_in("finance@acme")
    url = f"/tenants/acme/budgets/{world.acme.project_budget_id}/raises"
    body = {"amount_usd": "2.50", "expires_at": "2026-11-22T00:00:00Z", "reason": "month end"}
    answer = await client.post(url, json=body)
    given = answer.json()
    assert (answer.status_code, given["status"], given["amount_usd"]) == (201, "active", "2.5")
    assert (given["author"], given["reason"]) == (world.users["finance@acme"], "month end")
    listed = (await client.get(url)).json()["items"]
    assert [one["id"] for one in listed] == [given["id"], world.acme.raise_id]
    budget = (await client.get("/tenants/acme/budgets")).json()["items"][1]
    assert (budget["limit_usd"], budget["raised_usd"], budget["remaining_usd"]) == (
        "5",
        "3.5",
        "8.5",
    )
    revoked = (await client.delete(f"{url}/{given['id']}")).json()
    assert (revoked["status"], revoked["revoked_by"]) == ("revoked", world.users["finance@acme"])
    assert budget_bell.tenants == ["acme", "acme"]
    clock.advance(timedelta(hours=2))
    assert [one["status"] for one in (await client.get(url)).json()["items"]] == [
        "revoked",
        "expired",
    ]
    for wrong, param in (
        ({"amount_usd": "0"}, "amount"),
        ({"expires_at": "2026-11-21T00:00:00Z"}, "expires_at"),
        ({"amount_usd": "-1"}, "amount_usd"),
    ):
        answer = await client.post(url, json=body | wrong)
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)


async def test_nobody_raises_the_ceiling_above_their_own_head(sign_in: Login, world: World) -> None:
    client = await sign_in("finance@acme")
    url = f"/tenants/acme/budgets/{world.acme.budget_id}/raises"
    body = {"amount_usd": "1", "expires_at": "2026-11-22T00:00:00Z"}
    assert code(await client.post(url, json=body)) == "forbidden"
    given = (await (await sign_in("finance")).post(url, json=body)).json()
    assert code(await client.delete(f"{url}/{given['id']}")) == "forbidden"


async def test_alerts_are_set_and_listed(
    sign_in: Login, world: World, services: AdminServices
) -> None:
    client = await sign_in("finance")
    rule = {"thresholds": [80, 50], "webhooks": ["finance"], "emails": ["CFO@example.com"]}
    body = {"limit_usd": "1", "period": "day", "hard": False, "alerts": rule}
    created = (await client.post("/tenants/acme/budgets", json=body)).json()
    assert created["alerts"] == {
        "thresholds": [50, 80],
        "webhooks": ["finance"],
        "emails": ["cfo@example.com"],
    }
    url = f"/tenants/acme/budgets/{created['id']}"
    for wrong, param in (
        ({**rule, "webhooks": ["no-such"]}, "alerts.webhooks"),
        ({**rule, "thresholds": []}, "alerts.thresholds"),
        ({**rule, "thresholds": [50, 50]}, "alerts.thresholds"),
    ):
        answer = await client.patch(url, json={"alerts": wrong})
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)
    async with services.database.transaction() as session:
        await adjust(
            session, services.clock, tenant="acme", amount="0.6", reason="agreed", author="usr_1"
        )
    reader = await sign_in("viewer@acme")
    listed = (await reader.get("/tenants/acme/alerts")).json()
    assert listed["webhooks"] == ["finance", "ops"]
    (alert,) = listed["items"]
    assert (alert["threshold_percent"], alert["spent_usd"]) == (50, "0.6")
    assert (alert["status"], alert["budget_id"]) == ("pending", created["id"])
    other = {"budget_id": world.acme.budget_id}
    assert (await reader.get("/tenants/acme/alerts", params=other)).json()["items"] == []


async def test_a_limit_is_exact_and_not_negative(sign_in: Login) -> None:
    client = await sign_in("owner")
    for limit in ("-1", "NaN", "1e3", "", "0.0000000000000000001", 1.5, None):
        body = {"limit_usd": limit, "period": "day"}
        answer = await client.post("/tenants/acme/budgets", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, "limit_usd")
