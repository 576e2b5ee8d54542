"""Which thresholds are noted, when, and that each is noted once in a period."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import (
    AlertRule,
    BudgetKeeper,
    BudgetService,
    LedgerSink,
    RaiseService,
    adjust,
    list_alerts,
)

_RULE = AlertRule((50, 80, 100))


@pytest.fixture
async def keeper(stage: Any) -> AsyncIterator[BudgetKeeper]:
    keeper = stage.keeper()
    yield keeper
    await keeper.stop()


async def _spend(stage: Any, keeper: BudgetKeeper, cents: int, **names: Any) -> Any:
    reservation = await stage.reserve(keeper, Decimal(cents) / 100, **names)
    settlement = stage.settle(keeper, reservation, cents)
    await stage.drain(settlement)
    return settlement


async def _noted(stage: Any, owner: str = "acme") -> list[tuple[int, str]]:
    async with stage.database.session() as session:
        views = await list_alerts(session, owner)
    assert {view.status for view in views} <= {"pending"}
    return sorted((view.threshold, str(view.spent.normalize())) for view in views)


@pytest.mark.parametrize("hard", [True, False])
async def test_each_threshold_is_noted_once(stage: Any, keeper: BudgetKeeper, hard: bool) -> None:
    await stage.budget("1", alerts=_RULE, hard=hard)
    await _spend(stage, keeper, 49)
    assert await _noted(stage) == []
    settlement = await _spend(stage, keeper, 1)
    assert await _noted(stage) == [(50, "0.5")]
    await stage.drain(settlement)  # a replay
    await _spend(stage, keeper, 10)
    assert await _noted(stage) == [(50, "0.5")]
    await _spend(stage, keeper, 40)
    assert await _noted(stage) == [(50, "0.5"), (80, "1"), (100, "1")]
    await stage.check()


async def test_a_new_period_begins_anew(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("1", alerts=AlertRule((50,)), period="day")
    for _ in range(2):
        await _spend(stage, keeper, 60)
        stage.clock.advance(timedelta(days=1))
    assert len(await _noted(stage)) == 2


async def test_a_batch_that_fails_notes_nothing(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("1", alerts=_RULE)
    settlement = stage.settle(keeper, await stage.reserve(keeper, "1"), 100)

    async def cut_off() -> None:
        async with stage.database.transaction() as session:
            await LedgerSink(stage.clock).apply(session, [settlement.to_json()])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await cut_off()
    assert await _noted(stage) == []
    await stage.drain(settlement)
    assert len(await _noted(stage)) == 3


async def test_a_correction_reaches_a_threshold_too(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("1", alerts=_RULE)
    await _spend(stage, keeper, 40)
    for amount in ("-0.1", "0.2"):
        async with stage.database.transaction() as session:
            await adjust(
                session, stage.clock, tenant="acme", amount=amount, reason="r", author="usr_1"
            )
    assert await _noted(stage) == [(50, "0.5")]


async def test_a_raise_moves_the_thresholds(stage: Any, keeper: BudgetKeeper) -> None:
    """0.60 of 1 + 1 reaches none; when the raise is revoked it is 60 % of 1."""
    budget_id = await stage.budget("1", alerts=_RULE)
    service = RaiseService(stage.clock)
    async with stage.database.transaction() as session:
        expires_at = stage.clock.now() + timedelta(hours=1)
        given = await service.give(
            session, "acme", budget_id, amount="1", expires_at=expires_at, author="usr_1"
        )
    await _spend(stage, keeper, 60)
    assert await _noted(stage) == []
    async with stage.database.transaction() as session:
        await service.revoke(session, "acme", budget_id, given.id, author="usr_1")
    assert await _noted(stage) == [(50, "0.6")]
    async with stage.database.session() as session:
        (alert,) = await list_alerts(session, "acme", budget_id=budget_id)
    assert (alert.limit, alert.currency, alert.scope) == (1, "USD", "tenant")


async def test_a_lower_limit_and_new_alerts_are_looked_at_once(
    stage: Any, keeper: BudgetKeeper
) -> None:
    budget_id = await stage.budget("10")
    await _spend(stage, keeper, 60)
    service = BudgetService(stage.clock)
    async with stage.database.transaction() as session:
        await service.change(session, "acme", budget_id, alerts=_RULE)
    assert await _noted(stage) == []
    async with stage.database.transaction() as session:
        changed = await service.change(session, "acme", budget_id, limit="1")
    assert changed.alerts == _RULE
    assert await _noted(stage) == [(50, "0.6")]
    async with stage.database.transaction() as session:
        changed = await service.change(session, "acme", budget_id, limit="0.5", alerts=AlertRule())
    assert changed.alerts == AlertRule()
    assert await _noted(stage) == [(50, "0.6")]


async def test_a_budget_made_late_notes_what_was_reached_before(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await _spend(stage, keeper, 60)
    await stage.budget("1", alerts=_RULE)
    keeper.invalidate("acme")
    await stage.reserve(keeper, "0.1")
    assert await _noted(stage) == [(50, "0.6")]


async def test_alerts_of_organisations_and_of_each_end_user(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.budget("2", "@group", scope="organisation", alerts=_RULE)
    await stage.budget("1", scope="end_user", scope_id="*", alerts=AlertRule((100,)), hard=False)
    for name in ("eu_a", "eu_b"):
        await _spend(stage, keeper, 100, organisation="group", end_user=name)
    assert await _noted(stage, "@group") == [(50, "1"), (80, "2"), (100, "2")]
    async with stage.database.session() as session:
        views = await list_alerts(session, "acme")
    assert sorted((view.threshold, view.end_user) for view in views) == [
        (100, "eu_a"),
        (100, "eu_b"),
    ]


async def test_free_use_of_a_limit_of_nothing_alerts_nobody(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.budget("0", alerts=_RULE, hard=False)
    await _spend(stage, keeper, 0)
    assert await _noted(stage) == []
    await _spend(stage, keeper, 1)
    assert [threshold for threshold, _ in await _noted(stage)] == [50, 80, 100]
