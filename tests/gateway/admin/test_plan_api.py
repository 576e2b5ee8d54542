"""A capacity plan from recorded usage, by the admin API."""

from datetime import timedelta
from decimal import Decimal

from billing import LedgerSink, PriceBook, Reservation, Settlement, Usage
from core.clock import ManualClock
from gateway.admin import AdminServices
from tests.gateway.admin.conftest import Login, World, code

_BOOK = PriceBook.from_settings(
    [{"model": "sov-flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}]
)


async def _settle(services: AdminServices, world: World, clock: ManualClock) -> None:
    at = clock.now() - timedelta(hours=2)
    usage = Usage(input_tokens=3_000_000, output_tokens=500_000)
    reservation = Reservation(
        request_id="req_1",
        tenant=world.acme.tenant,
        project_id=world.acme.project_id,
        key_id=world.acme.key_id,
        amount=Decimal(0),
        at=at,
    )
    breakdown = _BOOK.price("sov-flash", at, usage)
    settlement = Settlement.settle(
        reservation, usage=usage, breakdown=breakdown, model="sov-flash", tier="flash"
    )
    async with services.database.transaction() as session:
        await LedgerSink(clock).apply(session, [settlement.to_json()])


async def test_a_plan_is_made_from_the_tenant_s_own_usage(
    services: AdminServices, world: World, clock: ManualClock, sign_in: Login
) -> None:
    await _settle(services, world, clock)
    client = await sign_in("finance@acme")
    answer = await client.get(f"/tenants/{world.acme.tenant}/plan")
    assert answer.status_code == 200
    plan = answer.json()
    # 3,000,000 tokens in the busiest hour: 833.3 a second
    assert plan["workload"]["peak_input_tokens_per_second"] == "833.3"
    b200 = next(o for o in plan["self_hosted"] if (o["model"], o["device"]) == ("v4-flash", "b200"))
    assert b200["replicas"] == 1
    assert Decimal(b200["usd_a_month"]) > 0
    assert all(source["url"].startswith("https://") for source in plan["sources"])


async def test_a_month_without_usage_makes_no_plan(world: World, sign_in: Login) -> None:
    client = await sign_in("finance@acme")
    answer = await client.get(f"/tenants/{world.acme.tenant}/plan", params={"month": "2026-01"})
    assert (answer.status_code, code(answer)) == (422, "invalid_plan")
    answer = await client.get(f"/tenants/{world.acme.tenant}/plan", params={"basis": "lease"})
    assert (answer.status_code, code(answer)) == (422, "invalid_value")


async def test_another_tenant_s_plan_is_not_found(world: World, sign_in: Login) -> None:
    client = await sign_in("finance@acme")
    answer = await client.get(f"/tenants/{world.globex.tenant}/plan")
    assert (answer.status_code, code(answer)) == (404, "not_found")
