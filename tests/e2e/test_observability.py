"""Traces, metrics and log lines of a real gateway, at a real collector: what they say, and that
nothing waits for them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings
from support.outcomes import soon
from support.telemetry_receiver import telemetry_receiver

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@dataclass(frozen=True)
class Collector:
    """The process, and what it has written down."""

    url: str
    file: Path

    def entries(self, path: str) -> list[dict[str, Any]]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [entry for line in lines if (entry := json.loads(line))["path"] == path]

    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for entry in self.entries("/v1/traces")
            for resource in entry["content"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def trace_of(self, request_id: str) -> list[dict[str, Any]]:
        """All spans of the trace that a request is in, as soon as they are there."""

        def found() -> list[dict[str, Any]]:
            spans = self.spans()
            roots = [s for s in spans if attributes(s).get("sovgate.request.id") == request_id]
            return [s for s in spans if roots and s["traceId"] == roots[0]["traceId"]]

        return soon(found)


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in span.get("attributes", ())}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    directory = tmp_path_factory.mktemp("collector")
    with telemetry_receiver(directory / "got", directory / "log") as url:
        yield Collector(url, directory / "got")


@pytest.fixture(scope="module")
def observed(
    tmp_path_factory: pytest.TempPathFactory, upstream: Capture, collector: Collector
) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("observed")
    telemetry = {
        "otlp_endpoint": collector.url,
        "headers_env": "SOV_OTLP_HEADERS",
        "metrics": True,
        "interval_s": 0.1,
        "metrics_interval_s": 0.2,
        "queue_length": 50,
        "tenants": ["acme"],
    }
    content = settings(directory, upstream.url, telemetry=telemetry)
    env = {"SOV_OTLP_HEADERS": "x-collector-key=secret-for-tests"}
    with gateway(directory, content, env=env) as deployment:
        yield deployment


@pytest.fixture
def seen(upstream: Capture) -> Capture:
    upstream.reset()
    return upstream


def ask(
    deployment: Deployment,
    content: str = "Hello.",
    *,
    tenant: str = "acme",
    headers: Any = None,
    **more: Any,
) -> httpx.Response:
    body = {"model": "flash", "messages": [{"role": "user", "content": content}], **more}
    return httpx.post(
        f"{deployment.base_url}/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {KEYS[tenant]}", **(headers or {})},
        timeout=30,
    )


def test_a_request_is_a_trace_after_the_conventions(
    observed: Deployment, collector: Collector, seen: Capture
) -> None:
    answer = ask(observed, "Write to anna.lang@example.com.", stream=True)
    spans = collector.trace_of(answer.headers["x-sovgate-request-id"])
    by_name = {span["name"]: span for span in spans}
    root, call = by_name["POST /v1/chat/completions"], by_name["chat sov-flash"]
    assert (root["kind"], call["kind"]) == ("SPAN_KIND_SERVER", "SPAN_KIND_CLIENT")
    assert {span["parentSpanId"] for span in spans if span is not root} == {root["spanId"]}
    assert {"sovgate.admit", "sovgate.inspect_input", "sovgate.route"} < set(by_name)
    said = attributes(call)
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "openai"
    assert said["gen_ai.request.model"] == "flash"
    assert said["gen_ai.response.model"] == "sov-flash"
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == ("11", "7")
    assert said["server.address"] == "127.0.0.1"
    assert attributes(root)["sovgate.tenant"] == "acme"
    assert [event["name"] for event in call["events"]] == ["gen_ai.first_token"]
    event = by_name["sovgate.inspect_input"]["events"][0]
    assert attributes(event)["sovgate.guard.action"] == "mask"
    assert int(root["endTimeUnixNano"]) >= int(call["endTimeUnixNano"])
    entry = collector.entries("/v1/traces")[0]
    assert entry["headers"]["x-collector-key"] == "secret-for-tests"
    resource = attributes(entry["content"]["resourceSpans"][0]["resource"])
    assert resource["service.name"] == "sovgate"


def test_a_failure_names_its_code(observed: Deployment, collector: Collector) -> None:
    answer = ask(observed, model="down-model")
    spans = collector.trace_of(answer.headers["x-sovgate-request-id"])
    root = next(span for span in spans if span["kind"] == "SPAN_KIND_SERVER")
    assert attributes(root)["error.type"] == answer.json()["error"]["code"]
    assert root["status"]["code"] == "STATUS_CODE_ERROR"


def test_a_clients_trace_goes_on_to_the_upstream(
    observed: Deployment, collector: Collector, seen: Capture
) -> None:
    headers = {
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "tracestate": "vendor=t61rcWkgMzE,who=someone@example.com,other=a:b",
    }
    answer = ask(observed, headers=headers)
    spans = collector.trace_of(answer.headers["x-sovgate-request-id"])
    root = next(span for span in spans if span["kind"] == "SPAN_KIND_SERVER")
    call = next(span for span in spans if span["kind"] == "SPAN_KIND_CLIENT")
    assert (root["traceId"], root["parentSpanId"]) == (as_base64(TRACE), as_base64(PARENT))
    sent = seen.seen()[-1]["headers"]
    version, trace_id, parent_id, flags = sent["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert as_base64(parent_id) == call["spanId"]
    assert sent["tracestate"] == "vendor=t61rcWkgMzE,other=a:b"


def as_base64(digits: str) -> str:
    from base64 import b64encode

    return b64encode(bytes.fromhex(digits)).decode()


def test_what_the_client_does_not_want_sampled_is_not(
    observed: Deployment, collector: Collector, seen: Capture
) -> None:
    headers = {"traceparent": f"00-{'c' * 32}-{PARENT}-00"}
    ask(observed, headers=headers)
    assert seen.seen()[-1]["headers"]["traceparent"] == headers["traceparent"]
    later = ask(observed)
    collector.trace_of(later.headers["x-sovgate-request-id"])
    assert as_base64("c" * 32) not in {span["traceId"] for span in collector.spans()}


def test_without_a_collector_a_trace_is_passed_on_as_it_came(
    deployment: Deployment, capture: Capture
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
    ask(deployment, headers=headers)
    ask(deployment)
    first, second = (each["headers"] for each in capture.seen())
    assert (first["traceparent"], first["tracestate"]) == tuple(headers.values())
    assert "traceparent" not in second


def test_metrics_come_under_the_conventions_names(
    observed: Deployment, collector: Collector
) -> None:
    ask(observed, stream=True)

    def names() -> set[str]:
        return {
            metric["name"]
            for entry in collector.entries("/v1/metrics")
            for resource in entry["content"]["resourceMetrics"]
            for scope in resource["scopeMetrics"]
            for metric in scope["metrics"]
        }

    wanted = {
        "gen_ai.server.request.duration",
        "gen_ai.server.time_to_first_token",
        "gen_ai.server.time_per_output_token",
        "sovgate_tokens",
        "sovgate_upstream_healthy",
    }
    soon(lambda: wanted <= names())


def test_a_collector_that_hangs_holds_nobody_up(observed: Deployment, collector: Collector) -> None:
    hang = Path(f"{collector.file}.hang")
    hang.touch()
    try:
        with ThreadPoolExecutor(8) as pool:
            answered = [each.status_code for each in pool.map(lambda _: ask(observed), range(120))]
        assert answered == [200] * 120
        text = httpx.get(f"{observed.url}/metrics").text
        dropped = [
            line for line in text.splitlines() if line.startswith("sovgate_telemetry_dropped")
        ]
        assert any(float(line.split()[1]) > 0 for line in dropped if 'signal="traces"' in line)
    finally:
        hang.unlink()


def test_tenants_without_a_series_are_counted_together(observed: Deployment) -> None:
    ask(observed, tenant="globex")
    text = httpx.get(f"{observed.url}/metrics").text
    assert 'sovgate_tenant_requests_total{outcome="completed",tenant="acme"}' in text
    assert 'sovgate_tenant_requests_total{outcome="completed",tenant="other"}' in text
    assert "globex" not in text


def test_log_lines_name_the_trace(observed: Deployment) -> None:
    headers = {"traceparent": f"00-{'d' * 32}-{PARENT}-01"}
    answer = ask(observed, headers=headers)
    request_id = answer.headers["x-sovgate-request-id"]

    def found() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in observed.server.output().splitlines() if line]
        return [line for line in lines if line.get("request_id") == request_id]

    (line,) = soon(found)
    assert (line["trace_id"], line["event"]) == ("d" * 32, "request")


def test_every_worker_tells_of_all_workers(
    tmp_path: Path, upstream: Capture, valkey_url: str
) -> None:
    content = settings(tmp_path, upstream.url, redis={"url": valkey_url})
    content["server"]["workers"] = 2
    with gateway(tmp_path, content) as deployment:
        for _ in range(20):  # each on a connection of its own, so that both workers get some
            assert ask(deployment).status_code == 200

        def counted() -> set[float]:
            pages = [httpx.get(f"{deployment.url}/metrics").text for _ in range(8)]
            return {value(page, "sovgate_requests_total") for page in pages}

        soon(lambda: counted() == {20.0})
        page = httpx.get(f"{deployment.url}/metrics").text
        assert value(page, "sovgate_request_seconds_count") == 20
        assert value(page, "sovgate_requests_running") == 0
        assert value(page, "sovgate_build_info") == 1
        assert value(page, "sovgate_upstream_healthy") >= 1


def value(page: str, name: str) -> float:
    """The sum over a metric's series."""
    lines = [line for line in page.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
