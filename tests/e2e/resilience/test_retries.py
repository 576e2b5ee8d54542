"""Attempts at one upstream, and at the servers of a pool: docs/resilience.md."""

from collections import Counter
from typing import Any

import pytest

from core.money import ZERO
from support.failing_site import Place


def record(place: Place, answer: Any) -> dict[str, Any]:
    return place.site.check().records[answer.id]


def tried(place: Place, answer: Any) -> list[tuple[str, str]]:
    route = record(place, answer)["route"]
    assert route["attempts"] == max(len(route["tried"]), 1)
    return [(each["kind"], each["result"]) for each in route["tried"]]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("reset-before-head", "upstream_error"),
        ("hang-up", "upstream_error"),
        ("500", "upstream_error"),
        ("502", "upstream_error"),
        ("503", "upstream_error"),
        ("504", "upstream_error"),
        ("429-soon", "upstream_rate_limited"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_it_is_tried_again(place: Place, fault: str, code: str, stream: bool) -> None:
    """A 503 says to come in 9 s, which is longer than anybody waits here."""
    waits = fault != "503"
    answer = place.site.ask(model=fault, stream=stream)
    assert answer.code == code
    expected = [("first", code), ("retry", code)] if waits else []
    assert tried(place, answer) == expected
    assert place.site.check().cost(answer.id) == ZERO


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("400", "upstream_rejected"),
        ("429", "upstream_rate_limited"),
        ("429-nonsense", "upstream_rate_limited"),
        ("302", "upstream_error"),
        ("garbage", "upstream_invalid_reply"),
        ("html", "upstream_invalid_reply"),
        ("stall-before-head", "upstream_first_token_timeout"),
        ("reset-after-head", "upstream_error"),
        ("stall-after-head", "upstream_idle_timeout"),
        ("half", "upstream_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_it_is_not_tried_again(place: Place, fault: str, code: str, stream: bool) -> None:
    before = place.servers.count(0)
    answer = place.site.ask(model=fault, stream=stream)
    assert answer.code == code
    assert place.servers.count(0) == before + 1
    assert record(place, answer)["route"]["attempts"] == 1


def test_what_began_is_charged_and_what_did_not_is_not(place: Place) -> None:
    begun = place.site.ask(model="half", stream=True)
    none = place.site.ask(model="500")
    books = place.site.check()
    assert books.cost(begun.id) > ZERO
    assert books.records[begun.id]["tokens"]["estimated"]
    assert books.cost(none.id) == ZERO


def test_a_kept_connection_that_was_closed_costs_no_attempt(place: Place) -> None:
    """No retries, and yet each request is answered."""
    place.servers.plays(0, unrepeated="hang-up-when-kept")
    for _ in range(4):
        (plain, streamed) = place.site.serves(model="unrepeated")
        for answer in (plain, streamed):
            assert record(place, answer)["route"]["attempts"] == 1


def test_silence_is_tried_again_only_where_that_is_wanted(place: Place) -> None:
    place.servers.plays(0, eager="stall-before-head")
    answer = place.site.ask(model="eager")
    late = "upstream_first_token_timeout"
    assert answer.code == late
    assert tried(place, answer) == [("first", late), ("retry", late)]


def test_no_budget_no_further_attempt(place: Place) -> None:
    place.servers.plays(0, thrifty="500")
    before = place.servers.count(0)
    for _ in range(5):
        assert place.site.ask(model="thrifty").status == 502
    assert place.servers.count(0) == before + 5


@pytest.mark.parametrize(
    ("model", "fault", "code"),
    [
        ("first", "stall-before-head", "upstream_first_token_timeout"),
        ("first", "stall-after-head", "upstream_first_token_timeout"),
        ("stalling", "stall-within", "upstream_idle_timeout"),
        ("whole", "endless", "upstream_total_timeout"),
    ],
)
def test_each_deadline_has_its_code(place: Place, model: str, fault: str, code: str) -> None:
    if model == "stalling":
        model = fault
    else:
        place.servers.plays(0, **{model: fault})
    answer = place.site.ask(model=model, stream=True)
    assert answer.code == code
    assert record(place, answer)["error_code"] == code


def test_a_first_token_that_comes_in_time_ends_its_deadline(place: Place) -> None:
    """The answer takes longer than the first token may."""
    place.servers.plays(0, first="late-end")
    assert place.site.ask(model="first", stream=True).is_complete


def test_no_connection(place: Place) -> None:
    answer = place.site.ask(model="gone")
    assert (answer.status, answer.code) == (502, "upstream_unreachable")


def test_a_connection_that_does_not_come_about(place: Place) -> None:
    answer = place.site.ask(model="unheard")
    assert (answer.status, answer.code) == (502, "upstream_connect_timeout")
    assert place.site.check().cost(answer.id) == 0


def test_one_bad_server_of_three_is_passed_over(place: Place) -> None:
    """Nobody notices; after three failures in a row nobody is sent there any more."""
    place.servers.plays(1, pooled="500")
    for server in (2, 3):
        place.servers.plays(server, pooled="ok")
    seen = place.servers.count(1)

    def ask(number: int) -> Any:
        words = [{"role": "user", "content": f"Question {number}"}]
        return place.site.ask(model="pooled", messages=words)

    answers = [ask(number) for number in range(30)]
    assert all(answer.is_complete for answer in answers)
    assert place.servers.count(1) == seen + 3
    assert place.gauge('sovgate_upstream_ejected_servers{upstream="pooled"}') == 1
    books = place.site.check()
    kinds = Counter(
        (each["server"], each["kind"], each["result"])
        for answer in answers
        for each in books.records[answer.id]["route"]["tried"]
    )
    assert kinds[1, "first", "upstream_error"] == 3
    assert sum(count for (_, kind, _), count in kinds.items() if kind == "retry") == 3
    assert all(books.cost(answer.id) == books.cost(answers[0].id) for answer in answers)


def test_a_conversation_stays_on_its_server(place: Place) -> None:
    for server in (1, 2, 3):
        place.servers.plays(server, pooled="ok")
    before = [place.servers.count(server) for server in (1, 2, 3)]
    for _ in range(6):
        assert place.site.ask(model="pooled").is_complete
    grown = [place.servers.count(n) - count for n, count in zip((1, 2, 3), before, strict=True)]
    assert sorted(grown) == [0, 0, 6]
