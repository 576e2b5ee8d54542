from gateway.tenants.cache import KeyCache
from tests.gateway.admin.conftest import BudgetBell, Login, World, code


async def test_an_organisation_is_created_and_tenants_are_put_into_it(
    sign_in: Login, world: World, key_cache: KeyCache
) -> None:
    client = await sign_in("admin")
    answer = await client.post("/organisations", json={"name": "holding"})
    assert (answer.status_code, answer.json()["display_name"]) == (201, "holding")
    assert code(await client.post("/organisations", json={"name": "holding"})) == "already_exists"
    names = [one["name"] for one in (await client.get("/organisations")).json()["items"]]
    assert names == ["group", "holding"]
    assert (await key_cache.principal(world.acme.api_key)).organisation is None
    moved = await client.patch("/tenants/acme", json={"organisation": "holding"})
    assert moved.json()["organisation"] == "holding"
    assert (await key_cache.principal(world.acme.api_key)).organisation == "holding"
    unknown = await client.patch("/tenants/acme", json={"organisation": "no-such"})
    assert (unknown.status_code, code(unknown)) == (404, "not_found")
    created = await client.post("/tenants", json={"name": "initech", "organisation": "holding"})
    assert created.json()["organisation"] == "holding"
    left = await client.patch("/tenants/acme", json={"organisation": ""})
    assert left.json()["organisation"] is None
    assert (await key_cache.principal(world.acme.api_key)).organisation is None


async def test_a_tenants_own_people_do_not_leave_their_organisation(sign_in: Login) -> None:
    client = await sign_in("owner@acme")
    answer = await client.patch("/tenants/acme", json={"organisation": ""})
    assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_a_budget_of_an_organisation(
    sign_in: Login, world: World, budget_bell: BudgetBell
) -> None:
    client = await sign_in("finance")
    url = "/organisations/group/budgets"
    body = {"limit_usd": "5", "period": "day", "alerts": {"thresholds": [80]}}
    created = (await client.post(url, json=body)).json()
    assert (created["tenant"], created["organisation"]) == (None, "group")
    assert (created["scope"], created["scope_id"]) == ("organisation", "group")
    assert created["alerts"]["thresholds"] == [80]
    assert code(await client.post(url, json=body)) == "already_exists"
    one = f"{url}/{created['id']}"
    assert (await client.patch(one, json={"limit_usd": "6"})).json()["limit_usd"] == "6"
    given = {"amount_usd": "1", "expires_at": "2026-11-22T00:00:00Z"}
    raised = (await client.post(f"{one}/raises", json=given)).json()
    assert (await client.get(url)).json()["items"][1]["remaining_usd"] == "7"
    assert (await client.delete(f"{one}/raises/{raised['id']}")).json()["status"] == "revoked"
    assert (await client.delete(one)).status_code == 204
    ids = [item["id"] for item in (await client.get(url)).json()["items"]]
    assert ids == [world.organisation_budget_id]
    assert budget_bell.tenants == ["@group"] * 5
    assert (await client.get("/organisations/group/alerts")).json()["items"] == []


async def test_it_is_no_tenants_budget(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    url = f"/tenants/acme/budgets/{world.organisation_budget_id}"
    assert code(await client.patch(url, json={"limit_usd": "1"})) == "unknown_budget"
    assert (await client.get("/organisations/no-such/budgets")).status_code == 404
    body = {"scope": "organisation", "limit_usd": "1"}
    assert (await client.post("/tenants/acme/budgets", json=body)).status_code == 422


async def test_what_is_done_stands_in_the_deployments_trail(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    await client.post("/organisations/group/budgets", json={"limit_usd": "1", "period": "day"})
    records = (await client.get("/tenants/_system/audit")).json()["items"]
    actions = {one["body"]["action"] for one in records}
    assert "budget.create" in actions
