"""Prometheus metrics of one worker. Names models and outcomes, never content."""

import time
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from inference.engine.engine import Engine
from inference.engine.thread import Output

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class WorkerMetrics:
    """Counters of requests and tokens; gauges that read the engine when scraped."""

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        prefix, registry = "sovgate_worker", self.registry
        self._requests = Counter(
            f"{prefix}_requests", "Requests ended.", ["model", "outcome"], registry=registry
        )
        self._tokens = Counter(
            f"{prefix}_tokens", "Tokens by class.", ["model", "kind"], registry=registry
        )
        self._seconds = Counter(
            f"{prefix}_compute_seconds",
            "Engine seconds by model.",
            ["model"],
            registry=registry,
        )
        self._first = Histogram(
            f"{prefix}_first_token_seconds",
            "Time from request to first text.",
            ["model"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._whole = Histogram(
            f"{prefix}_request_seconds",
            "Time from request to end.",
            ["model"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._add_gauges(engine)

    def _add_gauges(self, engine: Engine) -> None:
        stats, scheduler = engine.stats, engine.scheduler
        gauges = {
            "running_requests": ("Sequences in the batch.", lambda: len(scheduler.running)),
            "waiting_requests": ("Sequences in the queue.", lambda: len(scheduler.waiting)),
            "kv_blocks_free": ("Free cache blocks.", lambda: engine.blocks.num_free),
            "kv_blocks": ("All cache blocks.", lambda: engine.blocks.num_blocks),
            "engine_steps": ("Steps since start.", lambda: stats.steps),
            "engine_busy_seconds": ("Busy time since start.", lambda: stats.busy_ns / 1e9),
        }
        for name, (text, read) in gauges.items():
            Gauge(f"sovgate_worker_{name}", text, registry=self.registry).set_function(read)

    def first_token(self, model: str, started: float) -> None:
        self._first.labels(model).observe(time.monotonic() - started)

    def ended(self, model: str, output: Output, started: float) -> None:
        """Count a request by its last output, whether or not anybody still listens."""
        self._requests.labels(model, output.finish or "error").inc()
        self._tokens.labels(model, "prompt").inc(output.prompt_tokens)
        self._tokens.labels(model, "completion").inc(output.completion_tokens)
        self._seconds.labels(model).inc(float(Decimal(output.worker_seconds)))
        self._whole.labels(model).observe(time.monotonic() - started)

    def refused(self, model: str) -> None:
        self._requests.labels(model, "refused").inc()

    def render(self) -> bytes:
        return generate_latest(self.registry)
