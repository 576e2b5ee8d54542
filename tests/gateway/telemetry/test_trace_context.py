"""W3C trace context: what is believed of a client's headers, and what goes on."""

from typing import Any, cast

import pytest

from gateway.http.connection import Connection
from gateway.telemetry.context import Tracing

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENT = f"00-{TRACE}-{SPAN}-01"


def connection(traceparent: str | None = None, tracestate: str | None = None) -> Connection:
    sent = {b"traceparent": traceparent, b"tracestate": tracestate}
    headers = [(name, value.encode()) for name, value in sent.items() if value is not None]
    return Connection({"headers": headers}, cast(Any, None), cast(Any, None))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "anna@example.com",
        SENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{SENT}-more",
        f"{SENT}\n",
    ],
)
def test_what_is_no_traceparent_is_not_passed_on(wrong: str) -> None:
    assert Tracing().begin(connection(wrong, "a=b")) is None
    begun = Tracing(1.0).begin(connection(wrong, "a=b"))
    assert begun is not None
    assert begun.parent_id is None
    assert begun.state is None


def test_without_a_collector_headers_go_on_as_they_came() -> None:
    trace = Tracing().begin(connection(SENT, "vendor=1"))
    assert trace is not None
    assert trace.headers() == {"traceparent": SENT, "tracestate": "vendor=1"}
    assert trace.span_id is None
    assert Tracing().begin(connection()) is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a=1,b=2", "a=1,b=2"),
        ("a=1, mail=someone@example.com ,b=2", "a=1,b=2"),
        ("name=Anna Lang", None),
        ("tenant@vendor=x", "tenant@vendor=x"),
        ("a=1" + ",b=2" * 200, None),
        ("a=\N{LATIN SMALL LETTER U WITH DIAERESIS}", None),
    ],
)
def test_of_tracestate_only_identifiers_go_on(sent: str, kept: str | None) -> None:
    trace = Tracing().begin(connection(SENT, sent))
    assert trace is not None
    assert trace.state == kept


def test_the_client_decides_what_is_sampled() -> None:
    wanted = Tracing(0.0).begin(connection(SENT))
    assert wanted is not None
    assert wanted.span_id is not None
    assert wanted.headers()["traceparent"] == f"00-{TRACE}-{wanted.call_id}-01"
    unwanted = Tracing(1.0).begin(connection(f"00-{TRACE}-{SPAN}-00"))
    assert unwanted is not None
    assert unwanted.span_id is None


def test_a_share_is_sampled() -> None:
    tracing = Tracing(0.25)
    begun = [tracing.begin(connection()) for _ in range(2000)]
    sampled = [trace for trace in begun if trace is not None and trace.span_id is not None]
    assert 350 < len(sampled) < 650
    unsampled = next(trace for trace in begun if trace is not None and trace.span_id is None)
    assert unsampled.headers()["traceparent"].endswith("-00")
    assert len({trace.trace_id for trace in begun if trace is not None}) == 2000
