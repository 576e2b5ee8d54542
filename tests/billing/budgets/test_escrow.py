"""The arithmetic of one lease, changes of unknown outcome included."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.budgets.definitions import BudgetDefinition
from billing.budgets.escrow import EscrowAccount, chunk
from billing.periods import PeriodKind, period_at

_NOW = datetime(2026, 11, 21, tzinfo=UTC)
_LATER = _NOW + timedelta(minutes=1)


@pytest.fixture
def account() -> EscrowAccount:
    budget = BudgetDefinition(
        id="bud_1",
        tenant="acme",
        scope="tenant",
        scope_id="acme",
        period=PeriodKind.MONTH,
        hard=True,
        limit=Decimal(100),
    )
    account = EscrowAccount(budget, period_at(PeriodKind.MONTH, _NOW), "bud_1/2026-11", "lea_1")
    account.begin(Decimal(10), _LATER)
    account.resolve(1)
    return account


def test_reserve_and_close(account: EscrowAccount) -> None:
    account.reserve(Decimal(4), 0)
    assert (account.free, account.reserved) == (6, 4)
    account.close(Decimal(4), Decimal("1.5"))
    assert (account.free, account.reserved) == (Decimal("8.5"), 0)


def test_a_cost_beyond_its_reservation_takes_the_reservation_only(account: EscrowAccount) -> None:
    account.reserve(Decimal(4), 0)
    account.close(Decimal(4), Decimal(7))
    assert (account.free, account.reserved) == (6, 0)


def test_an_expired_lease_has_nothing(account: EscrowAccount) -> None:
    assert account.has(Decimal(10), _NOW)
    assert not account.has(Decimal(11), _NOW)
    assert not account.has(Decimal(1), _LATER)


@pytest.mark.parametrize(("stored", "free"), [(2, 15), (1, 10)])
def test_a_grant_counts_only_if_it_was_stored(
    account: EscrowAccount, stored: int, free: int
) -> None:
    account.begin(Decimal(5), _LATER)
    assert account.free == 10
    account.resolve(stored)
    assert (account.free, account.serial, account.pending) == (free, stored, None)


@pytest.mark.parametrize(("stored", "free"), [(2, 7), (1, 10)])
def test_a_return_is_undone_only_if_it_was_not_stored(
    account: EscrowAccount, stored: int, free: int
) -> None:
    account.begin(Decimal(-3), _LATER)
    assert account.free == 7  # at once: it may be someone else's already
    account.resolve(stored)
    assert (account.free, account.serial) == (free, stored)


def test_a_fenced_account_starts_with_nothing(account: EscrowAccount) -> None:
    account.reserve(Decimal(4), 0)
    account.fence("lea_2")
    assert (account.free, account.reserved, account.lease_id) == (0, 0, "lea_2")
    assert not account.has(Decimal(0), _NOW)


@pytest.mark.parametrize(
    ("need", "available", "size"),
    [
        ("1", "200", "25"),
        ("30", "200", "30"),
        ("1", "8", "1"),
        ("1", "1", "1"),
        ("1", "0.99", "0"),
        ("0.1", "1", "0.125"),
        ("0.0000001", "1.0000001", "0.125"),
    ],
)
def test_leases_shrink_towards_the_edge(need: str, available: str, size: str) -> None:
    assert chunk(Decimal(need), Decimal(available), 8) == Decimal(size)
