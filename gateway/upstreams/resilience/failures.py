"""Errors of upstreams by what they mean for the next attempt."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from gateway.errors import (
    UpstreamError,
    UpstreamInvalidReply,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnreachable,
    UpstreamUntrusted,
)

Failure = Literal[
    "unreachable", "broken", "failed", "rate_limited", "timeout", "rejected", "invalid", "refused"
]
_FAILED = frozenset({500, 502, 503, 504})
# What says something about the health of a server; a busy one, or a request that is wrong, do not.
_SICK = frozenset({"unreachable", "broken", "failed", "timeout", "invalid"})
# After these another upstream may do better: nothing of an answer came.
_ELSEWHERE = frozenset({"unreachable", "broken", "failed", "rate_limited", "timeout", "refused"})


def failure_of(error: UpstreamError) -> Failure:
    """The kind of an error that came before an answer began."""
    match error:
        case UpstreamUnavailable():
            return "refused"
        case UpstreamUntrusted():
            return "invalid"  # it will be no other the next time
        case UpstreamUnreachable():
            return "unreachable"
        case UpstreamTimeout():
            return "timeout"
        case UpstreamRateLimited():
            return "rate_limited"
        case UpstreamRejected():
            return "rejected"
        case UpstreamInvalidReply():
            return "invalid"
    status = error.context.get("upstream_status")
    if status is None:
        return "broken"
    return "failed" if status in _FAILED else "invalid"


def is_sick(error: UpstreamError) -> bool:
    """Whether it speaks against the server."""
    return failure_of(error) in _SICK


def may_go_elsewhere(error: UpstreamError) -> bool:
    """Whether a fallback may be asked after it."""
    return failure_of(error) in _ELSEWHERE or isinstance(error, UpstreamUntrusted)


def retry_after_s(error: UpstreamError, now: datetime | None = None) -> float | None:
    """Seconds to wait, as the upstream's Retry-After says; ``None`` where it says nothing.

    >>> retry_after_s(UpstreamError("", retry_after="7"))
    7.0
    """
    value = error.context.get("retry_after")
    if value is None:
        return None
    if str(value).isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(str(value))
        return max((at - (now or datetime.now(UTC))).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
