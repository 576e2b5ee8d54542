"""Prometheus metrics of one gateway process; label values come from the configuration only."""

from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from billing.prices import UNPRICED
from gateway.audit.streams.streamer import StreamState
from gateway.exchange import Exchange

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of the request path, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
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
        self.tokens = Counter(
            "sovgate_tokens_total",
            "Tokens by class.",
            ("token_class", "upstream"),
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
        self.audit_stream_lag = Gauge(
            "sovgate_audit_stream_lag_records",
            "Audit records that a stream has not delivered; set by the replica that works at it.",
            ("stream",),
            registry=registry,
        )
        self.audit_stream_delivered = Gauge(
            "sovgate_audit_stream_delivered_records",
            "Audit records that this process has delivered since it started.",
            ("stream",),
            registry=registry,
        )
        self.audit_stream_failing = Gauge(
            "sovgate_audit_stream_failing",
            "1 while the stream's receiver, or the database, does not take records.",
            ("stream",),
            registry=registry,
        )
        self.audit_damaged = Gauge(
            "sovgate_audit_damaged_chains",
            "Audit chains that did not verify in the newest audit.verify.",
            registry=registry,
        )
        self.audit_verified = Gauge(
            "sovgate_audit_verified_timestamp_seconds",
            "When the newest audit.verify ended; 0: never.",
            registry=registry,
        )
        self.running = Gauge("sovgate_requests_running", "Requests in progress.", registry=registry)
        self.tasks = Gauge("sovgate_tasks", "Tasks of the event loop.", registry=registry)
        self.journal_damaged = Gauge(
            "sovgate_journal_damaged_segments",
            "Journal files kept because a part of them could not be read.",
            registry=registry,
        )
        self.journal_backlog = Gauge(
            "sovgate_journal_backlog_bytes", "Journal not yet in the database.", registry=registry
        )
        self.database_answers = Gauge(
            "sovgate_database_answers",
            "1 if the database answered when last asked.",
            registry=registry,
        )
        self.upstream_healthy = Gauge(
            "sovgate_upstream_healthy",
            "1 if the upstream answered when last asked.",
            ("upstream",),
            registry=registry,
        )

    def observe(self, exchange: Exchange) -> None:
        """Count a finished exchange."""
        target = exchange.route.target if exchange.route is not None else None
        upstream = target.upstream if target is not None and exchange.called else "none"
        code = exchange.error.code if exchange.error is not None else "ok"
        tier = (target.tier if target is not None else None) or "none"
        self.requests.labels(exchange.surface.name, exchange.outcome, code, tier, upstream).inc()
        timing = exchange.timing
        if timing.ended is not None:
            self.duration.labels(exchange.surface.name).observe(timing.ended - timing.started)
        if timing.called is not None:
            self.overhead.labels(exchange.surface.name).observe(timing.called - timing.started)
        if exchange.usage is not None:
            usage = exchange.usage
            for name, count in (
                ("input", usage.input_tokens),
                ("cached_input", usage.cached_input_tokens),
                ("output", usage.output_tokens),
                ("reasoning", usage.reasoning_tokens),
            ):
                if count:
                    self.tokens.labels(name, upstream).inc(count)
        if exchange.price_version == UNPRICED:
            self.unpriced.labels(upstream).inc()
        for entity_type, count in exchange.masked.items():
            self.masked.labels(entity_type).inc(count)

    def observe_stream(self, state: StreamState) -> None:
        """Note how an audit stream goes."""
        if state.lag is None:
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

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self._registry)
