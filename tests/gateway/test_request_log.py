"""The log's line of a request: what stands in it, and when it is written."""

import asyncio
import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from billing import Usage
from core.clock import ManualClock
from gateway.errors import UnknownModel
from gateway.exchange import Exchange, GuardDecision, Timing
from gateway.metrics import Metrics
from gateway.request_log import GATHER_S, RequestLog
from gateway.routing.targets import Route, Target
from gateway.surfaces import ChatSurface
from gateway.tenants.keys import Principal

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def _exchange(request_id: str = "req_1", **more: Any) -> Exchange:
    connection = cast(Any, SimpleNamespace())
    timing = Timing(started=1.0, called=1.004, ended=1.25)
    made = Exchange(request_id, ChatSurface(), connection, NOW, timing)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def _served(request_id: str, tenant: str = "acme") -> Exchange:
    return _exchange(
        request_id,
        principal=_principal(tenant),
        route=Route(Target("fast", "home", "eu", "small"), "asked"),
        called=True,
        usage=Usage(input_tokens=7, output_tokens=3),
        cost_text="0.25",
        currency="USD",
        price_version="v1",
        decisions=[GuardDecision("pii", "1", "mask", "input", "found")],
    )


def _principal(tenant: str) -> Principal:
    return cast(Principal, SimpleNamespace(tenant=tenant, key_id="key_1"))


def _log(metrics: Metrics) -> tuple[RequestLog, io.StringIO]:
    sink = io.StringIO()
    return RequestLog(ManualClock(NOW), metrics, sink), sink


async def test_lines_of_many_requests_are_written_at_once() -> None:
    log, sink = _log(Metrics())
    log.write(_exchange(principal=_principal("acme")))
    log.write(_exchange(error=UnknownModel("x"), stream=True))
    assert sink.getvalue() == ""
    await asyncio.sleep(2 * GATHER_S)
    first, second = map(json.loads, sink.getvalue().splitlines())
    assert first == {
        "event": "request",
        "level": "info",
        "timestamp": "2026-11-28T12:00:00.000000Z",
        "request_id": "req_1",
        "trace_id": None,
        "tenant": "acme",
        "key_id": "key_1",
        "outcome": "completed",
        "code": None,
        "tier": None,
        "upstream": None,
        "stream": False,
        "duration_ms": 250.0,
    }
    assert (second["tenant"], second["code"], second["stream"]) == (None, "model_not_found", True)
    log.write(_exchange("req_3"))
    log.flush()
    assert json.loads(sink.getvalue().splitlines()[2])["request_id"] == "req_3"


async def test_whoever_asks_for_metrics_sees_every_request_that_ended() -> None:
    metrics = Metrics(tenants=["acme"])
    log, sink = _log(metrics)
    metrics.in_progress = 2
    log.write(_served("req_1"))
    log.write(_served("req_2"))
    log.write(_served("req_3", tenant="small"))
    log.write(_exchange("req_4", error=UnknownModel("x")))
    page = dict(line.rsplit(" ", 1) for line in metrics.render().decode().splitlines())
    surface, answered = 'surface="chat.completions"', 'upstream="home"'
    assert page["sovgate_requests_running"] == "2.0"
    done = f'{{code="ok",outcome="completed",{surface},tier="fast",{answered}}}'
    assert page[f"sovgate_requests_total{done}"] == "3.0"
    denied = f'{{code="model_not_found",outcome="denied",{surface},tier="none",upstream="none"}}'
    assert page[f"sovgate_requests_total{denied}"] == "1.0"
    assert page[f"sovgate_request_seconds_count{{{surface}}}"] == "4.0"
    assert page[f"sovgate_overhead_seconds_sum{{{surface}}}"].startswith("0.016")
    tokens = f'{{model="small",token_class="input",{answered}}}'
    assert page[f"sovgate_tokens_total{tokens}"] == "21.0"
    assert page[f'sovgate_cost_total{{currency="USD",model="small",{answered}}}'] == "0.75"
    assert page['sovgate_tenant_requests_total{outcome="completed",tenant="acme"}'] == "2.0"
    assert page['sovgate_tenant_requests_total{outcome="completed",tenant="other"}'] == "1.0"
    assert page['sovgate_tenant_cost_total{currency="USD",tenant="acme"}'] == "0.5"
    found = '{action="mask",category="none",direction="input",guard="pii"}'
    assert page[f"sovgate_guard_decisions_total{found}"] == "3.0"
    assert len(sink.getvalue().splitlines()) == 4
    metrics.render()
    assert len(sink.getvalue().splitlines()) == 4


async def test_times_fall_into_the_buckets_that_the_library_chooses() -> None:
    """Many are observed at once, by the histogram's own buckets."""
    seconds = [0.0, 0.0049, 0.005, 0.0051, 0.3, 0.3, 119.0, 120.0, 1e6]
    ours, theirs = Metrics(), Metrics()
    log, _ = _log(ours)
    for took in seconds:
        timing = Timing(started=0.0, called=took / 2, ended=took)
        log.write(_exchange(principal=_principal("acme"), timing=timing))
        theirs.duration.labels("chat.completions").observe(took)
        theirs.overhead.labels("chat.completions").observe(took / 2)
    log.flush()

    def histograms(metrics: Metrics) -> list[str]:
        names = (b"sovgate_request_seconds", b"sovgate_overhead_seconds")
        lines = metrics.render().splitlines()
        return [line.decode() for line in lines if line.startswith(names)]

    assert histograms(ours) == histograms(theirs)
    assert any(line.endswith(" 9.0") for line in histograms(ours))
