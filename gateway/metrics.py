"""Prometheus metrics of the gateway; label values come from the configuration only.

Requests are counted many at a time, when the log's lines are written or somebody looks
(``gateway.request_log``).

With several worker processes each writes into files of its own, and whoever is asked adds all
of them up: ``/metrics`` says the same whichever worker answers (docs/observability.md).
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from billing.prices import UNPRICED
from gateway.audit.streams.streamer import StreamState
from gateway.finished import Finished
from gateway.version import product_version

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_BETWEEN_TOKENS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_TOKEN_CLASSES = ("input", "cached_input", "cache_write", "output", "reasoning", "embedding")
MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"  # the library reads it when it is imported
OTHER = "other"


class Metrics:
    """Counters of the request path, in a registry of their own.

    Args:
        tenants: those that have series of their own; the rest is counted as one.
    """

    def __init__(self, tenants: Iterable[str] = ()) -> None:
        disable_created_metrics()  # when each series began: twice as many series, and nobody asks
        registry = self._registry = CollectorRegistry()
        self._tenants = frozenset(tenants)
        self._views: list[Callable[[], Iterable[Metric]]] = []
        self._refreshers: list[Callable[[], None]] = []
        self.requests = Counter(
            "sovgate_requests_total",
            "Requests by how they ended.",
            ("surface", "outcome", "code", "tier", "upstream"),
            registry=registry,
        )
        self.duration = Histogram(
            "sovgate_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ("surface",),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self.overhead = Histogram(
            "sovgate_overhead_seconds",
            "From the first byte of a request to the call of the upstream.",
            ("surface",),
            buckets=(0.0005, 0.001, 0.0025, *_BUCKETS_S[:8]),
            registry=registry,
        )
        self.first_token = Histogram(
            "sovgate_time_to_first_token_seconds",
            "From the first byte of a request to the first content of its stream.",
            ("upstream", "model"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self.between_tokens = Histogram(
            "sovgate_time_per_output_token_seconds",
            "Of a stream: from its first content to its end, per token after the first.",
            ("upstream", "model"),
            buckets=_BETWEEN_TOKENS_S,
            registry=registry,
        )
        self.tokens = Counter(
            "sovgate_tokens_total",
            "Tokens by class.",
            ("token_class", "upstream", "model"),
            registry=registry,
        )
        self.cost = Counter(
            "sovgate_cost_total",
            "What requests cost, in the currency of the ledger; the ledger is exact, this is not.",
            ("currency", "upstream", "model"),
            registry=registry,
        )
        self.tenant_requests = Counter(
            "sovgate_tenant_requests_total",
            "Requests of the tenants that `telemetry.tenants` names, and of all others.",
            ("tenant", "outcome"),
            registry=registry,
        )
        self.tenant_cost = Counter(
            "sovgate_tenant_cost_total",
            "What they cost.",
            ("tenant", "currency"),
            registry=registry,
        )
        self.cache = Counter(
            "sovgate_cache_requests_total",
            "Requests of tenants with a cache: hit, semantic-hit, miss, bypass.",
            ("result",),
            registry=registry,
        )
        self.guard_decisions = Counter(
            "sovgate_guard_decisions_total",
            "What guards said and what was done.",
            ("guard", "direction", "action", "category"),
            registry=registry,
        )
        self.unpriced = Counter(
            "sovgate_unpriced_requests_total",
            "Requests that cost 0 because their model had no price.",
            ("upstream",),
            registry=registry,
        )
        self.masked = Counter(
            "sovgate_masked_values_total",
            "Distinct values masked, by entity type.",
            ("entity_type",),
            registry=registry,
        )
        self.vault_failures = Counter(
            "sovgate_vault_failures_total",
            "What the vault could not do; tokens may differ from those of earlier turns.",
            ("operation",),
            registry=registry,
        )
        self.anchor_failures = Counter(
            "sovgate_audit_anchor_failures_total",
            "Checkpoints that an anchor did not take; they are tried again.",
            ("anchor",),
            registry=registry,
        )
        self.unsealed_bodies = Counter(
            "sovgate_unsealed_bodies_total",
            "Bodies that a policy wanted kept and that could not be sealed.",
            registry=registry,
        )
        self.telemetry_dropped = Counter(
            "sovgate_telemetry_dropped_total",
            "Traces, or exports of metrics, that the collector did not take.",
            ("signal",),
            registry=registry,
        )
        self._gauges(registry)
        self._counted: dict[tuple[Any, ...], Any] = {}
        self.in_progress = 0  # requests

    def _gauges(self, registry: CollectorRegistry) -> None:
        """``multiprocess_mode`` says what several processes' values come to."""
        self.audit_stream_lag = Gauge(
            "sovgate_audit_stream_lag_records",
            "Audit records that a stream has not delivered; set by the replica that works at it.",
            ("stream",),
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.audit_stream_delivered = Gauge(
            "sovgate_audit_stream_delivered_records",
            "Audit records that this process has delivered since it started.",
            ("stream",),
            registry=registry,
            multiprocess_mode="sum",
        )
        self.audit_stream_failing = Gauge(
            "sovgate_audit_stream_failing",
            "1 while the stream's receiver, or the database, does not take records.",
            ("stream",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.audit_damaged = Gauge(
            "sovgate_audit_damaged_chains",
            "Audit chains that did not verify in the newest audit.verify.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.audit_verified = Gauge(
            "sovgate_audit_verified_timestamp_seconds",
            "When the newest audit.verify ended; 0: never.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.running = Gauge(
            "sovgate_requests_running",
            "Requests in progress.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.tasks = Gauge(
            "sovgate_tasks",
            "Tasks of the event loop.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.journal_damaged = Gauge(
            "sovgate_journal_damaged_segments",
            "Journal files kept because a part of them could not be read.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.journal_backlog = Gauge(
            "sovgate_journal_backlog_bytes",
            "Journal not yet in the database.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.database_answers = Gauge(
            "sovgate_database_answers",
            "1 if the database answered when last asked.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.cache_bytes = Gauge(
            "sovgate_cache_bytes",
            "Answers kept in memory.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        Gauge(
            "sovgate_build_info",
            "1, with the version that runs.",
            ("version",),
            registry=registry,
            multiprocess_mode="livemax",
        ).labels(product_version()).set(1)

    def count(self, requests: Iterable[Finished]) -> None:
        """Count finished requests: one addition to each series, however many they are."""
        sums: defaultdict[tuple[Any, ...], float] = defaultdict(float)
        times: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
        for each in requests:
            self._count(each, sums, times)
        for (metric, *labels), amount in sums.items():
            self._of(metric, *labels).inc(amount)
        for (metric, *labels), amounts in times.items():
            _observe(self._of(metric, *labels), amounts)

    def _count(
        self,
        done: Finished,
        sums: defaultdict[tuple[Any, ...], float],
        times: defaultdict[tuple[Any, ...], list[float]],
    ) -> None:
        target = done.target
        if target is not None and done.called:
            upstream = target.upstream
        else:  # requests that nobody answered have none
            upstream = "cache" if done.kept else "none"
        model = target.model if target is not None and upstream != "none" else "none"
        tier = (target.tier if target is not None else None) or "none"
        sums[self.requests, done.surface, done.outcome, done.code or "ok", tier, upstream] += 1
        self._note_times(done, upstream, model, times)
        if done.usage is not None:
            for name in _TOKEN_CLASSES:
                if count := getattr(done.usage, f"{name}_tokens"):
                    sums[self.tokens, name, upstream, model] += count
        if done.principal is not None:
            self._count_tenant(done, done.principal.tenant, upstream, model, sums)
        if done.price_version == UNPRICED:
            sums[self.unpriced, upstream] += 1
        if done.cache is not None:
            sums[self.cache, done.cache] += 1
        for entity_type, count in done.masked.items():
            sums[self.masked, entity_type] += count
        for said in done.decisions:
            if said.verdict != "clear":
                action, category = str(said.action), said.category or "none"
                sums[self.guard_decisions, said.name, said.direction, action, category] += 1

    def _note_times(
        self,
        done: Finished,
        upstream: str,
        model: str,
        times: defaultdict[tuple[Any, ...], list[float]],
    ) -> None:
        timing = done.timing
        if timing.ended is not None:
            times[self.duration, done.surface].append(timing.ended - timing.started)
        if timing.called is not None:
            times[self.overhead, done.surface].append(timing.called - timing.started)
        if not done.stream or timing.first_token is None or timing.ended is None:
            return
        times[self.first_token, upstream, model].append(timing.first_token - timing.started)
        following = done.usage.completion_tokens - 1 if done.usage is not None else 0
        if following > 0:
            seconds = (timing.ended - timing.first_token) / following
            times[self.between_tokens, upstream, model].append(seconds)

    def _count_tenant(
        self,
        done: Finished,
        name: str,
        upstream: str,
        model: str,
        sums: defaultdict[tuple[Any, ...], float],
    ) -> None:
        tenant = name if name in self._tenants else OTHER
        sums[self.tenant_requests, tenant, done.outcome] += 1
        if done.currency is not None and done.cost_text != "0":
            cost = float(done.cost_text)
            sums[self.cost, done.currency, upstream, model] += cost
            sums[self.tenant_cost, tenant, done.currency] += cost

    def _of(self, metric: Any, *labels: str) -> Any:
        """The series of these labels; ``labels()`` itself takes a lock and checks each time."""
        key = (metric, *labels)
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = metric.labels(*labels)
        return found

    def observe_stream(self, state: StreamState) -> None:
        """Note how an audit stream goes."""
        if state.lag is None:
            if not is_shared():  # there a series cannot be taken away
                with suppress(KeyError):
                    self.audit_stream_lag.remove(state.name)
        else:
            self.audit_stream_lag.labels(state.name).set(state.lag)
        self.audit_stream_delivered.labels(state.name).set(state.delivered)
        self.audit_stream_failing.labels(state.name).set(state.error is not None)

    def observe_verification(self, damaged: int, at: datetime) -> None:
        """Note how the newest verification of all chains went."""
        self.audit_damaged.set(damaged)
        self.audit_verified.set(at.timestamp())

    def add_view(self, view: Callable[[], Iterable[Metric]]) -> None:
        """Metrics that the process that is asked makes when it is asked, the same in all."""
        self._views.append(view)

    def add_refresher(self, refresh: Callable[[], None]) -> None:
        """Sets gauges of this process: before each page, and every few seconds in between where
        another process may be asked."""
        self._refreshers.append(refresh)

    def add_upstreams(self, upstreams: Mapping[str, Any]) -> None:
        """What is done about those that fail."""
        from gateway.metrics_upstreams import UpstreamMetrics

        self.add_refresher(UpstreamMetrics(self._registry, upstreams).refresh)

    def refresh(self) -> None:
        self.running.set(self.in_progress)
        for refresh in self._refreshers:
            refresh()

    def collect(self) -> Iterable[Metric]:
        """Of this process alone."""
        self.refresh()
        yield from self._registry.collect()
        yield from self._viewed()

    def render(self) -> bytes:
        """The text exposition format, of all processes of this gateway."""
        self.refresh()
        registry = self._registry
        if is_shared():
            from prometheus_client.multiprocess import MultiProcessCollector

            _forget_dead_processes()
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        viewed = CollectorRegistry()
        viewed.register(_Views(self._viewed))
        return generate_latest(registry) + generate_latest(viewed)

    def _viewed(self) -> Iterable[Metric]:
        for view in self._views:
            yield from view()


def _observe(series: Any, amounts: Sequence[float]) -> None:
    """``series.observe`` of each amount, in a fraction of the time: a bucket's lock is taken once.

    The buckets have no public way in; a test compares both.
    """
    places: defaultdict[int, int] = defaultdict(int)
    for amount in amounts:
        places[bisect_left(series._upper_bounds, amount)] += 1
    for place, count in places.items():
        series._buckets[place].inc(count)
    series._sum.inc(sum(amounts))


class _Views:
    """As the library wants a collector."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self.collect = collect


def upstream_health(upstreams: Mapping[str, Any]) -> Callable[[], Iterable[Metric]]:
    """A view of who answers; an upstream that was taken away has no series any more."""

    def view() -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "sovgate_upstream_healthy",
            "1 if the upstream answered when last asked.",
            labels=["upstream"],
        )
        for name, upstream in upstreams.items():
            family.add_metric([name], float(upstream.health.healthy))
        yield family

    return view


def is_shared() -> bool:
    """Whether several processes' metrics are added up."""
    return MULTIPROCESS_DIR in os.environ


def _forget_dead_processes() -> None:
    """What they counted stays, what they held does not."""
    from prometheus_client.multiprocess import mark_process_dead

    for file in Path(os.environ[MULTIPROCESS_DIR]).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)
