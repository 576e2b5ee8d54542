"""Room at an upstream: whose turn it is, and who leaves. Nothing here depends on time: the
upstream answers when it is told to."""

from concurrent.futures import Future
from typing import Any

import pytest

from support.deployment import KEYS
from support.failing_site import Place
from support.faults import HELLO, Answer
from support.outcomes import hanging_up

ACME, GLOBEX = KEYS["acme"], KEYS["globex"]
FLEX = {"service_tier": "flex"}


class Line:
    """Requests that wait at an upstream of the gateway, put there one after the other."""

    def __init__(self, place: Place, model: str) -> None:
        self.place, self.model = place, model
        self.asked: dict[str, list[Future[Answer]]] = {}
        self._seen = place.servers.count(0)
        place.servers.plays(0, **{model: "hold"})

    def at_work(self, count: int) -> None:
        """Take the room that there is."""
        for number in range(count):
            self._ask("first", key=ACME)
            self.place.soon(lambda n=number: self.served() == n + 1)

    def wait(self, who: str, count: int = 1, **request: Any) -> None:
        for _ in range(count):
            before = self.queued()
            self._ask(who, **request)
            self.place.soon(lambda b=before: self.queued() == b + 1)

    def queued(self) -> int:
        return sum(
            int(
                self.place.gauge(
                    f'sovgate_upstream_queued{{priority="{priority}",upstream="{self.model}"}}'
                )
            )
            for priority in ("interactive", "batch")
        )

    def served(self) -> int:
        """How many requests the upstream has got."""
        return self.place.servers.count(0) - self._seen

    def order(self, count: int) -> list[str]:
        """Answer one after the other; who of ``count`` came when."""
        at_work = self.served()
        for number in range(count):
            self.place.servers.release(0)
            self.place.soon(lambda n=number: self.served() == at_work + n + 1)
        self.place.servers.release(0, at_work)
        names = {asked.result().id: who for who, each in self.asked.items() for asked in each}
        return [names[id_] for id_ in self.place.servers.each[0].ids()[-count:]]

    def _ask(self, who: str, **request: Any) -> None:
        asked = self.place.ask_later(model=self.model, **request)
        self.asked.setdefault(who, []).append(asked)


@pytest.mark.parametrize(("model", "room"), [("narrow", 1), ("wide", 4)])
def test_two_tenants_have_exact_shares(place: Place, model: str, room: int) -> None:
    line = Line(place, model)
    line.at_work(room)
    line.wait("acme", 8, key=ACME)
    line.wait("globex", 4, key=GLOBEX)
    assert line.order(12) == ["acme", "globex"] * 4 + ["acme"] * 4
    assert (
        place.gauge(f'sovgate_upstream_running{{priority="interactive",upstream="{model}"}}') == 0
    )


def test_interactive_passes_batch(place: Place) -> None:
    line = Line(place, "narrow")
    line.at_work(1)
    line.wait("batch", 3, key=ACME, **FLEX)
    line.wait("interactive", 2, key=ACME)
    assert line.order(5) == ["interactive"] * 2 + ["batch"] * 3
    for priority, count in (("interactive", 2), ("batch", 3)):
        labels = f'{{priority="{priority}",upstream="narrow"}}'
        assert place.gauge(f"sovgate_upstream_queue_waits_total{labels}") >= count
        assert place.gauge(f"sovgate_upstream_queue_wait_seconds_total{labels}") > 0


def test_a_full_queue(place: Place) -> None:
    line = Line(place, "tight")
    line.at_work(1)
    refused = place.site.refuses(503, "upstream_queue_full", model="tight")
    place.servers.release(0)
    books = place.site.check()
    for answer in refused:
        record = books.records[answer.id]
        assert (record["outcome"], record["upstream"]) == ("denied", None)
        assert books.cost(answer.id) == 0
    assert line.asked["first"][0].result().is_complete


def test_a_turn_that_does_not_come(place: Place) -> None:
    line = Line(place, "brief")
    line.at_work(1)
    place.site.refuses(503, "upstream_queue_timeout", model="brief")
    place.servers.release(0)
    assert line.asked["first"][0].result().is_complete


def test_a_client_that_hangs_up_leaves_the_queue_at_once(place: Place) -> None:
    line = Line(place, "narrow")
    line.at_work(1)
    with hanging_up(place.site.deployment, "acme", {"model": "narrow", "messages": HELLO}):
        place.soon(lambda: line.queued() == 1)
    place.soon(lambda: line.queued() == 0)
    line.wait("next", key=ACME)
    assert line.order(1) == ["next"]
    assert line.served() == 2
