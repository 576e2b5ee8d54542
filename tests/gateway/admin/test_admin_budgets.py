from tests.gateway.admin.conftest import BudgetBell, Login, World, code


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
        "scope": "tenant",
        "scope_id": "acme",
        "period": "day",
        "hard": True,
        "limit_usd": "12.5",
        "spent_usd": "0",
        "reserved_usd": "0",
        "remaining_usd": "12.5",
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


async def test_a_limit_is_exact_and_not_negative(sign_in: Login) -> None:
    client = await sign_in("owner")
    for limit in ("-1", "NaN", "1e3", "", "0.0000000000000000001", 1.5, None):
        body = {"limit_usd": limit, "period": "day"}
        answer = await client.post("/tenants/acme/budgets", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, "limit_usd")
