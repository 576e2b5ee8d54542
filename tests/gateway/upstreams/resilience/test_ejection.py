"""Servers that are passed over, and who asks whom meanwhile."""

from collections import Counter

from gateway.settings import ResilienceSettings
from gateway.upstreams.base import Health
from gateway.upstreams.resilience.ejection import Ejection
from gateway.upstreams.resilience.servers import Servers

RULES = ResilienceSettings(eject_after=3, eject_s=10, eject_max_percent=50)
TEXTS = [f"conversation {number}" for number in range(2000)]


def failing(ejection: Ejection, server: int, now: float, times: int = 3) -> None:
    for _ in range(times):
        ejection.failed(server, now)


def firsts(servers: Servers, now: float) -> dict[str, int]:
    return {text: servers.order(text, now)[0] for text in TEXTS}


def test_failures_in_a_row_eject() -> None:
    ejection = Ejection(3, RULES)
    failing(ejection, 1, 0.0, times=2)
    ejection.succeeded(1)
    failing(ejection, 1, 0.0, times=2)
    assert ejection.out(0.0) == []
    ejection.failed(1, 0.0)
    assert ejection.out(9.9) == [1]
    assert ejection.out(10.0) == []
    assert ejection.share(1, 15.0) == 0.5
    assert ejection.share(1, 20.0) == 1.0
    assert ejection.is_idle


def test_no_more_than_half_are_passed_over_and_one_at_least() -> None:
    for count, most in ((1, 0), (2, 1), (3, 1), (4, 2), (5, 2)):
        ejection = Ejection(count, RULES)
        for server in range(count):
            failing(ejection, server, 0.0)
        assert len(ejection.out(0.0)) == most


def test_a_server_that_fails_as_it_comes_back_goes_for_longer() -> None:
    ejection = Ejection(2, RULES)
    failing(ejection, 0, 0.0)
    ejection.failed(0, 12.0)  # one is enough
    assert ejection.out(31.9) == [0]
    assert ejection.out(32.0) == []


def test_one_that_is_much_slower_than_the_others() -> None:
    rules = RULES.model_copy(update={"eject_latency_factor": 3.0})
    ejection = Ejection(3, rules)
    for _ in range(40):
        ejection.answered(0, 0.1, 0.0)
        ejection.answered(1, 0.12, 0.0)
        ejection.answered(2, 0.5, 0.0)
    assert ejection.out(0.0) == [2]


def test_speed_means_nothing_unless_it_is_asked_for() -> None:
    ejection = Ejection(3, RULES)
    for _ in range(40):
        ejection.answered(0, 0.1, 0.0)
        ejection.answered(2, 9.0, 0.0)
    assert ejection.is_idle


def test_only_the_conversations_of_an_ejected_server_move_and_they_come_back_once() -> None:
    servers = Servers(["a", "b", "c"], Health(), RULES)
    home = firsts(servers, 0.0)
    assert all(600 < count < 740 for count in Counter(home.values()).values())
    failing(servers.ejection, 1, 0.0)
    away = firsts(servers, 5.0)
    assert 1 not in away.values()
    assert all(away[text] == home[text] for text in TEXTS if home[text] != 1)
    before: set[str] = set()
    for now in (11.0, 13.0, 15.0, 17.0, 19.0):
        back = {text for text, server in firsts(servers, now).items() if server == 1}
        assert before < back
        before = back
    assert firsts(servers, 20.0) == home


def test_where_all_are_away_all_are_asked() -> None:
    health = Health(servers={"a": False, "b": False})
    servers = Servers(["a", "b"], health, RULES)
    failing(servers.ejection, 0, 0.0)
    assert sorted(servers.order("x", 0.0)) == [0, 1]
    health.servers["a"] = True  # rather one that answers than one that is not ejected
    assert servers.order("x", 0.0)[0] == 0
