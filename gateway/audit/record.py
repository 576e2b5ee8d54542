"""What the audit record of a request says: a typed builder of its fields.

Names, versions, counts, times and verdicts only. No prompt, no answer, no
value that a detector found, no e-mail address, no name: ``user`` is a
pseudonym, ``client_address`` stays None unless the deployment asks for it.
Durations are integers of microseconds, scores and amounts are text, since a
record holds no floats.
"""

from typing import Any

import msgspec

SYSTEM_TENANT = "_system"  # records that belong to no tenant, such as a wrong key
RESERVED = frozenset({"schema", "seq", "kind", "time", "prev_hash", "hash", "checkpoint"})


def score_text(score: float | None, places: int = 4) -> str | None:
    """A score as a record carries it.

    >>> score_text(0.73125)
    '0.7312'
    """
    return None if score is None else f"{score:.{places}f}"


class DetectorVerdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one guard said; ``direction`` is input or output, ``action`` what was done."""

    action: str
    category: str | None = None
    direction: str
    name: str
    score: str | None = None
    verdict: str
    version: str


class Tried(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt of several to have a request answered.

    Args:
        server: which of the upstream's servers, counted from 1.
        kind: first, retry, hedge or fallback.
        result: ``answered``, ``hung_up`` (another one answered first, or nobody waited any
            more), else the error's code.
        us: microseconds until then.
    """

    kind: str
    model: str
    result: str
    server: int
    upstream: str
    us: int
    zone: str


class Route(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which tier was chosen and why; ``tried`` only where there was more than one attempt."""

    arm: str | None = None
    attempts: int = 0
    reason: str | None = None
    requested_model: str
    score: str | None = None
    tier: str | None = None
    trend: str | None = None
    tried: list[Tried] = []


class TokenCounts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Disjoint token classes; ``estimated`` where no upstream counted them."""

    cache_write: int = 0
    cached_input: int = 0
    estimated: bool = False
    input: int = 0
    output: int = 0
    reasoning: int = 0


class LatencySplit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Microseconds: where a request's time went."""

    admit_us: int = 0
    inspect_input_us: int = 0
    inspect_output_us: int = 0
    journal_us: int = 0
    route_us: int = 0
    total_us: int = 0
    upstream_us: int = 0


class StoredBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A sealed prompt or answer that is kept beside the record (docs/content.md).

    Args:
        digest: SHA-256 of the sealed bytes; None if it could not be sealed, so none is kept.
        size: of the sealed bytes.
        cut: only the beginning is kept.
        until: when it expires.
    """

    cut: bool = False
    digest: str | None = None
    part: str
    size: int = 0
    until: str | None = None


class CacheHit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer was one that the cache had kept; no upstream was called for it.

    Args:
        kind: ``exact``, or ``semantic`` for an answer to a similar question.
        request_id: of the request that an upstream answered.
        model: that answered it.
        similarity: of the two questions; None for an exact one.
    """

    age_s: int
    kind: str
    model: str
    request_id: str
    similarity: str | None = None


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The audit record of one request; ``outcome`` says how it ended.

    ``outcome``: completed, blocked, denied, error, disconnected, interrupted.
    Times are RFC 3339 text (``core.clock.isoformat``). ``upstream`` is None if
    none was called.
    """

    bodies: list[StoredBody] = []
    cache: CacheHit | None = None
    client_address: str | None = None
    cost: str | None = None
    currency: str | None = None
    detectors: list[DetectorVerdict] = []
    ended_at: str
    error_code: str | None = None
    finish_reason: str | None = None
    first_token_at: str | None = None
    key_id: str | None = None
    latency: LatencySplit | None = None
    masked: dict[str, int] = {}
    model: str | None = None
    outcome: str
    policy: str | None = None
    policy_digest: str | None = None
    price_version: str | None = None
    project: str | None = None
    request_id: str
    route: Route | None = None
    started_at: str
    status: int | None = None
    stream: bool = False
    surface: str
    tenant: str = SYSTEM_TENANT
    tokens: TokenCounts | None = None
    trace_id: str | None = None
    upstream: str | None = None
    user: str | None = None
    weights_digest: str | None = None
    zone: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as ``Journal.outcome`` takes them."""
        return msgspec.to_builtins(self)
