"""Sends traces and metrics to a collector, off the hot path, and never waits for it.

A finished request leaves a few tuples in a bounded queue; a task makes messages of them in a
thread and posts them. What the collector does not take is dropped and counted, since a trace is
no record: the audit trail is.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from core.tasks import cancel
from gateway.egress import OF_THE_FILE, guarded_connector
from gateway.errors import SettingsError
from gateway.settings import TelemetrySettings
from gateway.telemetry.context import Tracing
from gateway.telemetry.spans import SpanData, spans_of
from gateway.version import product_version

if TYPE_CHECKING:
    import ssl

    from gateway.exchange import Exchange
    from gateway.metrics import Metrics

TIMEOUT_S = 10.0
CLOSING_S = 3.0
MOST_SPANS = 2000  # of one message, about 1 MB
_log = structlog.get_logger(__name__)


class Telemetry:
    """Traces and metrics of one gateway process; without a collector it only begins traces."""

    def __init__(self, settings: TelemetrySettings, metrics: "Metrics") -> None:
        self._settings = settings
        self._metrics = metrics
        self._exports = settings.otlp_endpoint is not None
        traced = self._exports and settings.traces
        self.tracing = Tracing(settings.sample_ratio if traced else None)
        self._queue: deque[list[SpanData]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._client: Any = None
        self._started = time.time_ns()
        self._headers = {"content-type": "application/x-protobuf"}
        self._failing = False

    def finished(self, exchange: "Exchange") -> None:
        """A request ended; takes a copy of what its spans say."""
        trace = exchange.trace
        if trace is None or trace.span_id is None:
            return
        if len(self._queue) >= self._settings.queue_length:
            self._metrics.telemetry_dropped.labels("traces").inc()
            return
        self._queue.append(spans_of(exchange))

    async def start(self) -> None:
        """Raises: SettingsError: the variable with the headers is not set."""
        if not self._exports:
            return
        self._headers |= _headers(self._settings.headers_env)
        if self._settings.traces:
            self._begin("traces", self._export_traces, self._settings.interval_s)
        if self._settings.metrics:
            self._begin("metrics", self._export_metrics, self._settings.metrics_interval_s)

    async def stop(self) -> None:
        """Send what waits, for a few seconds."""
        for task in self._tasks:
            await cancel(task)
        if self._exports:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_S):
                    await self._export_traces()
                    if self._settings.metrics:
                        await self._export_metrics()
        if self._client is not None:
            await self._client.close()

    def _begin(self, name: str, export: Callable[[], Any], interval_s: float) -> None:
        async def keep_exporting() -> None:
            while True:
                await asyncio.sleep(interval_s)
                await export()

        self._tasks.append(asyncio.create_task(keep_exporting(), name=f"telemetry-{name}"))

    async def _export_traces(self) -> None:
        while self._queue:
            requests, spans = 0, []
            while self._queue and len(spans) < MOST_SPANS:
                spans += self._queue.popleft()
                requests += 1
            body = await asyncio.to_thread(_encode_traces, spans, self._resource())
            if not await self._post("/v1/traces", body):
                self._metrics.telemetry_dropped.labels("traces").inc(requests)

    async def _export_metrics(self) -> None:
        collected = list(self._metrics.collect())
        body = await asyncio.to_thread(
            _encode_metrics, collected, self._resource(), self._started, time.time_ns()
        )
        if not await self._post("/v1/metrics", body):
            self._metrics.telemetry_dropped.labels("metrics").inc()

    async def _post(self, path: str, body: bytes) -> bool:
        import aiohttp

        url = f"{str(self._settings.otlp_endpoint).rstrip('/')}{path}"
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session().post(
                    url, data=body, headers=self._headers, allow_redirects=False
                ) as answer,
            ):
                await answer.read()
                problem = None if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            problem = type(error).__name__
        if problem is not None and not self._failing:
            _log.warning("telemetry.not_taken", reason=problem)
        self._failing = problem is not None
        return problem is None

    def _session(self) -> Any:
        import aiohttp

        if self._client is None:
            connector = guarded_connector(OF_THE_FILE, "telemetry", ssl=_tls(self._settings))
            self._client = aiohttp.ClientSession(connector=connector)
        return self._client

    def _resource(self) -> dict[str, Any]:
        return {
            "service.name": self._settings.service_name,
            "service.version": product_version(),
            "service.instance.id": f"{os.uname().nodename}-{os.getpid()}",
        }


async def open_telemetry(settings: TelemetrySettings, metrics: "Metrics") -> Telemetry:
    """Started; the caller stops it."""
    telemetry = Telemetry(settings, metrics)
    await telemetry.start()
    return telemetry


def _headers(variable: str | None) -> dict[str, str]:
    if variable is None:
        return {}
    text = os.environ.get(variable)
    if text is None:
        raise SettingsError(f"telemetry.headers_env names {variable}, which is not set.")
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(name.strip() and value for name, _, value in pairs):
        raise SettingsError(f"The variable {variable} must hold name=value,name=value.")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _tls(settings: TelemetrySettings) -> "ssl.SSLContext | bool":
    if settings.ca_file is None:
        return True
    import ssl

    return ssl.create_default_context(cafile=str(settings.ca_file))


def _encode_traces(spans: list[SpanData], resource: dict[str, Any]) -> bytes:
    from gateway.telemetry.protobuf import trace_request

    return trace_request(spans, resource)


def _encode_metrics(
    collected: list[Any], resource: dict[str, Any], started: int, now: int
) -> bytes:
    from gateway.telemetry.protobuf import metrics_request

    return metrics_request(collected, resource, started, now)
