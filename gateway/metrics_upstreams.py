"""Prometheus metrics of what is done about upstreams that fail; labels come from the settings."""

from collections import Counter as Counts
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.upstreams import Deployed
from gateway.upstreams.resilience.attempts import Kind
from gateway.upstreams.resilience.queue import PRIORITIES, Priority
from gateway.upstreams.resilience.slots import Slots


class UpstreamMetrics:
    """Taken over from the upstreams when metrics are refreshed: a request costs nothing here."""

    def __init__(self, registry: CollectorRegistry, upstreams: Mapping[str, Deployed]) -> None:
        self._upstreams = upstreams
        self._told: dict[str, Counts[tuple[Kind, str]]] = {}
        self._waits_told: dict[tuple[Counter, str, Priority], float] = {}
        self._attempts = Counter(
            "sovgate_upstream_attempts_total",
            "Attempts by kind (first, retry, hedge, fallback) and what became of them.",
            ("upstream", "kind", "result"),
            registry=registry,
        )
        self._breaker = Gauge(
            "sovgate_upstream_breaker",
            "State of the circuit breaker: 0 closed, 1 half open, 2 open.",
            ("upstream",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._ejected = Gauge(
            "sovgate_upstream_ejected_servers",
            "Servers of a pool that are passed over.",
            ("upstream",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._running = Gauge(
            "sovgate_upstream_running",
            "Requests at an upstream that has `max_concurrency`.",
            ("upstream", "priority"),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._queued = Gauge(
            "sovgate_upstream_queued",
            "Requests that wait for their turn there.",
            ("upstream", "priority"),
            registry=registry,
            multiprocess_mode="livesum",
        )

        self._waits = Counter(
            "sovgate_upstream_queue_waits_total",
            "Requests that waited for their turn there, whatever became of them.",
            ("upstream", "priority"),
            registry=registry,
        )
        self._waited = Counter(
            "sovgate_upstream_queue_wait_seconds_total",
            "Seconds that these waited, all together.",
            ("upstream", "priority"),
            registry=registry,
        )

    def refresh(self) -> None:
        for name, upstream in self._upstreams.items():
            standing = upstream.standing
            self._breaker.labels(name).set(standing.state)
            self._ejected.labels(name).set(len(standing.ejected))
            if standing.slots is not None:
                self._tell_slots(name, standing.slots)
            self._count(name, standing.counts)

    def _tell_slots(self, name: str, slots: Slots) -> None:
        for priority in PRIORITIES:
            self._running.labels(name, priority).set(slots.taken[priority])
            self._queued.labels(name, priority).set(slots.waiting(priority))
            for counter, count in (
                (self._waits, slots.waits[priority]),
                (self._waited, slots.waited_s[priority]),
            ):
                key = (counter, name, priority)
                before = self._waits_told.get(key, 0.0)
                # Less than before: another upstream of the same name.
                counter.labels(name, priority).inc(count - before if count >= before else count)
                self._waits_told[key] = count

    def _count(self, name: str, counts: Mapping[tuple[Kind, str], int]) -> None:
        before = self._told.get(name, Counts())
        if any(counts.get(key, 0) < count for key, count in before.items()):
            before = Counts()  # another upstream of the same name
        for (kind, result), count in counts.items():
            if count > before[kind, result]:
                self._attempts.labels(name, kind, result).inc(count - before[kind, result])
        self._told[name] = Counts(counts)
