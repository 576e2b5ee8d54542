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


class DetectorVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one guard said; ``direction`` is input or output, ``action`` what was done."""

    name: str
    version: str
    direction: str
    verdict: str
    action: str
    score: str | None = None
    category: str | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of several to have a request answered.

    Args:
        server: which of the upstream's servers, counted from 1.
        kind: first, retry, hedge or fallback.
        result: ``answered``, ``hung_up`` (another one answered first, or nobody waited any
            more), else the error's code.
        us: microseconds until then.
    """

    upstream: str
    zone: str
    model: str
    server: int
    kind: str
    result: str
    us: int


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Which tier was chosen and why; ``tried`` only where there was more than one attempt."""

    requested_model: str
    tier: str | None = None
    trend: str | None = None
    score: str | None = None
    reason: str | None = None
    arm: str | None = None
    attempts: int = 0
    tried: list[Tried] = []


class TokenCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint token classes; ``estimated`` where no upstream counted them."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False


class LatencySplit(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds: where a request's time went."""

    total_us: int = 0
    admit_us: int = 0
    inspect_input_us: int = 0
    route_us: int = 0
    journal_us: int = 0
    upstream_us: int = 0
    inspect_output_us: int = 0


class StoredBody(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed prompt or answer that is kept beside the record (docs/content.md).

    Args:
        digest: SHA-256 of the sealed bytes; None if it could not be sealed, so none is kept.
        size: of the sealed bytes.
        cut: only the beginning is kept.
        until: when it expires.
    """

    part: str
    digest: str | None = None
    size: int = 0
    cut: bool = False
    until: str | None = None


class CacheHit(msgspec.Struct, frozen=True, kw_only=True):
    """The answer was one that the cache had kept; no upstream was called for it.

    Args:
        kind: ``exact``, or ``semantic`` for an answer to a similar question.
        request_id: of the request that an upstream answered.
        model: that answered it.
        similarity: of the two questions; None for an exact one.
    """

    kind: str
    request_id: str
    model: str
    age_s: int
    similarity: str | None = None


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The audit record of one request; ``outcome`` says how it ended.

    ``outcome``: completed, blocked, denied, error, disconnected, interrupted.
    Times are RFC 3339 text (``core.clock.isoformat``). ``upstream`` is None if
    none was called.
    """

    request_id: str
    tenant: str = SYSTEM_TENANT
    outcome: str
    surface: str
    started_at: str
    ended_at: str
    first_token_at: str | None = None
    trace_id: str | None = None
    project: str | None = None
    key_id: str | None = None
    user: str | None = None
    client_address: str | None = None
    stream: bool = False
    status: int | None = None
    error_code: str | None = None
    finish_reason: str | None = None
    policy: str | None = None
    policy_digest: str | None = None
    detectors: list[DetectorVerdict] = []
    masked: dict[str, int] = {}
    route: Route | None = None
    cache: CacheHit | None = None
    upstream: str | None = None
    zone: str | None = None
    model: str | None = None
    weights_digest: str | None = None
    tokens: TokenCounts | None = None
    price_version: str | None = None
    currency: str | None = None
    cost: str | None = None
    latency: LatencySplit | None = None
    bodies: list[StoredBody] = []

    def to_dict(self) -> dict[str, Any]:
        """The fields as ``Journal.outcome`` takes them."""
        return msgspec.to_builtins(self)
