"""A tenant's recognizers by the API; who may not is in test_isolation."""

import json

import pytest
from sqlalchemy import select, text

from core.database import Database
from gateway.admin import AdminServices
from gateway.audit.models import AuditRecord
from gateway.recognizers.models import TenantRecognizer
from tests.gateway.admin.conftest import BADGE, Login, World, code

PEOPLE = {
    "name": "vips",
    "entity": "VIP",
    "deny_list": {"values": ["Ottilie Quast", "Bo"]},
    "allow_list": {"values": ["help@acme.example"]},
}


async def test_without_a_session(sign_in: Login) -> None:
    client = await sign_in(None)
    answer = await client.get("/tenants/acme/recognizers")
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")


async def test_of_another_tenant(sign_in: Login, world: World) -> None:
    client = await sign_in("owner@globex")
    for path in (
        "/tenants/acme/recognizers",
        f"/tenants/globex/recognizers/{world.acme.recognizer_id}",
    ):
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(("account", "status"), [("auditor@acme", 403), ("admin@acme", 200)])
async def test_values_are_for_those_who_write_them(
    account: str, status: int, sign_in: Login, world: World
) -> None:
    client = await sign_in(account)
    assert (await client.get("/tenants/acme/recognizers")).status_code == 200
    url = f"/tenants/acme/recognizers/{world.acme.recognizer_id}"
    assert (await client.get(url)).status_code == status


async def test_one_is_created_read_changed_and_deleted(sign_in: Login) -> None:
    client = await sign_in("admin@acme")
    created = await client.post("/tenants/acme/recognizers", json={"definition": PEOPLE})
    assert created.status_code == 201, created.text
    recognizer = created.json()
    assert recognizer["definition"]["deny_list"]["values"] == ["Ottilie Quast", "Bo"]
    url = f"/tenants/acme/recognizers/{recognizer['id']}"
    assert (await client.get(url)).json() == recognizer

    change = {"version": 1, "definition": PEOPLE | {"name": "people"}}
    changed = (await client.put(url, json=change)).json()
    assert (changed["version"], changed["definition"]["name"]) == (2, "people")
    late = await client.put(url, json=change)
    assert (late.status_code, code(late)) == (409, "version_conflict")
    late = await client.delete(url, params={"version": 1})
    assert (late.status_code, code(late)) == (409, "version_conflict")
    assert (await client.delete(url, params={"version": 2})).status_code == 204
    assert (await client.get(url)).status_code == 404


async def test_the_list_shows_no_values_and_those_of_the_policy(sign_in: Login) -> None:
    client = await sign_in("auditor@acme")
    answer = await client.get("/tenants/acme/recognizers")
    assert "Nightfall" not in answer.text
    items = {item["name"]: item for item in answer.json()["items"]}
    assert items["badge"]["source"] == "database"
    assert items["badge"]["patterns"] == 1
    assert items["projects"]["source"] == "policy"
    assert (items["projects"]["id"], items["projects"]["denied_values"]) == (None, 1)


async def test_the_settings_page_shows_no_values_either(sign_in: Login) -> None:
    client = await sign_in("viewer")
    answer = await client.get("/system")
    assert answer.status_code == 200
    assert "Nightfall" not in answer.text
    assert '"projects"' in answer.text


async def test_a_name_is_taken_once(sign_in: Login) -> None:
    client = await sign_in("admin@acme")
    answer = await client.post("/tenants/acme/recognizers", json={"definition": BADGE})
    assert (answer.status_code, code(answer)) == (409, "already_exists")
    assert answer.json()["error"]["param"] == "definition.name"


UNFIT = {
    r"(\d+)-\1": "unsupported_pattern",
    r"\w*": "pattern_matches_empty",
    r"[a-z]+": "pattern_too_broad",
    r"((a{1,100}){1,100}){1,100}": "pattern_too_complex",
    r"(": "invalid_pattern",
}


