"""Stored bodies, holds and erasures in the admin API."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway.admin import AdminServices
from gateway.archive import BodySealer, BodySink
from gateway.audit import AuditChain, Entry
from gateway.audit.models import AuditRecord
from gateway.pseudonyms import end_user_pseudonym
from tests.gateway.admin.conftest import Login, World, code

PLACE = "/tenants/acme/audit"


@pytest.fixture
async def stored(services: AdminServices, world: World) -> str:
    """The pseudonym of greta, of whom one prompt is stored, as req_1."""
    greta = end_user_pseudonym(services.pepper, "acme", "greta")
    sealer = BodySealer(services.database, services.clock, services.trail.wrapper)
    await sealer.prepare("acme")
    body = sealer.seal(
        "acme",
        "req_1",
        "prompt",
        b'{"a":1}',
        owner=greta,
        expires=services.clock.now() + timedelta(days=7),
    )
    said = {"part": "prompt", "digest": body.digest, "cut": False, "until": body.expires}
    record = {"user": greta, "bodies": [said]}
    async with services.database.transaction() as session:
        await BodySink(sealer, services.clock).store(session, [body.to_json()])
        await AuditChain(services.clock).append(
            session, [Entry("acme", "req_1", "request", record)]
        )
    return greta


async def actions(services: AdminServices) -> list[dict[str, Any]]:

    async with services.database.session() as session:
        query = select(AuditRecord.body).where(AuditRecord.tenant == "acme")
        bodies = [json.loads(body) for body in await session.scalars(query)]
    return [body for body in bodies if body.get("action", "").startswith("audit.")]


async def test_a_body_is_opened(sign_in: Login, services: AdminServices, stored: str) -> None:
    client = await sign_in("auditor@acme")
    answer = await client.post(f"{PLACE}/bodies/req_1", json={"reason": "case 7"})
    (part,) = answer.json()["parts"]
    assert (part["content"], part["intact"], part["state"]) == ({"a": 1}, True, "stored")
    (action,) = await actions(services)
    assert (action["action"], action["target"]) == ("audit.body.read", "req_1")
    unknown = await client.post(f"{PLACE}/bodies/req_2", json={"reason": "case 7"})
    assert (unknown.status_code, code(unknown)) == (404, "body_not_found")


async def test_who_changes_things_does_not_read_them(sign_in: Login, stored: str) -> None:
    client = await sign_in("admin@acme")
    for path, body in (
        ("bodies/req_1", {"reason": "case 7"}),
        ("holds", {"reason": "case 7"}),
        ("holds/hold_1/release", {"reason": "case 7"}),
    ):
        answer = await client.post(f"{PLACE}/{path}", json=body)
        assert (answer.status_code, code(answer)) == (403, "forbidden")


async def test_reasons_are_masked(sign_in: Login, services: AdminServices, stored: str) -> None:
    client = await sign_in("owner")
    reason = "asked by greta.vogel@example.com"
    hold = await client.post(f"{PLACE}/holds", json={"reason": reason, "end_user": stored})
    assert hold.json()["reason"] == "asked by [EMAIL_ADDRESS]"
    (action,) = await actions(services)
    assert action["reason"] == "asked by [EMAIL_ADDRESS]"


async def test_a_hold_forbids_to_erase_until_it_is_released(
    sign_in: Login, services: AdminServices, stored: str
) -> None:
    client = await sign_in("owner")
    hold = (await client.post(f"{PLACE}/holds", json={"reason": "case 7"})).json()
    wanted = {"end_user": "greta", "reason": "asked for"}
    refused = await client.post(f"{PLACE}/erasures", json=wanted)
    assert (refused.status_code, code(refused)) == (409, "legal_hold")
    await client.post(f"{PLACE}/holds/{hold['id']}/release", json={"reason": "closed"})
    (listed,) = (await client.get(f"{PLACE}/holds")).json()["items"]
    assert (listed["id"], listed["release_reason"]) == (hold["id"], "closed")
    erased = (await client.post(f"{PLACE}/erasures", json=wanted)).json()
    assert (erased["pseudonym"], erased["bodies"]) == (stored, 1)
    gone = await client.post(f"{PLACE}/bodies/req_1", json={"reason": "case 7"})
    assert (gone.status_code, code(gone)) == (410, "body_gone")
    removals = (await client.get(f"{PLACE}/removals")).json()
    assert [item["signature"] for item in removals["erasures"]] == [erased["signature"]]
    assert removals["bodies"]["erased"] == 1
    assert [action["action"] for action in await actions(services)] == [
        "audit.hold.create",
        "audit.hold.release",
        "audit.erase",
    ]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("holds", {"reason": "case 7", "end_user": "greta"}),
    ("holds", {"reason": "c"}),
    ("holds", {}),
    (
        "holds",
        {"reason": "case 7", "since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
    ),
    ("erasures", {"reason": "case 7"}),
    ("erasures", {"reason": "case 7", "end_user": "greta", "pseudonym": "eu_" + "0" * 24}),
    ("bodies/req_1", {}),
]


async def test_what_is_refused(sign_in: Login, services: AdminServices, stored: str) -> None:
    client = await sign_in("owner")
    for path, body in REFUSED:
        answer = await client.post(f"{PLACE}/{path}", json=body)
        assert (path, answer.status_code) == (path, 422)
        assert "greta" not in answer.text
    assert await actions(services) == []
