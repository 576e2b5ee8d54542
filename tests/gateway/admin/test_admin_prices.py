"""The price book by the API: scopes, changes, proposals; who may not is in test_isolation."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from core.database import Database
from gateway.admin import AdminServices
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import Login, World, code

PRO = {"model": "pro", "effective_from": "2026-01-01", "input": "0.66", "output": "1.98"}


def new(body: dict[str, Any], kind: str = "price") -> dict[str, Any]:
    return {"entries": [{"kind": kind, "body": body}]}


async def test_without_a_session(sign_in: Login) -> None:
    client = await sign_in(None)
    answer = await client.get("/prices")
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")


async def test_the_prices_of_another_tenant_do_not_exist(sign_in: Login, world: World) -> None:
    client = await sign_in("finance@globex")
    answer = await client.get("/prices", params={"tenant": "acme"})
    assert (answer.status_code, code(answer)) == (404, "not_found")
    answer = await client.post("/prices/explain", json={"model": "sov-flash", "tenant": "acme"})
    assert (answer.status_code, code(answer)) == (404, "not_found")
    items = (await client.get("/prices")).json()["items"]
    assert [(item["tenant"], item["source"]) for item in items] == [
        (None, "file"),
        ("globex", "database"),
    ]
    assert items[1]["author"] is None  # who and why may be about others


async def test_those_with_a_global_role_see_all(sign_in: Login, world: World) -> None:
    client = await sign_in("auditor")
    body = (await client.get("/prices")).json()
    assert {(item["tenant"], item["source"], item["state"]) for item in body["items"]} == {
        (None, "file", "in_force"),
        ("acme", "database", "in_force"),
        ("globex", "database", "in_force"),
    }
    assert (body["currency"], body["unpriced"]) == ("USD", [])
    shown = (await client.get("/prices", params={"tenant": "acme"})).json()["items"]
    assert [(item["tenant"], item["reason"]) for item in shown] == [(None, None), ("acme", "acme")]
    assert (await client.get("/prices", params={"model": "p*"})).json()["items"] == []
    earlier = (await client.get("/prices", params={"at": "2025-01-01T00:00:00Z"})).json()
    assert {item["state"] for item in earlier["items"]} == {"future"}
    assert earlier["unpriced"] == ["sov-flash"]


@pytest.mark.parametrize("account", ["owner@acme", "finance@acme", "auditor"])
async def test_changing_needs_a_global_role(account: str, sign_in: Login, world: World) -> None:
    client = await sign_in(account)
    answer = await client.post("/prices", json=new(PRO))
    assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_an_added_price_is_charged_at_once(
    sign_in: Login, services: AdminServices, world: World
) -> None:
    client = await sign_in("finance")
    answer = await client.post("/prices", json=new(PRO) | {"reason": "list of May"})
    assert answer.status_code == 201, answer.text
    [entry] = answer.json()["items"]
    assert (entry["state"], entry["author"], entry["reason"]) == (
        "in_force",
        world.users["finance"],
        "list of May",
    )
    assert entry["body"]["input"] == "0.66"
    assert services.prices.desk.version_for("pro", services.clock.now()).id == entry["version"]

    url = f"/prices/{entry['id']}/archive"
    archived = await client.post(url, json={})
    assert (archived.status_code, archived.json()["state"]) == (200, "archived")
    again = await client.post(url, json={})
    assert (again.status_code, code(again)) == (404, "unknown_price_entry")
    answer = await client.post("/prices/explain", json={"model": "pro"})
    assert (answer.status_code, code(answer)) == (404, "unpriced_model")


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (new(PRO | {"input": 0.66}), 422, "invalid_request"),
    (new(PRO | {"colour": "red"}), 422, "invalid_request"),
    (new(PRO, "discount"), 422, "invalid_request"),
    (new(PRO | {"per": 7}), 422, "invalid_price"),
    (new(PRO | {"currency": "CNY"}), 422, "mixed_currencies"),
    (new(PRO | {"model": "sov-flash"}), 409, "named_in_file"),
    (new(PRO | {"model": "sov-flash", "tenant": "acme"}), 409, "overlapping_prices"),
    (new(PRO) | {"replaces": ["prc_none"]}, 404, "unknown_price_entry"),
    ({"entries": []}, 422, "invalid_request"),
]


async def test_what_leaves_no_valid_book_is_refused(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    for body, status, expected in REFUSED:
        answer = await client.post("/prices", json=body)
        assert (answer.status_code, code(answer)) == (status, expected), body
    assert len((await client.get("/prices", params={"all": True})).json()["items"]) == 3


async def test_a_correction_replaces_at_once(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    body = new(PRO | {"model": "sov-flash", "tenant": "acme", "input": "1"})
    answer = await client.post("/prices", json=body | {"replaces": [world.acme.price_id]})
    assert answer.status_code == 201, answer.text
    shown = (await client.get("/prices", params={"tenant": "acme", "all": True})).json()["items"]
    states = {item["body"]["input"]: item["state"] for item in shown}
    assert states == {"0.15": "in_force", "0.1": "archived", "1": "in_force"}


async def test_each_change_is_in_the_trail_of_whom_it_concerns(
    sign_in: Login, database: Database, world: World
) -> None:
    client = await sign_in("owner")
    markup = {"percent": "5", "tenant": "acme", "effective_from": "2026-01-01"}
    entries = new(PRO)["entries"] + new(markup, "markup")["entries"]
    answer = await client.post("/prices", json={"entries": entries, "reason": "why"})
    ids = [item["id"] for item in answer.json()["items"]]
    await client.post(f"/prices/{ids[1]}/archive", json={"reason": "over"})
    async with database.session() as session:
        query = select(AuditRecord.tenant, AuditRecord.body).order_by(AuditRecord.seq)
        rows = [(tenant, json.loads(body)) for tenant, body in await session.execute(query)]
    assert [
        (tenant, body["action"], body["target"], body["reason"])
        for tenant, body in rows
        if body.get("action", "").startswith("price.")
    ] == [
        ("acme", "price.create", ids[1], "why"),
        ("_system", "price.create", ids[0], "why"),
        ("acme", "price.archive", ids[1], "over"),
    ]


async def test_an_explanation_adds_up(sign_in: Login, world: World) -> None:
    client = await sign_in("finance@acme")
    body = {"model": "sov-flash", "tenant": "acme", "input_tokens": 1000, "output_tokens": 10}
    shown = (await client.post("/prices/explain", json=body)).json()
    # acme's own price: 1,000 * 0.10 + 10 * 1, per million
    assert (shown["total"], shown["priced_as"]) == ("0.00011", "sov-flash")
    prices = {price["token_class"]: price for price in shown["prices"]}
    assert (prices["input"]["price"], prices["input"]["list_price"]) == ("0.1", "0.15")
    assert [line["amount"] for line in shown["lines"]] == ["0.0001", "0.00001"]
    assert shown["at"] == "2026-11-21T12:00:00.000000Z"


async def test_proposals_can_be_taken_as_they_are(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    request = {"models": ["deepseek-v4-pro", "no-such-model", "dall-e-3"]}
    found = (await client.post("/prices/proposals", json=request)).json()
    assert [(diff["model"], diff["status"]) for diff in found["prices"]] == [
        ("deepseek-v4-pro", "new")
    ]
    changes = {change["field"]: change["new"] for change in found["prices"][0]["changes"]}
    assert (changes["input"], changes["off-peak 1: input"]) == ("1.32", "0.66")
    reasons = {skipped["model"]: skipped["reason"] for skipped in found["skipped"]}
    assert reasons["no-such-model"] == "not in the map"
    answer = await client.post("/prices", json={"entries": found["entries"]})
    assert answer.status_code == 201, answer.text
    again = (await client.post("/prices/proposals", json=request)).json()
    assert ([diff["status"] for diff in again["prices"]], again["entries"]) == (["same"], [])


async def test_proposals_are_for_the_models_of_the_deployment(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    found = (await client.post("/prices/proposals", json={})).json()
    assert found["skipped"] == [{"model": "sov-flash", "reason": "not in the map"}]
    # The file names it, and the map does not: nothing to take.
    assert [(diff["model"], diff["tenant"], diff["status"]) for diff in found["prices"]] == [
        ("sov-flash", None, "gone")
    ]
