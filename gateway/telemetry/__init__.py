"""Traces and metrics for an OpenTelemetry collector, after the GenAI conventions.

Names, numbers and codes only, as in audit records: nothing here reads a prompt or an answer. The
protobuf messages are OpenTelemetry's own; its SDK is not used, since its exporter would open
connections beside ``gateway.egress`` and its spans would be made while the request runs.
"""

from gateway.telemetry.building import Telemetry, open_telemetry
from gateway.telemetry.context import TraceContext, Tracing

__all__ = ["Telemetry", "TraceContext", "Tracing", "open_telemetry"]
