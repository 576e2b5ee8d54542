"""Fallbacks, hedging, the breaker: docs/resilience.md."""

import time
from decimal import Decimal

import pytest

from support.deployment import KEYS
from support.failing_site import BREAKER_OPEN_S, Place

GLOBEX = KEYS["globex"]


def roles(place: Place, **faults: str) -> None:
    where = {"main": 0, "abroad": 1, "second": 2, "third": 3}
    for model, server in where.items():
        place.servers.plays(server, **{model: faults.get(model, "ok")})


def cost(usd_per_million_in: str) -> Decimal:
    return (Decimal(11) * Decimal(usd_per_million_in) + Decimal(7) * Decimal("0.60")) / 1_000_000


@pytest.mark.parametrize("fault", ["500", "503", "429", "reset-before-head", "stall-before-head"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_next_target_answers_at_its_own_price(place: Place, fault: str, stream: bool) -> None:
    roles(place, main=fault)
    answer = place.site.ask(model="flash", stream=stream)
    assert answer.is_complete
    assert answer.headers["x-sovgate-upstream"] == "second"
    books = place.site.check()
    record = books.records[answer.id]
    assert (record["upstream"], record["zone"], record["model"]) == ("second", "onprem", "second")
    said = [(each["upstream"], each["kind"]) for each in record["route"]["tried"]]
    assert said == [("main", "first"), ("second", "fallback")]
    assert record["route"]["attempts"] == 2
    assert books.cost(answer.id) == cost("0.60")


def test_a_fallback_abroad_is_for_those_whose_policy_allows_it(place: Place) -> None:
    roles(place, main="500")
    ours, theirs = place.site.ask(model="flash"), place.site.ask(model="flash", key=GLOBEX)
    assert ours.headers["x-sovgate-upstream"] == "second"
    assert theirs.headers["x-sovgate-upstream"] == "abroad"
    books = place.site.check()
    assert books.records[theirs.id]["zone"] == "us"
    zones = {each["zone"] for each in books.records[ours.id]["route"]["tried"]}
    assert zones == {"onprem"}
    assert ours.id not in place.servers.each[1].ids()


def test_the_order_is_that_of_the_settings(place: Place) -> None:
    roles(place, main="500", second="503")
    answer = place.site.ask(model="flash")
    assert answer.headers["x-sovgate-upstream"] == "third"
    route = place.site.check().records[answer.id]["route"]
    assert [each["upstream"] for each in route["tried"]] == ["main", "second", "third"]


def test_where_all_fail_the_last_one_is_on_record(place: Place) -> None:
    roles(place, main="500", second="500", third="reset-before-head")
    answer = place.site.ask(model="flash")
    assert (answer.status, answer.code) == (502, "upstream_error")
    books = place.site.check()
    record = books.records[answer.id]
    assert (record["upstream"], record["outcome"]) == ("third", "error")
    assert record["route"]["attempts"] == 4  # the third is tried twice
    assert books.cost(answer.id) == 0


@pytest.mark.parametrize("fault", ["400", "garbage"])
def test_what_is_wrong_with_the_request_or_the_answer_goes_nowhere_else(
    place: Place, fault: str
) -> None:
    roles(place, main=fault)
    answer = place.site.ask(model="flash")
    assert not answer.is_complete
    assert place.site.check().records[answer.id]["upstream"] == "main"


@pytest.mark.parametrize("fault", ["half", "stall-within", "reset-after-head", "error-event"])
def test_nothing_goes_elsewhere_once_an_answer_has_begun(place: Place, fault: str) -> None:
    roles(place, main=fault)
    answer = place.site.ask(model="flash", stream=True)
    assert answer.code in ("upstream_error", "upstream_idle_timeout")
    record = place.site.check().records[answer.id]
    assert (record["upstream"], record["outcome"]) == ("main", "error")
    assert record["route"]["attempts"] == 1


def test_an_upstream_that_cannot_be_reached(place: Place) -> None:
    roles(place)
    for answer in place.site.serves(model="instant"):
        assert answer.headers["x-sovgate-upstream"] == "third"


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_takes_no_connection(place: Place, stream: bool) -> None:
    """Its queue of connections is full, so that connecting hangs."""
    roles(place)
    answer = place.site.ask(model="think-high", stream=stream)
    assert answer.is_complete
    assert answer.headers["x-sovgate-upstream"] == "third"
    books = place.site.check()
    record = books.records[answer.id]
    assert [(each["upstream"], each["result"]) for each in record["route"]["tried"]] == [
        ("silent", "upstream_connect_timeout"),
        ("third", "answered"),
    ]
    assert books.cost(answer.id) == cost("1.20")


def test_a_model_on_two_upstreams(place: Place) -> None:
    place.servers.plays(1, shared="500")
    place.servers.plays(2, shared="ok")
    for answer in place.site.serves(model="shared"):
        assert answer.headers["x-sovgate-upstream"] == "there"
    place.servers.plays(1, shared="ok")
    assert place.site.ask(model="shared").headers["x-sovgate-upstream"] == "here"


def test_the_breaker_opens_spares_the_upstream_and_closes(place: Place) -> None:
    place.servers.plays(0, breaking="500")
    state, asked = 'sovgate_upstream_breaker{upstream="breaking"}', 0.0
    while place.gauge(state) == 0:
        asked = time.monotonic()
        assert place.site.ask(model="breaking").status in (502, 503)
    seen = place.servers.count(0)
    refused = place.site.ask(model="breaking")
    if time.monotonic() < asked + BREAKER_OPEN_S:  # it has not come to its trial meanwhile
        assert (refused.status, refused.code) == (503, "upstream_unavailable")
        assert int(refused.retry_after or "") >= 1
        assert place.servers.count(0) == seen
        readiness = place.site.readiness()[1]
        if time.monotonic() < asked + BREAKER_OPEN_S:
            assert "breaking" in readiness["left_alone"]
    record = place.site.check().records[refused.id]
    assert record["outcome"] in ("denied", "error")
    place.servers.plays(0, breaking="ok")
    place.site.recovers(lambda: place.site.ask(model="breaking").is_complete)
    assert place.gauge(state) == 0


def test_flapping(place: Place) -> None:
    """Up and down again: it opens each time, and each time it comes back."""
    state = 'sovgate_upstream_breaker{upstream="breaking"}'
    for _ in range(2):
        place.servers.plays(0, breaking="reset-before-head")
        while place.gauge(state) == 0:
            place.site.ask(model="breaking")
        place.servers.plays(0, breaking="ok")
        place.site.recovers(lambda: place.site.ask(model="breaking").is_complete)
        assert place.gauge(state) == 0


def test_an_open_breaker_sends_requests_to_the_fallback(place: Place) -> None:
    roles(place)
    place.servers.plays(0, breaking="500")
    answers = [place.site.ask(model="non-think") for _ in range(6)]
    assert all(answer.is_complete for answer in answers)
    assert {answer.headers["x-sovgate-upstream"] for answer in answers} == {"third"}
    records = place.site.check().records
    assert {records[answer.id]["upstream"] for answer in answers} == {"third"}
    # One of the two may be its trial, and then the other is not.
    assert 1 in {records[answer.id]["route"]["attempts"] for answer in answers[-2:]}
    place.servers.plays(0, breaking="ok")
    place.site.recovers(lambda: place.site.ask(model="breaking").is_complete)


def test_the_first_answer_wins_and_the_other_request_is_hung_up_on(place: Place) -> None:
    """Once each of the two servers: so once the first one wins and once the second."""
    for server in (1, 2):
        place.servers.plays(server, hedged="hold")
    winners = set()
    for quick, slow in ((1, 2), (2, 1)):
        asked = place.ask_later(model="hedged")
        place.soon(lambda: len(asked_both(place)) == 1)
        place.servers.release(quick)
        answer = asked.result()
        assert answer.is_complete
        place.soon(lambda answer=answer, slow=slow: answer.id in place.servers.gone(slow))
        books = place.site.check()
        tried = books.records[answer.id]["route"]["tried"]
        assert {each["server"]: each["result"] for each in tried} == {
            quick: "answered",
            slow: "hung_up",
        }
        winners |= {each["kind"] for each in tried if each["result"] == "answered"}
        assert books.cost(answer.id) == cost("0.15")
    assert winners == {"first", "hedge"}


def test_who_answers_in_time_is_not_hedged(place: Place) -> None:
    for server in (1, 2):
        place.servers.plays(server, patient="ok")
    before = len(place.servers.ids())
    assert place.site.ask(model="patient").is_complete
    assert len(place.servers.ids()) == before + 1


def asked_both(place: Place) -> set[str]:
    """The request that both servers of the pool have got and not answered."""
    one, two = (set(place.servers.each[number].ids()) for number in (1, 2))
    return (one & two) - place.finished
