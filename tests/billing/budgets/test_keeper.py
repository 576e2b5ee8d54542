"""The escrow against real databases: limits, recall, restarts, roll-over, cancellation."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import BudgetKeeper, BudgetService, Hold
from billing.errors import BudgetExceeded, BudgetUnavailable
from core.database import Database


@pytest.fixture
async def keeper(stage: Any) -> AsyncIterator[BudgetKeeper]:
    keeper = stage.keeper()
    yield keeper
    await keeper.stop()


async def _all(stage: Any, keepers: list[BudgetKeeper], count: int) -> list[Any]:
    tasks = [stage.reserve(keepers[n % len(keepers)], "1") for n in range(count)]
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_500_at_once_get_the_200_that_there_are(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("200")
    results = await _all(stage, [keeper], 500)
    refused = [result for result in results if isinstance(result, BudgetExceeded)]
    granted = [result for result in results if not isinstance(result, BaseException)]
    assert (len(granted), len(refused)) == (200, 300)
    settlements = [stage.settle(keeper, reservation, 100) for reservation in granted]
    await stage.drain(*settlements)
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased, keeper.open_reservations) == (200, 0, 0)


async def test_three_processes_share_it_to_the_last_cent(stage: Any) -> None:
    await stage.budget("200")
    keepers = [stage.keeper(f"gateway-{n}", patience=timedelta(seconds=3)) for n in range(3)]
    for keeper in keepers:
        await keeper.start()
    results = await _all(stage, keepers, 500)
    granted = [result for result in results if not isinstance(result, BaseException)]
    assert len(granted) == 200
    assert all(isinstance(r, BudgetExceeded) for r in results if r not in granted)
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased) == (0, 200)
    for keeper in keepers:
        await keeper.stop()


async def test_idle_money_of_another_process_is_recalled_not_refused(stage: Any) -> None:
    await stage.budget("8")
    rich, poor = stage.keeper("a", share=1), stage.keeper("b", patience=timedelta(seconds=20))
    await rich.start()
    rich.release(await stage.reserve(rich, "1"))
    assert (await stage.check()).budgets[0].leased == 8
    reservation = await stage.reserve(poor, "8")
    assert reservation.amount == 8
    with pytest.raises(BudgetExceeded):
        await stage.reserve(rich, "1")
    poor.release(reservation)
    for keeper in (rich, poor):
        await keeper.stop()
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased) == (0, 0)


async def test_the_memory_path_asks_no_database(
    stage: Any, keeper: BudgetKeeper, database: Database
) -> None:
    await stage.budget("100")
    keeper.release(await stage.reserve(keeper, "1"))
    await database.dispose()
    statements: list[str] = []
    from sqlalchemy import event

    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    for _ in range(50):
        keeper.release(await stage.reserve(keeper, "12"))
    assert statements == []
    await stage.reserve(keeper, "13")
    assert statements != []


async def test_settling_below_the_reservation_frees_the_rest_at_once(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.budget("1")
    stage.settle(keeper, await stage.reserve(keeper, "1"), 40)
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "0.61")
    await stage.reserve(keeper, "0.60")


async def test_a_refusal_names_the_budget_and_its_reset(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("5", scope="key", scope_id="key_1", period="day")
    with pytest.raises(BudgetExceeded) as caught:
        await stage.reserve(keeper, "5.01")
    error = caught.value
    assert (error.code, error.scope, error.scope_id, error.period) == (
        "budget_exceeded",
        "key",
        "key_1",
        "day",
    )
    assert "2026-11-22T00:00:00" in error.message
    await stage.reserve(keeper, "5.01", key_id="key_2")


async def test_all_budgets_must_hold_or_none_is_touched(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("10")
    await stage.budget("2", scope="project", scope_id="prj_1")
    await stage.budget("1", scope="key", scope_id="key_1")
    with pytest.raises(BudgetExceeded, match="key key_1"):
        await stage.reserve(keeper, "1.5")
    with pytest.raises(BudgetExceeded, match="project prj_1"):
        await stage.reserve(keeper, "2.5", key_id="key_2")
    reservation = await stage.reserve(keeper, "1")
    assert len(reservation.holds) == 3
    await stage.drain(stage.settle(keeper, reservation, 100))
    spent = {b.limit: b.spent for b in (await stage.check()).budgets}
    assert spent == {Decimal(10): 1, Decimal(2): 1, Decimal(1): 1}
    # What the refused requests did not get is still there.
    await stage.reserve(keeper, "9", project_id="prj_2", key_id="key_2")


async def test_a_soft_budget_never_refuses_and_says_when_it_is_over(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.budget("1", hard=False)
    reservation = await stage.reserve(keeper, "50")
    assert (reservation.holds, reservation.over) == ((), ())
    await stage.drain(stage.settle(keeper, reservation, 5000))
    stage.clock.advance(timedelta(seconds=6))
    await keeper.beat()
    assert (await stage.reserve(keeper, "50")).over == ("tenant/acme/month",)
    stage.clock.advance(timedelta(days=10))
    await keeper.beat()
    assert (await stage.reserve(keeper, "50")).over == ()


async def test_a_new_period_starts_anew(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("1", period="day")
    yesterday = await stage.reserve(keeper, "1")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "1")
    stage.clock.advance(timedelta(hours=12))
    today = await stage.reserve(keeper, "1")
    # A request that runs over midnight is charged to the day of its admission.
    await stage.drain(stage.settle(keeper, yesterday, 70), stage.settle(keeper, today, 30))
    await keeper.beat()
    balances = {b.period_id[-10:]: (b.spent, b.leased) for b in (await stage.check()).budgets}
    assert balances["2026-11-21"] == (Decimal("0.7"), 0)
    assert balances["2026-11-22"] == (Decimal("0.3"), Decimal("0.7"))


async def test_a_restart_takes_back_what_the_crash_left(stage: Any) -> None:
    await stage.budget("10")
    crashed = stage.keeper("gateway-1", share=1)
    reservation = await stage.reserve(crashed, "4")
    # The journal says that the upstream was called, and its replay is drained first.
    await stage.drain(stage.settlement(reservation, 250))
    restarted = stage.keeper("gateway-1")
    await restarted.start()
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased) == (Decimal("2.5"), 0)
    await stage.reserve(restarted, "7.5")
    await restarted.stop()


async def test_leases_of_the_dead_are_reclaimed_and_of_the_living_renewed(stage: Any) -> None:
    await stage.budget("10")
    dead, living = stage.keeper("a", share=2), stage.keeper("b", share=2)
    await stage.reserve(dead, "1")
    await stage.reserve(living, "1")
    for _ in range(13):
        stage.clock.advance(timedelta(seconds=30))
        await living.beat()
        with pytest.raises(BudgetExceeded):
            await stage.reserve(living, "9")
    stage.clock.advance(timedelta(seconds=31))
    await living.beat()
    await stage.reserve(living, "9")
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased) == (0, 10)


async def test_a_holder_that_was_given_up_does_not_draw_on_its_old_lease(stage: Any) -> None:
    await stage.budget("10")
    slow, other = stage.keeper("a", share=1), stage.keeper("b")
    reservation = await stage.reserve(slow, "1")
    stage.clock.advance(timedelta(minutes=8))
    taken = await stage.reserve(other, "10")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(slow, "1")
    # Its late settlement is entered all the same: the money was spent.
    await stage.drain(stage.settle(slow, reservation, 100))
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased, balance.passed) == (1, 10, True)
    other.release(taken)
    await other.beat()
    assert (await stage.check()).budgets[0].passed is False


async def test_idle_leases_go_back(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("80")
    keeper.release(await stage.reserve(keeper, "1"))
    assert (await stage.check()).budgets[0].leased == 10
    stage.clock.advance(timedelta(seconds=31))
    await keeper.beat()
    await keeper.beat()
    assert (await stage.check()).budgets[0].leased == 0
    await stage.reserve(keeper, "80")


async def test_limits_can_be_raised_and_lowered_while_leased(
    stage: Any, keeper: BudgetKeeper, database: Database
) -> None:
    budget_id = await stage.budget("10")
    service = BudgetService(stage.clock)
    keeper.release(await stage.reserve(keeper, "10"))
    async with database.transaction() as session:
        await service.change(session, "acme", budget_id, limit="12")
    keeper.release(await stage.reserve(keeper, "12"))
    async with database.transaction() as session:
        await service.change(session, "acme", budget_id, limit="3")
    await keeper.beat()
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "3.01")
    await stage.reserve(keeper, "3")


async def test_a_new_budget_holds_at_once_where_the_keeper_is_told(
    stage: Any, keeper: BudgetKeeper
) -> None:
    assert (await stage.reserve(keeper, "1000")).holds == ()
    await stage.budget("1")
    keeper.invalidate("acme")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "1000")


async def test_a_new_budget_counts_what_was_spent_before_it(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.drain(stage.settle(keeper, await stage.reserve(keeper, "1"), 60))
    await stage.budget("1", scope="project", scope_id="prj_1")
    keeper.invalidate("acme")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "0.41")
    await stage.reserve(keeper, "0.40")
    await stage.check()


async def test_an_archived_budget_refuses_nothing(
    stage: Any, keeper: BudgetKeeper, database: Database
) -> None:
    budget_id = await stage.budget("1")
    await stage.reserve(keeper, "1")
    async with database.transaction() as session:
        await BudgetService(stage.clock).archive(session, "acme", budget_id)
    await stage.reserve(keeper, "5")  # not yet told, but the database is asked before refusing
    keeper.invalidate("acme")
    assert (await stage.reserve(keeper, "5")).holds == ()


async def test_free_requests_pass_a_spent_budget(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("0")
    assert (await stage.reserve(keeper, "0")).holds == ()


async def test_closing_twice_changes_nothing(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("1")
    reservation = await stage.reserve(keeper, "1")
    keeper.release(reservation)
    keeper.settle(reservation, Decimal(1))
    keeper.release(reservation)
    await stage.reserve(keeper, "1")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "0.01")


async def test_one_request_holds_one_reservation(keeper: BudgetKeeper) -> None:
    ids: dict[str, Any] = {
        "request_id": "req_1",
        "tenant": "acme",
        "project_id": "p",
        "key_id": "k",
    }
    await keeper.reserve(**ids, amount=Decimal(1))
    with pytest.raises(ValueError, match="one reservation"):
        await keeper.reserve(**ids, amount=Decimal(1))
    with pytest.raises(ValueError, match="from 0 up"):
        await keeper.reserve(**{**ids, "request_id": "req_2"}, amount=Decimal(-1))


async def test_cancelling_while_leasing_loses_no_money(stage: Any) -> None:
    await stage.budget("10")
    keeper = stage.keeper(share=1)
    for turns in [*range(0, 60, 3), 80, 110, 150]:
        task = asyncio.create_task(stage.reserve(keeper, "10"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(result, BaseException):
            keeper.release(result)
        keeper.release(await stage.reserve(keeper, "10"))
        stage.clock.advance(timedelta(seconds=31))
        await keeper.beat()
    assert keeper.open_reservations == 0
    await keeper.stop()
    (balance,) = (await stage.check()).budgets
    assert (balance.spent, balance.leased) == (0, 0)


async def test_without_a_database_it_denies_when_the_lease_is_used_up(stage: Any) -> None:
    await stage.budget("16")
    keeper = stage.keeper()
    keeper.release(await stage.reserve(keeper, "1"))
    from sqlalchemy import text

    async with stage.database.transaction() as session:
        await session.execute(text("ALTER TABLE budget_leases RENAME TO budget_leases_gone"))
    reservation = await stage.reserve(keeper, "2")
    with pytest.raises(BudgetUnavailable):
        await stage.reserve(keeper, "1")
    keeper.release(reservation)
    stage.clock.advance(timedelta(seconds=181))
    with pytest.raises(BudgetUnavailable):
        await stage.reserve(keeper, "2")
    stage.clock.advance(timedelta(seconds=2))
    async with stage.database.transaction() as session:
        await session.execute(text("ALTER TABLE budget_leases_gone RENAME TO budget_leases"))
    assert (await stage.reserve(keeper, "16")).holds[0] == Hold(
        reservation.holds[0].period_id, reservation.holds[0].lease_id
    )
