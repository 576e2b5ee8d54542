"""The log's line of a request and what metrics count of it, for many requests at once.

The same lines as structlog's, in a twentieth of its time. Both wait ``GATHER_S`` at most: work that
is done for many in a row costs a fraction of what it costs between other things. What must not be
lost of a request is in the journal.
"""

import asyncio
import sys
from typing import TextIO

import msgspec

from core.clock import Clock, isoformat
from gateway.exchange import Exchange
from gateway.finished import Finished, finished
from gateway.metrics import Metrics

GATHER_S = 0.05
_AT_ONCE = 1024


class _Line(msgspec.Struct):
    request_id: str
    trace_id: str | None
    tenant: str | None
    key_id: str | None
    outcome: str
    code: str | None
    tier: str | None
    upstream: str | None
    stream: bool
    duration_ms: float | None
    timestamp: str
    event: str = "request"
    level: str = "info"


class RequestLog:
    """One per process.

    Args:
        metrics: told of the requests when their lines are written, or when somebody looks.
        sink: where lines go; standard error by default.
    """

    def __init__(self, clock: Clock, metrics: Metrics, sink: TextIO | None = None) -> None:
        self._clock = clock
        self._metrics = metrics
        self._sink = sink
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[Finished] = []
        metrics.add_refresher(self.flush)

    def write(self, exchange: Exchange) -> None:
        """Note a finished exchange."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(GATHER_S, self.flush)
        self._waiting.append(finished(exchange, self._clock.now()))
        if len(self._waiting) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write and count what waits."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._metrics.count(waiting)
            sink = self._sink or sys.stderr
            sink.write(b"\n".join([self._encode(_line(each)) for each in waiting]).decode() + "\n")
            sink.flush()


def _line(done: Finished) -> _Line:
    principal, timing, target = done.principal, done.timing, done.target
    return _Line(
        request_id=done.request_id,
        trace_id=done.trace_id,
        tenant=principal.tenant if principal else None,
        key_id=principal.key_id if principal else None,
        outcome=done.outcome,
        code=done.code,
        tier=target.tier if target else None,
        upstream=target.upstream if target and done.called else None,
        stream=done.stream,
        duration_ms=round((timing.ended - timing.started) * 1000, 2) if timing.ended else None,
        timestamp=isoformat(done.at),
    )
