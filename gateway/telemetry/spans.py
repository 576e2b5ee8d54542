"""From a finished exchange to its spans: names and numbers, read before the exchange is let go.

    POST /v1/chat/completions          server
    ├── sovgate.admit                  authentication, limits, budgets
    ├── sovgate.inspect_input          with an event for each guard's finding
    ├── sovgate.route
    ├── chat sov-flash                 client: the upstream, from its call to the end of its answer
    └── sovgate.inspect_output         from the head of its answer on

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

import os
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.exchange import Exchange, GuardDecision
from gateway.telemetry.context import TraceContext

SERVER, CLIENT, INTERNAL = 2, 3, 1  # as in the protocol
_OPERATIONS = {
    "/chat/completions": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
}
_PROVIDERS = {
    "anthropic": "anthropic",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "perplexity": "perplexity",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
Attributes = dict[str, Any]


class SpanEvent(NamedTuple):
    name: str
    at: int  # nanoseconds since 1970
    attributes: Attributes


class SpanData(NamedTuple):
    """One span; identifiers in hex, times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: int
    start: int
    end: int
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    error: str | None = None
    state: str | None = None


def spans_of(exchange: Exchange) -> list[SpanData]:
    """The spans of a traced exchange; empty for one that is not."""
    trace, ended = exchange.trace, exchange.timing.ended
    if trace is None or trace.span_id is None or ended is None:
        return []
    clock = _Clock(exchange)
    error = exchange.error.code if exchange.error is not None else None
    root = SpanData(
        trace.trace_id,
        trace.span_id,
        trace.parent_id,
        f"{_method(exchange)} {_path(exchange)}",
        SERVER,
        clock(exchange.timing.started),
        clock(ended),
        _request_attributes(exchange) | ({"error.type": error} if error else {}),
        error=error,
        state=trace.state,
    )
    spans = [root, *_stages(exchange, trace, clock, ended)]
    if exchange.called and exchange.timing.called is not None:
        spans.append(_call(exchange, trace, clock, ended))
    return spans


class _Clock:
    """Monotonic seconds of an exchange as nanoseconds since 1970."""

    def __init__(self, exchange: Exchange) -> None:
        self._at = int(exchange.started_at.timestamp() * 1e6) * 1000
        self._started = exchange.timing.started

    def __call__(self, at: float) -> int:
        return self._at + int((at - self._started) * 1e9)


def _stages(exchange: Exchange, trace: TraceContext, clock: _Clock, ended: float) -> list[SpanData]:
    timing = exchange.timing
    marks = [
        ("admit", timing.started, timing.admitted),
        ("inspect_input", timing.admitted, timing.inspected),
        ("route", timing.inspected, timing.routed),
        ("journal", timing.routed, timing.called),
        ("inspect_output", timing.head, ended),
    ]
    spans = []
    for name, start, end in marks:
        if start is None:
            continue
        spans.append(
            SpanData(
                trace.trace_id,
                os.urandom(8).hex(),
                trace.span_id,
                f"sovgate.{name}",
                INTERNAL,
                clock(start),
                clock(end if end is not None else ended),
                {},
                tuple(_findings(exchange.decisions, name, clock(end or ended))),
            )
        )
        if end is None:
            break  # the request ended in this stage
    return spans


def _findings(decisions: list[GuardDecision], stage: str, at: int) -> list[SpanEvent]:
    direction = {"inspect_input": "input", "inspect_output": "output"}.get(stage)
    return [
        SpanEvent(
            "sovgate.guard",
            at,
            {
                "sovgate.guard.name": decision.name,
                "sovgate.guard.version": decision.version,
                "sovgate.guard.action": str(decision.action),
                "sovgate.guard.verdict": decision.verdict,
                **({"sovgate.guard.category": decision.category} if decision.category else {}),
            },
        )
        for decision in decisions
        if decision.direction == direction and decision.verdict != "clear"
    ]


def _call(exchange: Exchange, trace: TraceContext, clock: _Clock, ended: float) -> SpanData:
    timing, operation = exchange.timing, _operation(exchange)
    assert timing.called is not None
    assert trace.call_id is not None
    error = exchange.error.code if exchange.error is not None else None
    attributes = _genai_attributes(exchange)
    if error:
        attributes["error.type"] = error
    events: tuple[SpanEvent, ...] = ()
    if exchange.stream and timing.first_token is not None:
        events = (SpanEvent("gen_ai.first_token", clock(timing.first_token), {}),)
    return SpanData(
        trace.trace_id,
        trace.call_id,
        trace.span_id,
        f"{operation} {exchange.target.model}",
        CLIENT,
        clock(timing.called),
        clock(ended),
        attributes,
        events,
        error,
    )


def _request_attributes(exchange: Exchange) -> Attributes:
    principal, route = exchange.principal, exchange.route
    found: Attributes = {
        "http.request.method": _method(exchange),
        "http.route": _path(exchange),
        "sovgate.request.id": exchange.request_id,
        "sovgate.surface": exchange.surface.name,
        "sovgate.outcome": exchange.outcome,
    }
    if principal is not None:
        found |= {"sovgate.tenant": principal.tenant, "sovgate.key.id": principal.key_id}
    if route is not None:
        found["sovgate.tier"] = route.target.tier or "deployment"
    if exchange.cache is not None:
        found["sovgate.cache"] = exchange.cache.result
    if exchange.price_version is not None:
        found["sovgate.cost"] = exchange.cost_text
        found["sovgate.currency"] = exchange.currency or ""
    found |= {f"sovgate.masked.{name.lower()}": n for name, n in exchange.masked.items()}
    return found | _genai_attributes(exchange)


def _genai_attributes(exchange: Exchange) -> Attributes:
    found: Attributes = {"gen_ai.operation.name": _operation(exchange)}
    if exchange.targets:  # a name that was found nowhere may be anything
        found["gen_ai.request.model"] = exchange.body["model"]
    if exchange.route is not None and exchange.called:
        found["gen_ai.response.model"] = exchange.target.model
    if exchange.passage is not None and exchange.called:
        found |= _server(exchange)
    if exchange.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = [exchange.finish_reason]
    usage = exchange.usage
    if usage is not None:
        found["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        found["gen_ai.usage.output_tokens"] = usage.completion_tokens
        if usage.cached_input_tokens:
            found["gen_ai.usage.cache_read.input_tokens"] = usage.cached_input_tokens
    return found


def _server(exchange: Exchange) -> Attributes:
    assert exchange.passage is not None
    settings = exchange.passage.deployed.settings
    prefix = (settings.model_prefix or "").split("/")[0]
    provider = _PROVIDERS.get(prefix, settings.kind)
    found: Attributes = {
        "gen_ai.provider.name": provider,
        "sovgate.upstream": settings.name,
        "sovgate.zone": settings.zone,
    }
    url = settings.base_url or (settings.workers[0] if len(settings.workers) == 1 else None)
    if url is not None:
        parts = urlsplit(url)
        found["server.address"] = parts.hostname or ""
        if parts.port is not None:
            found["server.port"] = parts.port
    return found


def _operation(exchange: Exchange) -> str:
    return _OPERATIONS.get(exchange.surface.endpoint, "generate_content")


def _method(exchange: Exchange) -> str:
    return str(exchange.connection.scope["method"])


def _path(exchange: Exchange) -> str:
    """The route's template: what stands for its names may be anything."""
    path = exchange.connection.scope["path"]
    for name, value in exchange.connection.path.items():
        path = path.replace(value, f"{{{name}}}")
    return str(path)
