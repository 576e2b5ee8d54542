"""The check finds what it is there to find, and adjustments keep it satisfied."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from billing import adjust, run_check
from billing.errors import InvalidSettlement
from core.database import Database


@pytest.fixture
async def served(stage: Any) -> str:
    """A tenant with a budget and one request of 0.40."""
    await stage.budget("10")
    await stage.budget("10", scope="key", scope_id="key_1")
    keeper = stage.keeper()
    reservation = await stage.reserve(keeper, "1")
    await stage.drain(stage.settle(keeper, reservation, 40))
    return reservation.request_id


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE budget_periods SET spent = 1", "spent 1 against entries of 0.4"),
        ("UPDATE budget_periods SET leased = 0", "leased 0 against leases of"),
        ("DELETE FROM budget_leases", "against leases of 0"),
        ("UPDATE usage_records SET cost = 2", "usage records and settle entries disagree"),
        ("UPDATE usage_records SET input_tokens = 41", "not quantity"),
        ("UPDATE price_units SET price = 1", "not quantity"),
        ("DELETE FROM usage_records", "disagree"),
        (
            "INSERT INTO ledger_entries (request_id, kind, tenant, at, amount, currency) VALUES "
            "('req_x', 'reserve', 'acme', '2026-11-21 00:00:00', 1, 'USD')",
            "req_x has a reservation that is not closed",
        ),
        (
            "INSERT INTO ledger_entries (request_id, kind, tenant, at, amount, currency) VALUES "
            "('req_x', 'settle', 'acme', '2026-11-21 00:00:00', 0, 'USD')",
            "disagree",
        ),
    ],
)
async def test_damage_is_found(database: Database, damage: str, problem: str) -> None:
    assert (await run_check(database)).ok
    async with database.transaction() as session:
        await session.execute(text(damage))
    report = await run_check(database)
    assert not report.ok
    assert problem in "\n".join(report.problems)
    assert report.to_json()["ok"] is False


async def test_an_adjustment_of_a_request_moves_its_budgets(
    stage: Any, database: Database, served: str
) -> None:
    async with database.transaction() as session:
        entry = await adjust(
            session,
            stage.clock,
            tenant="acme",
            amount="-0.15",
            reason="wrong price",
            author="finance@example.com",
            request_id=served,
        )
    assert entry.startswith("adj_")
    spent = [budget.spent for budget in (await stage.check()).budgets]
    assert spent == [Decimal("0.25"), Decimal("0.25")]


async def test_a_credit_of_the_tenant_moves_its_own_budget_only(
    stage: Any, database: Database, served: str
) -> None:
    async with database.transaction() as session:
        facts: dict[str, Any] = {"reason": "goodwill", "author": "finance@example.com"}
        await adjust(session, stage.clock, tenant="acme", amount="-0.15", **facts)
    spent = sorted(budget.spent for budget in (await stage.check()).budgets)
    assert spent == [Decimal("0.25"), Decimal("0.4")]


async def test_another_tenants_request_cannot_be_adjusted(
    stage: Any, database: Database, served: str
) -> None:
    with pytest.raises(InvalidSettlement):
        async with database.transaction() as session:
            await adjust(
                session,
                stage.clock,
                tenant="globex",
                amount="-1",
                reason="mine",
                author="x",
                request_id=served,
            )
