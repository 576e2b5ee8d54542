"""Organisation > tenant > project > key > end user: who is bounded by what, and what it cost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from billing import BudgetKeeper, BudgetService, adjust
from billing.errors import BudgetExceeded, InvalidBudget
from billing.models import BudgetPeriod

_GROUP = {"organisation": "group"}


@pytest.fixture
async def keeper(stage: Any) -> AsyncIterator[BudgetKeeper]:
    keeper = stage.keeper()
    yield keeper
    await keeper.stop()


async def _organisation_budget(stage: Any, limit: str, **options: Any) -> str:
    return await stage.budget(limit, "@group", scope="organisation", **options)


async def _balances(stage: Any) -> dict[str, tuple[Decimal, Decimal]]:
    return {b.period_id: (b.spent, b.leased) for b in (await stage.check()).budgets}


async def test_two_tenants_share_the_budget_of_their_organisation(
    stage: Any, keeper: BudgetKeeper
) -> None:
    budget_id = await _organisation_budget(stage, "10")
    acme = await stage.reserve(keeper, "6", tenant="acme", **_GROUP)
    with pytest.raises(BudgetExceeded) as caught:
        await stage.reserve(keeper, "4.01", tenant="globex", **_GROUP)
    assert (caught.value.scope, caught.value.scope_id) == ("organisation", "group")
    globex = await stage.reserve(keeper, "4", tenant="globex", **_GROUP)
    # Who belongs to another organisation, or to none, is not bounded by it.
    await stage.reserve(keeper, "100", tenant="initech", organisation="other")
    await stage.reserve(keeper, "100", tenant="umbrella")
    await stage.drain(stage.settle(keeper, acme, 500), stage.settle(keeper, globex, 400))
    assert await _balances(stage) == {f"{budget_id}/2026-11": (9, 1)}


async def test_processes_share_it_to_the_last_cent(stage: Any) -> None:
    await _organisation_budget(stage, "20")
    for tenant in ("acme", "globex"):
        await stage.budget("15", tenant)
    keepers = [stage.keeper(f"gateway-{n}", patience=timedelta(seconds=3)) for n in range(2)]
    for keeper in keepers:
        await keeper.start()
    results = await asyncio.gather(
        *(
            stage.reserve(keepers[n % 2], "1", tenant=("acme", "globex")[n // 2 % 2], **_GROUP)
            for n in range(60)
        ),
        return_exceptions=True,
    )
    granted = [result for result in results if not isinstance(result, BaseException)]
    assert len(granted) == 20
    assert all(isinstance(r, BudgetExceeded) for r in results if r not in granted)
    for keeper in keepers:
        await keeper.stop()
    await stage.check()


async def test_all_five_levels_must_hold(stage: Any, keeper: BudgetKeeper) -> None:
    await _organisation_budget(stage, "5")
    await stage.budget("4")
    await stage.budget("3", scope="project", scope_id="prj_1")
    await stage.budget("2", scope="key", scope_id="key_1")
    await stage.budget("1", scope="end_user", scope_id="*")
    spender = {**_GROUP, "end_user": "eu_a"}
    for amount, scope, names in (
        ("1.5", "end_user", spender),
        ("2.5", "key", _GROUP),
        ("3.5", "project", {**_GROUP, "key_id": "key_2"}),
        ("4.5", "tenant", {**_GROUP, "key_id": "key_2", "project_id": "prj_2"}),
        ("5.5", "organisation", {**_GROUP, "tenant": "globex"}),
    ):
        with pytest.raises(BudgetExceeded) as caught:
            await stage.reserve(keeper, amount, **names)
        assert caught.value.scope == scope
    assert len((await stage.reserve(keeper, "1", **spender)).holds) == 5


async def test_each_end_user_has_a_balance_of_their_own(stage: Any, keeper: BudgetKeeper) -> None:
    budget_id = await stage.budget("1", scope="end_user", scope_id="*", period="day")
    first = await stage.reserve(keeper, "0.75", end_user="eu_a")
    second = await stage.reserve(keeper, "1", end_user="eu_b")
    with pytest.raises(BudgetExceeded) as caught:
        await stage.reserve(keeper, "0.26", end_user="eu_a")
    assert (caught.value.scope_id, "eu_a" in caught.value.message) == ("*", False)
    # A request that names nobody is bounded by the other budgets alone.
    assert (await stage.reserve(keeper, "50")).holds == ()
    await stage.drain(stage.settle(keeper, first, 75), stage.settle(keeper, second, 25))
    day = f"{budget_id}/2026-11-21"
    assert await _balances(stage) == {
        f"{day}/eu_a": (Decimal("0.75"), 0),
        f"{day}/eu_b": (Decimal("0.25"), Decimal("0.75")),
    }
    async with stage.database.session() as session:
        row = await session.get_one(BudgetPeriod, f"{day}/eu_a")
        (status,) = await BudgetService(stage.clock).list(session, "acme")
    assert row.end_user == "eu_a"
    assert (status.spent, status.leased) == (Decimal("0.75"), 0)  # of who spent most


async def test_one_end_user_can_have_a_budget_beside_that_of_each(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.budget("5", scope="end_user", scope_id="*")
    budget_id = await stage.budget("2", scope="end_user", scope_id="eu_a")
    with pytest.raises(BudgetExceeded):
        await stage.reserve(keeper, "2.01", end_user="eu_a")
    reservation = await stage.reserve(keeper, "2", end_user="eu_a")
    await stage.reserve(keeper, "5", end_user="eu_b")
    await stage.drain(stage.settle(keeper, reservation, 150))
    async with stage.database.session() as session:
        status = await BudgetService(stage.clock).get(session, "acme", budget_id)
    assert (status.spent, status.remaining) == (Decimal("1.5"), Decimal("0.5"))


async def test_a_soft_budget_of_each_end_user_says_whose_is_used_up(
    stage: Any, keeper: BudgetKeeper
) -> None:
    await stage.budget("1", scope="end_user", scope_id="*", hard=False)
    first = await stage.reserve(keeper, "3", end_user="eu_a")
    second = await stage.reserve(keeper, "3", end_user="eu_b")
    await stage.drain(stage.settle(keeper, first, 100), stage.settle(keeper, second, 99))
    stage.clock.advance(timedelta(seconds=6))
    await keeper.beat()
    over = [(await stage.reserve(keeper, "3", end_user=name)).over for name in ("eu_a", "eu_b")]
    assert over == [("end_user/*/month",), ()]


async def test_what_was_spent_before_counts_on_every_level(
    stage: Any, keeper: BudgetKeeper
) -> None:
    """60 cents by a named end user, 20 by nobody; then 10 are credited to the first request."""
    names = {**_GROUP, "end_user": "eu_a"}
    first = await stage.reserve(keeper, "1", **names)
    second = await stage.reserve(keeper, "1", **_GROUP, key_id="key_2", project_id="prj_2")
    await stage.drain(stage.settle(keeper, first, 60), stage.settle(keeper, second, 20))
    async with stage.database.transaction() as session:
        await adjust(
            session,
            stage.clock,
            tenant="acme",
            amount="-0.1",
            reason="goodwill",
            author="usr_1",
            request_id=first.request_id,
        )
    ids = {
        await _organisation_budget(stage, "9"): "0.7",
        await stage.budget("9"): "0.7",
        await stage.budget("9", scope="project", scope_id="prj_1"): "0.5",
        await stage.budget("9", scope="key", scope_id="key_1"): "0.5",
        await stage.budget("9", scope="end_user", scope_id="eu_a"): "0.5",
        await stage.budget("9", scope="end_user", scope_id="*"): "0.5",
    }
    for owner in ("acme", "@group"):
        keeper.invalidate(owner)
    reservation = await stage.reserve(keeper, "0.1", **names)
    assert len(reservation.holds) == 6
    found = {b.period_id.split("/")[0]: b.spent for b in (await stage.check()).budgets}
    assert found == {id_: Decimal(amount) for id_, amount in ids.items()}
    keeper.release(reservation)


async def test_a_correction_counts_where_its_request_did(stage: Any, keeper: BudgetKeeper) -> None:
    await _organisation_budget(stage, "9")
    await stage.budget("9", scope="end_user", scope_id="*")
    await stage.budget("9", scope="end_user", scope_id="eu_b", period="total")
    reservation = await stage.reserve(keeper, "1", **_GROUP, end_user="eu_a")
    await stage.drain(stage.settle(keeper, reservation, 100))
    common: dict[str, Any] = {"tenant": "acme", "reason": "goodwill", "author": "usr_1"}
    async with stage.database.transaction() as session:
        await adjust(
            session, stage.clock, amount="-0.25", request_id=reservation.request_id, **common
        )
        # Of no request: the whole tenant's, and its organisation's, which the caller knows.
        await adjust(session, stage.clock, amount="-0.5", organisation="group", **common)
        await adjust(session, stage.clock, amount="-0.1", **common)
    spent = sorted(b.spent for b in (await stage.check()).budgets)
    assert spent == [Decimal("0.25"), Decimal("0.75")]  # the organisation's, and eu_a's


async def test_the_periods_of_the_callers_instant_are_charged(
    stage: Any, keeper: BudgetKeeper
) -> None:
    """Priced a moment before midnight, reserved after it."""
    await stage.budget("1", period="day")
    priced_at = stage.clock.now().replace(hour=23, minute=59, second=59)
    stage.clock.advance(timedelta(hours=12, seconds=1))
    reservation = await stage.reserve(keeper, "1", at=priced_at)
    assert (reservation.at, reservation.holds[0].period_id[-10:]) == (priced_at, "2026-11-21")
    await stage.reserve(keeper, "1")
    await stage.drain(stage.settle(keeper, reservation, 70))
    spent = {id_[-10:]: amounts[0] for id_, amounts in (await _balances(stage)).items()}
    assert spent == {"2026-11-21": Decimal("0.7"), "2026-11-22": 0}


async def test_accounts_of_idle_end_users_are_dropped(stage: Any, keeper: BudgetKeeper) -> None:
    await stage.budget("8", scope="end_user", scope_id="*", period="total")
    for number in range(20):
        keeper.release(await stage.reserve(keeper, "1", end_user=f"eu_{number}"))
    assert len(list(keeper._accounts)) == 20
    kept = await stage.reserve(keeper, "1", end_user="eu_0")
    for _ in range(2):
        stage.clock.advance(timedelta(seconds=31))
        await keeper.beat()
    assert len(list(keeper._accounts)) == 1
    assert {b.leased for b in (await stage.check()).budgets} == {0, 1}
    keeper.release(kept)
    assert (await stage.reserve(keeper, "8", end_user="eu_19")).amount == 8


async def test_a_drain_reads_no_more_periods_than_it_moves(
    stage: Any, keeper: BudgetKeeper
) -> None:
    """However many days, end users and other budgets there are."""
    await stage.budget("9", scope="end_user", scope_id="*", period="day")
    for number in range(12):
        reservation = await stage.reserve(keeper, "1", end_user=f"eu_{number}")
        await stage.drain(stage.settle(keeper, reservation, 10))
    reservation = await stage.reserve(keeper, "1", end_user="eu_3")
    loaded: list[str] = []

    def note(row: BudgetPeriod, _: Any) -> None:
        loaded.append(row.id)

    event.listen(BudgetPeriod, "load", note)
    await stage.drain(stage.settle(keeper, reservation, 10))
    event.remove(BudgetPeriod, "load", note)
    assert [id_[-4:] for id_ in loaded] == ["eu_3"]


@pytest.mark.parametrize(
    ("owner", "options"),
    [
        ("acme", {"scope": "organisation", "scope_id": "group"}),
        ("@group", {"scope": "tenant", "scope_id": "@group"}),
        ("@group", {"scope": "organisation", "scope_id": "other"}),
        ("@group", {"scope": "key", "scope_id": "key_1"}),
        ("acme", {"scope": "tenant", "scope_id": "globex"}),
        ("acme", {"scope": "end_user"}),
        ("acme", {"scope": "planet", "scope_id": "earth"}),
        ("acme", {"period": "week"}),
        ("acme", {"limit": "-1"}),
    ],
)
async def test_a_budget_fits_its_owner(stage: Any, owner: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidBudget):
        await stage.budget(**{"limit": "1", "tenant": owner, **options})
