"""One request by its id: what is shown of it, and to whom."""

from decimal import Decimal
from typing import Any

import pytest

from billing import LedgerSink, Settlement, Usage
from billing.prices import PriceVersion
from gateway.admin import AdminServices
from gateway.admin.requests.service import explanation, timeline
from gateway.audit import AuditChain, Entry, SigningKey
from tests.gateway.admin.conftest import Login, World, code

BODY: dict[str, Any] = {
    "outcome": "completed",
    "upstream": "pool",
    "zone": "onprem",
    "model": "sov-flash",
    "route": {
        "requested_model": "auto",
        "tier": "flash",
        "reason": "cheapest tier expected to do",
        "attempts": 2,
    },
    "latency": {
        "total_us": 1000,
        "admit_us": 200,
        "inspect_input_us": 300,
        "route_us": 0,
        "journal_us": 100,
        "upstream_us": 300,
        "inspect_output_us": 100,
    },
}


@pytest.fixture
async def world(world: World, services: AdminServices, tmp_path: Any) -> World:
    """Each tenant has a request, settled and in the trail."""
    chain = AuditChain(services.clock, SigningKey.load_or_create(None, tmp_path / "keys"))
    entries = [Entry(tenant, f"req_{tenant}", "request", BODY) for tenant in ("acme", "globex")]
    price = PriceVersion(
        model="sov-flash",
        currency="USD",
        effective_from=services.clock.now(),
        input=Decimal(1),
        output=Decimal(2),
        per=1000,
    )
    usage = Usage(input_tokens=10)
    async with services.database.transaction() as session:
        await chain.append(session, entries)
        settlements = [
            Settlement(
                request_id=f"req_{tenant}",
                tenant=tenant,
                project_id="prj",
                key_id="key",
                at=services.clock.now(),
                outcome="settled",
                model="sov-flash",
                usage=usage,
                price_version="v1",
                cost=price.cost(usage).total,
                lines=price.cost(usage).lines,
            ).to_json()
            for tenant in ("acme", "globex")
        ]
        await LedgerSink(services.clock).apply(session, settlements)
    return world


async def test_record_ledger_and_timeline(sign_in: Login, world: World) -> None:
    client = await sign_in("owner")
    answer = await client.get("/requests/req_acme")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["tenant"], found["record"]["body"]["outcome"]) == ("acme", "completed")
    assert [(entry["kind"], entry["amount"]) for entry in found["ledger"]] == [("settle", "0.01")]
    assert [step["stage"] for step in found["timeline"]] == [
        "admit", "inspect_input", "journal", "upstream", "inspect_output",
    ]  # fmt: skip
    assert sum(step["duration_us"] for step in found["timeline"]) == 1000
    assert found["timeline"][-1]["start_us"] == 900
    assert found["checkpoint"] is None


@pytest.mark.parametrize("account", ["owner@globex", "admin@globex"])
async def test_another_tenants_request_does_not_exist(
    sign_in: Login, world: World, account: str
) -> None:
    client = await sign_in(account)
    assert (await client.get("/requests/req_globex")).status_code == 200
    foreign = await client.get("/requests/req_acme")
    assert (foreign.status_code, code(foreign)) == (404, "not_found")


async def test_a_viewer_may_not(sign_in: Login, world: World) -> None:
    answer = await (await sign_in("viewer@acme")).get("/requests/req_acme")
    assert (answer.status_code, code(answer)) == (403, "forbidden")


def test_where_it_went_and_why_in_a_sentence() -> None:
    assert explanation(BODY) == (
        "Asked for auto: flash, since cheapest tier expected to do; answered by pool (onprem) with"
        " sov-flash in 2 attempts."
    )
    hit = {"kind": "exact", "request_id": "req_1", "model": "sov-flash", "age_s": 3}
    kept = {**BODY, "upstream": None, "cache": hit}
    assert "answered from the cache (exact) as req_1 was" in str(explanation(kept))
    denied = {"route": {"requested_model": "flash", "reason": None}}
    assert explanation(denied) == "Asked for flash; it ended before it was routed."
    assert explanation({"route": None}) is None


def test_what_never_came_is_no_step() -> None:
    assert timeline({"latency": {"total_us": 5, "admit_us": 5}})[0].duration_us == 5
    assert timeline({"kind": "admin"}) == []
