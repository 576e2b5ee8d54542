"""Explain by the API; who may not is in test_isolation."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.database import Database
from gateway.audit.models import AuditRecord
from tests.gateway.admin.conftest import Login, code

URL = "/tenants/acme/explain"
SAY = {"text": "Bitte an greta@example.com, der Ausweis ist AC-20417."}


async def test_without_a_session(sign_in: Login) -> None:
    answer = await (await sign_in(None)).post(URL, json=SAY)
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")


async def test_of_another_tenant(sign_in: Login) -> None:
    answer = await (await sign_in("owner@globex")).post(URL, json=SAY)
    assert (answer.status_code, code(answer)) == (404, "not_found")


@pytest.mark.parametrize("role", ["finance", "auditor", "viewer"])
async def test_values_are_for_owners_and_admins(role: str, sign_in: Login) -> None:
    answer = await (await sign_in(role)).post(URL, json=SAY)
    assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_what_is_found_and_why(sign_in: Login) -> None:
    answer = (await (await sign_in("admin@acme")).post(URL, json=SAY)).json()
    assert answer["masked"] == "Bitte an [EMAIL_ADDRESS_1], der Ausweis ist [BADGE_ID_1]."
    mail, badge = answer["findings"]
    assert SAY["text"][mail["start"] : mail["end"]] == mail["text"] == "greta@example.com"
    assert badge == {
        "start": 44,
        "end": 52,
        "entity_type": "BADGE_ID",
        "text": "AC-20417",
        "score": 0.85,
        "detector": "custom:badge@1",
        "reason": "pattern",
        "mode": "placeholder",
        "replacement": "[BADGE_ID_1]",
    }
    assert answer["languages"] == ["de"]
    assert (answer["policy"], answer["action"]) == ("default", "mask")


async def test_the_stream_comes_back_whole_and_never_shows_half_a_token(sign_in: Login) -> None:
    answer = (await (await sign_in("admin@acme")).post(URL, json=SAY)).json()
    steps = answer["restored"]
    assert "".join(step["received"] for step in steps) == answer["masked"]
    assert "".join(step["sent"] for step in steps) == SAY["text"]
    assert any(step["received"] and not step["sent"] for step in steps)
    assert not any("[" in step["sent"] for step in steps)


async def test_under_another_policy(sign_in: Login) -> None:
    client = await sign_in("admin@acme")
    answer = (await client.post(URL, json=SAY | {"policy": "strict"})).json()
    assert answer["masked"].startswith("Bitte an [EMAIL_ADDRESS],")
    wrong = await client.post(URL, json=SAY | {"policy": "missing"})
    assert (wrong.status_code, code(wrong)) == (422, "invalid_value")


async def test_the_record_has_counts_and_no_text(sign_in: Login, database: Database) -> None:
    await (await sign_in("admin@acme")).post(URL, json=SAY)
    async with database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.tenant == "acme")
        body = (await session.scalars(query.order_by(AuditRecord.seq))).all()[-1]
    record = json.loads(body)
    assert (record["action"], record["target"]) == ("privacy.explain", "default")
    assert record["reason"] == "1 BADGE_ID, 1 EMAIL_ADDRESS"
    assert "greta" not in body
    assert record["after"] is None


async def test_it_is_bounded(sign_in: Login, clock: ManualClock) -> None:
    client = await sign_in("admin@acme")
    too_long = await client.post(URL, json={"text": "a" * 20_001})
    assert too_long.status_code == 422
    answers = [await client.post(URL, json={"text": "hello"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert code(answers[-1]) == "explain_throttled"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    clock.advance(timedelta(seconds=61))
    assert (await client.post(URL, json={"text": "hello"})).status_code == 200
