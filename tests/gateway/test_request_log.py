"""The log's line of a request: what stands in it, and when it is written."""

import asyncio
import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from core.clock import ManualClock
from gateway.errors import UnknownModel
from gateway.exchange import Exchange
from gateway.request_log import GATHER_S, RequestLog


def _exchange(**more: Any) -> Exchange:
    given = {
        "request_id": "req_1",
        "trace_id": None,
        "principal": SimpleNamespace(tenant="acme", key_id="key_1"),
        "route": None,
        "called": False,
        "outcome": "completed",
        "error": None,
        "stream": False,
        "timing": SimpleNamespace(started=1.0, ended=1.25),
    }
    return cast(Exchange, SimpleNamespace(**{**given, **more}))


async def test_lines_of_many_requests_are_written_at_once() -> None:
    sink = io.StringIO()
    log = RequestLog(ManualClock(datetime(2026, 11, 28, 12, tzinfo=UTC)), sink)
    log.write(_exchange())
    log.write(_exchange(principal=None, outcome="denied", error=UnknownModel("x"), stream=True))
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
    log.write(_exchange(request_id="req_3"))
    log.flush()
    assert json.loads(sink.getvalue().splitlines()[2])["request_id"] == "req_3"
