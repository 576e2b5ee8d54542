"""OpenTelemetry's protobuf messages of spans and metrics; loaded only where they are sent."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from prometheus_client.core import Metric

from gateway.telemetry.spans import SpanData

_SCOPE = "sovgate.gateway"
_CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
# Where the GenAI conventions name what we count: their name and unit.
_GENAI = {
    "sovgate_request_seconds": ("gen_ai.server.request.duration", "s"),
    "sovgate_time_to_first_token_seconds": ("gen_ai.server.time_to_first_token", "s"),
    "sovgate_time_per_output_token_seconds": ("gen_ai.server.time_per_output_token", "s"),
}
_LABELS = {"model": "gen_ai.response.model", "surface": "gen_ai.operation.name"}


def trace_request(spans: Sequence[SpanData], resource: dict[str, Any]) -> bytes:
    """An ``ExportTraceServiceRequest``."""
    scope = ScopeSpans(spans=[_span(span) for span in spans])
    scope.scope.name = _SCOPE
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=_resource(resource), scope_spans=[scope])]
    ).SerializeToString()


def metrics_request(
    metrics: Iterable[Metric], resource: dict[str, Any], started: int, now: int
) -> bytes:
    """An ``ExportMetricsServiceRequest`` of what a registry collects.

    Args:
        started, now: nanoseconds since 1970: since when it is counted, and until when.
    """
    scope = metrics_pb2.ScopeMetrics(
        metrics=[made for metric in metrics if (made := _metric(metric, started, now)) is not None]
    )
    scope.scope.name = _SCOPE
    return ExportMetricsServiceRequest(
        resource_metrics=[
            metrics_pb2.ResourceMetrics(resource=_resource(resource), scope_metrics=[scope])
        ]
    ).SerializeToString()


def _resource(attributes: dict[str, Any]) -> Resource:
    return Resource(attributes=_attributes(attributes))


def _attributes(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    return AnyValue(string_value=str(value))


def _span(span: SpanData) -> Span:
    return Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        trace_state=span.state or "",
        name=span.name,
        kind=span.kind,  # type: ignore[arg-type]
        start_time_unix_nano=span.start,
        end_time_unix_nano=max(span.start, span.end),
        attributes=_attributes(span.attributes),
        events=[
            Span.Event(
                name=event.name,
                time_unix_nano=event.at,
                attributes=_attributes(event.attributes),
            )
            for event in span.events
        ],
        status=Status(code=Status.STATUS_CODE_ERROR, message=span.error) if span.error else None,
    )


def _metric(metric: Metric, started: int, now: int) -> Any:
    name, unit = _GENAI.get(metric.name, (metric.name, ""))
    made = metrics_pb2.Metric(name=name, description=metric.documentation, unit=unit)
    if metric.type == "histogram":
        points = _histogram_points(metric, started, now)
        made.histogram.CopyFrom(
            metrics_pb2.Histogram(data_points=points, aggregation_temporality=_CUMULATIVE)
        )
    elif metric.type == "counter":
        points = _number_points(metric, "_total", started, now)
        made.sum.CopyFrom(
            metrics_pb2.Sum(
                data_points=points, aggregation_temporality=_CUMULATIVE, is_monotonic=True
            )
        )
    elif metric.type == "gauge":
        points = _number_points(metric, "", started, now)
        made.gauge.CopyFrom(metrics_pb2.Gauge(data_points=points))
    else:
        return None
    return made if points else None


def _number_points(metric: Metric, ending: str, started: int, now: int) -> list[Any]:
    return [
        metrics_pb2.NumberDataPoint(
            attributes=_labels(sample.labels),
            start_time_unix_nano=started,
            time_unix_nano=now,
            as_double=sample.value,
        )
        for sample in metric.samples
        if sample.name == metric.name + ending
    ]


def _histogram_points(metric: Metric, started: int, now: int) -> list[Any]:
    """Prometheus counts up to each bound, OTLP between them."""
    series: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for sample in metric.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        found = series.setdefault(tuple(sorted(labels.items())), {"bounds": [], "upto": []})
        if sample.name.endswith("_bucket"):
            found["bounds"].append(float(sample.labels["le"]))
            found["upto"].append(int(sample.value))
        elif sample.name.endswith(("_sum", "_count")):
            found[sample.name.rpartition("_")[2]] = sample.value
    points = []
    for labels, found in series.items():
        counts = [b - a for a, b in zip([0, *found["upto"]], found["upto"], strict=False)]
        points.append(
            metrics_pb2.HistogramDataPoint(
                attributes=_labels(dict(labels)),
                start_time_unix_nano=started,
                time_unix_nano=now,
                count=int(found.get("count", 0)),
                sum=found.get("sum", 0.0),
                explicit_bounds=[bound for bound in found["bounds"] if not math.isinf(bound)],
                bucket_counts=counts,
            )
        )
    return points


def _labels(labels: dict[str, str]) -> list[KeyValue]:
    return _attributes({_LABELS.get(name, name): value for name, value in labels.items()})