async def test_a_pattern_that_is_not_fit_is_refused(sign_in: Login) -> None:
    client = await sign_in("admin@acme")
    for pattern, expected in UNFIT.items():
        body = {"definition": BADGE | {"name": "new", "patterns": [{"regex": pattern}]}}
        answer = await client.post("/tenants/acme/recognizers", json=body)
        assert (answer.status_code, code(answer)) == (422, expected)
        error = answer.json()["error"]
        assert error["param"] == "definition.patterns.0.regex"
        assert pattern == "(" or pattern not in error["message"]
        verdict = await client.post("/tenants/acme/recognizers/check", json=body)
        assert [each["code"] for each in verdict.json()["problems"]] == [expected]


MALFORMED: list[dict[str, object]] = [
    {"name": "Badge Number"},
    {"entity": "badge"},
    {"entity": None},
    {"patterns": []},
    {"patterns": [{"regex": "a" * 1001}]},
    {"patterns": [{"regex": "a\u0000b"}]},
    {"patterns": [{"regex": "AC-1", "score": 2}]},
    {"patterns": [{"regex": f"AC-{number}"} for number in range(21)]},
    {"deny_list": {"values": [" "]}},
    {"deny_list": {"values": ["a\u200bb"]}},
    {"unknown": 1},
]


async def test_a_form_that_is_not_right_is_refused(sign_in: Login) -> None:
    client = await sign_in("admin@acme")
    for change in MALFORMED:
        body = {"definition": BADGE | {"name": "new"} | change}
        answer = await client.post("/tenants/acme/recognizers", json=body)
        assert (answer.status_code, code(answer)) == (422, "invalid_request"), change


async def test_a_change_is_in_force_at_once(sign_in: Login) -> None:
    client = await sign_in("admin@acme")
    say = {"text": "Ottilie Quast works on Nightfall, badge AC-20417, help@acme.example"}
    before = (await client.post("/tenants/acme/explain", json=say)).json()
    assert before["counts"] == {"BADGE_ID": 1, "EMAIL_ADDRESS": 1, "PROJECT": 1}
    await client.post("/tenants/acme/recognizers", json={"definition": PEOPLE})
    after = (await client.post("/tenants/acme/explain", json=say)).json()
    assert after["counts"] == {"BADGE_ID": 1, "PROJECT": 1, "VIP": 1}


async def test_neither_rows_nor_records_show_a_value(
    sign_in: Login, database: Database, world: World
) -> None:
    client = await sign_in("admin@acme")
    created = await client.post("/tenants/acme/recognizers", json={"definition": PEOPLE})
    url = f"/tenants/acme/recognizers/{created.json()['id']}"
    await client.put(url, json={"version": 1, "definition": PEOPLE | {"entity": "PEOPLE"}})
    await client.delete(url)
    async with database.session() as session:
        bodies = (
            await session.scalars(select(AuditRecord.body).where(AuditRecord.tenant == "acme"))
        ).all()
        rows = (await session.scalars(select(TenantRecognizer))).all()
    actions = [json.loads(body).get("action") for body in bodies]
    assert actions[-3:] == ["recognizer.create", "recognizer.update", "recognizer.delete"]
    changed = json.loads(bodies[-2])
    assert changed["before"] != changed["after"]
    assert "Quast" not in "".join(bodies)
    assert len(rows) == 2
    assert all(b"AC-" not in row.sealed for row in rows)


async def test_a_row_that_was_moved_to_another_tenant_opens_for_nobody(
    sign_in: Login, database: Database, world: World
) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "UPDATE tenant_recognizers SET tenant = 'acme', name = 'x' WHERE tenant = 'globex'"
            )
        )
    client = await sign_in("admin@acme")
    answer = await client.get(f"/tenants/acme/recognizers/{world.globex.recognizer_id}")
    assert (answer.status_code, code(answer)) == (503, "recognizer_unreadable")
    answer = await client.post("/tenants/acme/explain", json={"text": "hello"})
    assert (answer.status_code, code(answer)) == (503, "recognizer_unreadable")


async def test_a_tenant_has_so_many(
    sign_in: Login, services: AdminServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.recognizers.service.MAX_RECOGNIZERS", 1)
    client = await sign_in("admin@acme")
    body = {"definition": BADGE | {"name": "second"}}
    answer = await client.post("/tenants/acme/recognizers", json=body)
    assert (answer.status_code, code(answer)) == (409, "too_many_recognizers")
