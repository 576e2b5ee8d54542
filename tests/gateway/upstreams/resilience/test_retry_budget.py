"""How many further attempts there are, and how long they wait."""

import pytest

from gateway.errors import UpstreamError, UpstreamRateLimited
from gateway.settings import ResilienceSettings
from gateway.upstreams.resilience.budget import Backoff, RetryBudget
from gateway.upstreams.resilience.failures import retry_after_s


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (20, 200), (50, 500), (100, 1000)])
def test_attempts_are_a_share_of_the_requests(percent: int, expected: int) -> None:
    budget = RetryBudget(ResilienceSettings(retry_percent=percent, retry_reserve=0))
    spent = 0
    for _ in range(1000):
        budget.earn()
        spent += budget.spend(0.0)
    assert abs(spent - expected) <= 1
    assert budget.refused == 1000 - spent


def test_the_reserve_comes_back_within_ten_seconds() -> None:
    budget = RetryBudget(ResilienceSettings(retry_percent=0, retry_reserve=10))
    assert sum(budget.spend(0.0) for _ in range(50)) == 10
    assert sum(budget.spend(2.0) for _ in range(50)) == 2
    assert sum(budget.spend(100.0) for _ in range(50)) == 10


def test_the_wait_is_a_random_part_of_a_bound_that_doubles() -> None:
    rules = ResilienceSettings(backoff_ms=100, backoff_max_ms=500)
    longest, none = Backoff(rules, lambda: 1.0), Backoff(rules, lambda: 0.0)
    assert [longest.wait_s(number) for number in (1, 2, 3, 4, 5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert none.wait_s(3) == 0.0


def test_retry_after_as_seconds_and_as_a_date() -> None:
    assert retry_after_s(UpstreamRateLimited("", retry_after="7")) == 7.0
    past = UpstreamRateLimited("", retry_after="Fri, 31 Dec 1999 23:59:59 GMT")
    assert retry_after_s(past) == 0.0
    assert retry_after_s(UpstreamError("")) is None
    assert retry_after_s(UpstreamError("", retry_after="soon")) is None
