"""Raises: in force at once, over at their instant, revoked, added up, honoured everywhere."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import BudgetKeeper, BudgetService, RaiseService, RaiseView
from billing.budgets.raises import peak
from billing.errors import BudgetExceeded, InvalidBudget, UnknownBudget, UnknownRaise
from billing.models import BudgetRaise
from core.money import InvalidAmount


@pytest.fixture
async def keeper(stage: Any) -> AsyncIterator[BudgetKeeper]:
    keeper = stage.keeper()
    yield keeper
    await keeper.stop()


async def _give(stage: Any, budget_id: str, amount: str, hours: int, **options: Any) -> RaiseView:
    async with stage.database.transaction() as session:
        return await RaiseService(stage.clock).give(
            session,
            "acme",
            budget_id,
            amount=amount,
            expires_at=stage.clock.now() + timedelta(hours=hours),
            author="usr_1",
            **options,
        )


async def _status(stage: Any, budget_id: str) -> Any:
    async with stage.database.session() as session:
        return await BudgetService(stage.clock).get(session, "acme", budget_id)


async def test_a_raise_holds_at_once_and_ends_at_its_instant(
    stage: Any, keeper: BudgetKeeper
) -> None:
    budget_id = await stage.budget("10", period="total")
    await _give(stage, budget_id, "5", hours=1)
    keeper.release(await stage.reserve(keeper, "15"))
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "15.01")
    stage.clock.advance(timedelta(hours=1) - timedelta(microseconds=1))
    keeper.release(await stage.reserve(keeper, "15"))
    # The process still has the 15 in its lease, and no heartbeat has come.
    stage.clock.advance(timedelta(microseconds=1))
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "10.01")
    keeper.release(await stage.reserve(keeper, "10"))
    await stage.check()


async def test_what_was_spent_under_a_raise_counts_when_it_is_over(
    stage: Any, keeper: BudgetKeeper
) -> None:
    budget_id = await stage.budget("10", period="total")
    await _give(stage, budget_id, "5", hours=1)
    await stage.drain(stage.settle(keeper, await stage.reserve(keeper, "12"), 1200))
    stage.clock.advance(timedelta(hours=2))
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "0.01")
    status = await _status(stage, budget_id)
    assert (status.spent, status.raised, status.remaining, status.over) == (12, 0, -2, True)
    (balance,) = (await stage.check()).budgets
    # The check knows what was allowed then: nothing was passed.
    assert (balance.raised, balance.passed) == (5, False)


async def test_surplus_goes_back_before_more_is_reserved(stage: Any, keeper: BudgetKeeper) -> None:
    """8 spent and 10 leased under 20: when the raise ends, 2 are left, not the 10 in memory."""
    budget_id = await stage.budget("10", period="total")
    await _give(stage, budget_id, "10", hours=1)
    await stage.drain(stage.settle(keeper, await stage.reserve(keeper, "8"), 800))
    keeper.release(await stage.reserve(keeper, "10"))
    stage.clock.advance(timedelta(hours=1))
    keeper.release(await stage.reserve(keeper, "1"))
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "2.01")
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased) == (8, 2)


async def test_raises_add_up_and_one_may_start_later(stage: Any, keeper: BudgetKeeper) -> None:
    budget_id = await stage.budget("1", period="total")
    await _give(stage, budget_id, "2", hours=5)
    later = stage.clock.now() + timedelta(hours=1)
    planned = await _give(stage, budget_id, "4", hours=2, starts_at=later, reason="launch")
    assert (planned.status, planned.author, planned.reason) == ("scheduled", "usr_1", "launch")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "3.01")
    stage.clock.advance(timedelta(hours=1))
    status = await _status(stage, budget_id)
    assert (status.raised, status.effective_limit, status.remaining) == (6, 7, 7)
    assert status.raised_until == later + timedelta(hours=1)
    keeper.release(await stage.reserve(keeper, "7"))
    stage.clock.advance(timedelta(hours=1))
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "3.01")
    await stage.reserve(keeper, "3")


async def test_a_revoked_raise_recalls_what_is_leased(stage: Any, keeper: BudgetKeeper) -> None:
    budget_id = await stage.budget("10")
    given = await _give(stage, budget_id, "5", hours=1)
    keeper.release(await stage.reserve(keeper, "15"))
    async with stage.database.transaction() as session:
        service = RaiseService(stage.clock)
        revoked = await service.revoke(session, "acme", budget_id, given.id, author="usr_2")
        again = await service.revoke(session, "acme", budget_id, given.id, author="usr_3")
    assert (revoked.status, revoked.revoked_by, again) == ("revoked", "usr_2", revoked)
    await keeper.beat()
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "10.01")
    await stage.reserve(keeper, "10")


async def test_a_soft_budget_under_a_raise_is_not_used_up(stage: Any, keeper: BudgetKeeper) -> None:
    budget_id = await stage.budget("1", hard=False)
    await _give(stage, budget_id, "1", hours=1)
    for cents, over in ((150, ()), (100, ("tenant/acme/month",))):
        await stage.drain(stage.settle(keeper, await stage.reserve(keeper, "2"), cents))
        stage.clock.advance(timedelta(seconds=6))
        await keeper.beat()
        assert (await stage.reserve(keeper, "1")).over == over


async def test_raises_are_of_ones_own_budget(stage: Any) -> None:
    budget_id = await stage.budget("1")
    other = await stage.budget("1", "globex")
    given = await _give(stage, budget_id, "1", hours=1)
    service = RaiseService(stage.clock)
    async with stage.database.transaction() as session:
        with pytest.raises(UnknownBudget):
            await service.list(session, "globex", budget_id)
        with pytest.raises(UnknownRaise):
            await service.revoke(session, "globex", other, given.id, author="usr_1")
    with pytest.raises(UnknownBudget):
        await _give(stage, other, "1", hours=1)
    async with stage.database.session() as session:
        assert [one.id for one in await service.list(session, "acme", budget_id)] == [given.id]


@pytest.mark.parametrize(
    ("amount", "hours", "options", "param"),
    [
        ("0", 1, {}, "amount"),
        ("-1", 1, {}, "amount"),
        ("1", 0, {}, "expires_at"),
        ("1", -1, {}, "expires_at"),
        ("1", 1, {"reason": "x" * 201}, "reason"),
    ],
)
async def test_a_raise_that_makes_no_sense(
    stage: Any, amount: str, hours: int, options: dict[str, Any], param: str
) -> None:
    budget_id = await stage.budget("1")
    with pytest.raises(InvalidBudget) as caught:
        await _give(stage, budget_id, amount, hours, **options)
    assert caught.value.param == param
    with pytest.raises(InvalidAmount):
        await _give(stage, budget_id, "much", 1)


def test_the_peak_of_raises_is_of_one_instant() -> None:
    def at(hour: int) -> datetime:
        return datetime(2026, 11, 21, hour, tzinfo=UTC)

    def raise_(amount: int, start: int, end: int, revoked: int | None = None) -> BudgetRaise:
        return BudgetRaise(
            amount=Decimal(amount),
            starts_at=at(start),
            expires_at=at(end),
            revoked_at=at(revoked) if revoked is not None else None,
        )

    raises = [raise_(5, 1, 4), raise_(3, 3, 6), raise_(7, 4, 9, revoked=5), raise_(100, 12, 13)]
    assert peak(raises, at(0), at(12)) == 10  # 3 + 7 from 4 to 5
    assert peak(raises, at(6), at(12)) == 0
    assert peak(raises, at(0), None) == 100
    assert peak(raises, at(5), at(6)) == 3
