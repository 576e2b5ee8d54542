"""Prometheus metrics of one worker, by vLLM's names where it has such. Never content."""

import time
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from inference.engine.engine import Engine
from inference.engine.thread import Output
from inference.errors import QueueFull

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_REASONS = {"cancelled": "abort"}  # ours: vLLM's


class WorkerMetrics:
    """Counters of requests and tokens; gauges that read the engine when scraped."""

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self._ended = self._counter("vllm:request_success", "Requests ended.", "finished_reason")
        self._refused = self._counter("sovgate_worker_refused_requests", "Found the queue full.")
        self._prompt = self._counter("vllm:prompt_tokens", "Tokens of prompts.")
        self._cached = self._counter("vllm:prompt_tokens_cached", "Of these, found in the cache.")
        self._drawn = self._counter("vllm:generation_tokens", "Tokens of answers.")
        self._work = self._counter("sovgate_worker_compute_seconds", "Engine seconds by model.")
        self._first = self._times("vllm:time_to_first_token_seconds", "To the first text.")
        self._whole = self._times("vllm:e2e_request_latency_seconds", "To the end.")
        self._add_gauges(engine)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, ["model_name", *labels], registry=self.registry)

    def _times(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, ["model_name"], registry=self.registry, buckets=_SECONDS)

    def _add_gauges(self, engine: Engine) -> None:
        stats, scheduler, blocks = engine.stats, engine.scheduler, engine.blocks
        gauges = {
            "vllm:num_requests_running": ("In the batch.", lambda: len(scheduler.running)),
            "vllm:num_requests_waiting": ("In the queue.", lambda: len(scheduler.waiting)),
            "vllm:kv_cache_usage_perc": (
                "Share of cache blocks in use.",
                lambda: 1 - blocks.num_free / blocks.num_blocks,
            ),
            "sovgate_worker_kv_blocks_free": ("Free cache blocks.", lambda: blocks.num_free),
            "sovgate_worker_kv_blocks": ("All cache blocks.", lambda: blocks.num_blocks),
            "sovgate_worker_engine_steps": ("Steps since start.", lambda: stats.steps),
            "sovgate_worker_engine_busy_seconds": (
                "Busy time since start.",
                lambda: stats.busy_ns / 1e9,
            ),
        }
        shared = engine.shared
        if shared is not None:
            gauges |= {
                "sovgate_worker_expert_imbalance": (
                    "Busiest process's tokens by the mean's, in the last window.",
                    lambda: shared.imbalance,
                ),
                "sovgate_worker_moved_layers": (
                    "Layers whose experts moved since start.",
                    lambda: shared.moved_layers,
                ),
            }
        for name, (text, read) in gauges.items():
            Gauge(name, text, registry=self.registry).set_function(read)

    def first_token(self, model: str, started: float) -> None:
        self._first.labels(model).observe(time.monotonic() - started)

    def ended(self, model: str, output: Output, started: float) -> None:
        """Count a request by its last output, whether or not anybody still listens."""
        if isinstance(output.error, QueueFull):
            self._refused.labels(model).inc()
            return
        reason = output.finish or "error"
        self._ended.labels(model, _REASONS.get(reason, reason)).inc()
        self._prompt.labels(model).inc(output.prompt_tokens)
        self._cached.labels(model).inc(output.cached_tokens)
        self._drawn.labels(model).inc(output.completion_tokens)
        self._work.labels(model).inc(float(Decimal(output.worker_seconds)))
        self._whole.labels(model).observe(time.monotonic() - started)

    def render(self) -> bytes:
        return generate_latest(self.registry)
