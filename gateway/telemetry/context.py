"""W3C trace context: what a client sends, and what goes on to upstreams.

https://www.w3.org/TR/trace-context/
"""

import os
import re
from dataclasses import dataclass

from gateway.http.connection import Connection

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
# Keys and values of identifiers; a text for people (spaces, @) has no business in it.
_MEMBER = re.compile(
    r"[a-z0-9][a-z0-9_*/-]{0,240}(@[a-z][a-z0-9_*/-]{0,13})?=[0-9A-Za-z_.:;~/+*-]+\Z"
)
_MOST_MEMBERS = 32
_MOST_STATE = 512
_SAMPLED = 1


@dataclass(slots=True)
class TraceContext:
    """Where a request stands in a trace.

    Args:
        parent_id: the client's span, if it sent one.
        flags: as the client sent them, or ours.
        span_id: our span of the request; ``None`` where it is not traced.
        call_id: our span of the upstream's call.
    """

    trace_id: str
    parent_id: str | None
    flags: str
    state: str | None = None
    span_id: str | None = None
    call_id: str | None = None

    def headers(self) -> dict[str, str]:
        """For the upstream: under our span, or as the client sent them."""
        parent = self.call_id or self.parent_id
        headers = {"traceparent": f"00-{self.trace_id}-{parent}-{self.flags}"}
        if self.state is not None:
            headers["tracestate"] = self.state
        return headers


class Tracing:
    """Begins the trace of a request.

    Args:
        sample_ratio: share that is traced where the client does not say; ``None``: nothing is,
            and what clients send is passed on.
    """

    def __init__(self, sample_ratio: float | None = None) -> None:
        self._bound = None if sample_ratio is None else int(sample_ratio * (1 << 56))

    def begin(self, connection: Connection) -> TraceContext | None:
        """``None`` for a request that has no trace."""
        sent = connection.headers.get(b"traceparent")
        if sent is None and self._bound is None:
            return None
        trace = None if sent is None else _read(sent, connection.headers.get(b"tracestate"))
        if self._bound is None:
            return trace
        if trace is None:
            trace_id = os.urandom(16).hex()
            # The last seven bytes of an id are random in every version of the standard.
            sampled = int(trace_id[-14:], 16) < self._bound
            trace = TraceContext(trace_id, None, "01" if sampled else "00")
        if int(trace.flags, 16) & _SAMPLED:
            trace.span_id, trace.call_id = os.urandom(8).hex(), os.urandom(8).hex()
        elif trace.parent_id is None:
            trace.call_id = os.urandom(8).hex()  # upstreams learn that it is not sampled
        return trace


def _read(sent: bytes, state: bytes | None) -> TraceContext | None:
    match = _TRACEPARENT.match(sent.decode("latin-1"))
    if match is None or sent.startswith(b"ff"):
        return None
    trace_id, parent_id, flags = match.groups()
    if not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return TraceContext(trace_id, parent_id, flags, None if state is None else _state(state))


def _state(sent: bytes) -> str | None:
    """The members that are well-formed; none where it is too long to pass on."""
    if len(sent) > _MOST_STATE:
        return None
    members = [member.strip() for member in sent.decode("latin-1").split(",")]
    kept = [member for member in members if _MEMBER.match(member)]
    return ",".join(kept[:_MOST_MEMBERS]) or None
