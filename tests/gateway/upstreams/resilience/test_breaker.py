"""The circuit breaker: when it opens, who may try, what closes it."""

from gateway.settings import ResilienceSettings
from gateway.upstreams.resilience.breaker import Breaker, BreakerState

RULES = ResilienceSettings(
    breaker_percent=50, breaker_minimum=4, breaker_window_s=10, breaker_open_s=5
)


def outcome(breaker: Breaker, now: float, *, fails: bool) -> None:
    epoch = breaker.acquire(now)
    assert epoch is not None
    (breaker.failed if fails else breaker.succeeded)(epoch, now)


def opened() -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(4):
        outcome(breaker, 0.0, fails=True)
    assert breaker.state(0.0) is BreakerState.OPEN
    return breaker


def test_it_opens_at_its_share_of_enough_attempts() -> None:
    breaker = Breaker(RULES)
    for fails in (True, True, True):
        outcome(breaker, 1.0, fails=fails)
    assert breaker.state(1.0) is BreakerState.CLOSED  # too few
    for fails in (False, False, False, False):
        outcome(breaker, 1.0, fails=fails)
    assert breaker.state(1.0) is BreakerState.CLOSED  # 3 of 7
    outcome(breaker, 1.0, fails=True)
    assert breaker.state(1.0) is BreakerState.OPEN  # 4 of 8
    assert breaker.acquire(1.0) is None
    assert breaker.retry_after_s(2.0) == 4.0


def test_what_is_older_than_the_window_is_forgotten() -> None:
    breaker = Breaker(RULES)
    for _ in range(3):
        outcome(breaker, 0.0, fails=True)
    outcome(breaker, 10.5, fails=True)
    assert breaker.state(10.5) is BreakerState.CLOSED


def test_half_open_lets_one_try_and_an_answer_closes_it() -> None:
    breaker = opened()
    assert breaker.acquire(4.9) is None
    trial = breaker.acquire(5.0)
    assert trial is not None
    assert breaker.acquire(5.0) is None
    breaker.succeeded(trial, 6.0)
    assert breaker.state(6.0) is BreakerState.CLOSED
    outcome(breaker, 6.0, fails=True)
    assert breaker.state(6.0) is BreakerState.CLOSED  # it counts anew


def test_a_failed_trial_opens_it_for_another_while() -> None:
    breaker = opened()
    outcome(breaker, 5.0, fails=True)
    assert breaker.state(9.9) is BreakerState.OPEN
    assert breaker.state(10.0) is BreakerState.HALF_OPEN
    assert breaker.opened == 2


def test_a_trial_that_nobody_waits_for_makes_room_for_another() -> None:
    breaker = opened()
    trial = breaker.acquire(5.0)
    assert trial is not None
    breaker.abandoned(trial)
    assert breaker.acquire(5.0) is not None


def test_what_began_before_says_nothing_about_the_trial() -> None:
    breaker = Breaker(RULES)
    early = breaker.acquire(0.0)
    assert early is not None
    for _ in range(4):
        outcome(breaker, 0.0, fails=True)
    trial = breaker.acquire(5.0)
    assert trial is not None
    breaker.failed(early, 5.0)
    breaker.succeeded(early, 5.0)
    assert breaker.state(5.0) is BreakerState.HALF_OPEN
    breaker.succeeded(trial, 5.0)
    assert breaker.state(5.0) is BreakerState.CLOSED


def test_answers_that_break_off_count_once_as_failures() -> None:
    breaker = Breaker(RULES)
    for _ in range(4):
        epoch = breaker.acquire(0.0)
        assert epoch is not None
        breaker.succeeded(epoch, 0.0)
        breaker.failed(epoch, 0.0, late=True)
    assert breaker.state(0.0) is BreakerState.OPEN  # 2 of 4 were enough
    assert breaker.opened == 1


def test_without_a_share_it_never_opens() -> None:
    breaker = Breaker(ResilienceSettings(breaker_percent=None))
    for _ in range(1000):
        outcome(breaker, 0.0, fails=True)
    assert breaker.state(0.0) is BreakerState.CLOSED
