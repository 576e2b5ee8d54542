"""One request on its way through the gateway: what each stage learned of it.

It holds content only as long as the request lives; what is written down at the
end (audit, ledger, log line) comes from its other fields.
"""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from billing import PriceBook, Reservation, Usage
from core.errors import SovgateError
from gateway.errors import ContentBlocked
from gateway.limits import Permit
from gateway.settings import PolicySettings
from gateway.tenants.keys import Principal

if TYPE_CHECKING:
    from gateway.archive.capture import AnswerCapture
    from gateway.audit.record import StoredBody
    from gateway.caching.use import CacheUse
    from gateway.http.connection import Connection
    from gateway.routing.targets import Route, Target
    from gateway.surfaces import Encoder, Surface
    from gateway.surfaces.responses_turn import Turn
    from gateway.telemetry.context import TraceContext
    from gateway.upstreams import Passage, Reply
    from gateway.upstreams.forms import FormFile
    from gateway.upstreams.resilience import Attempt
    from guardrails.pii import MaskScope
    from guardrails.pii.custom import TenantRecognizers


Priority = Literal["interactive", "batch"]


class GuardDecision(msgspec.Struct, frozen=True, gc=False):
    """What one detector said and what the policy made of it; no content."""

    name: str
    version: str
    action: str
    direction: str  # input or output
    verdict: str
    score: str | None = None
    category: str | None = None


class Timing(msgspec.Struct):
    """Monotonic seconds at the marks of a request; ``None`` where it never came."""

    started: float
    admitted: float | None = None
    inspected: float | None = None
    routed: float | None = None
    called: float | None = None
    head: float | None = None
    first_token: float | None = None
    ended: float | None = None


class Exchange(msgspec.Struct):
    """Mutable state of one request; stages fill it in order."""

    request_id: str
    surface: "Surface"
    connection: "Connection"
    started_at: datetime
    timing: Timing
    trace: "TraceContext | None" = None
    client_address: str | None = None

    # authenticate
    priority: Priority = "interactive"  # batch: a line of one, at its price
    principal: Principal | None = None
    policy: PolicySettings | None = None

    # admit
    body: dict[str, Any] = msgspec.field(default_factory=dict)
    body_bytes: int = 0
    files: "list[FormFile]" = msgspec.field(default_factory=list)  # of a form; no guard reads them
    stream: bool = False
    client_wants_usage: bool = False
    strip_usage: bool = False
    end_user: str | None = None
    targets: "list[Target]" = msgspec.field(default_factory=list)
    permit: Permit | None = None
    intent: "asyncio.Future[None] | None" = None  # done when it is on disk
    reservation: Reservation | None = None
    admitted: dict[str, Any] | None = None  # what the intent says of it, and the record will
    # Of the admission: a price that is archived meanwhile still holds for this request.
    price_book: PriceBook | None = None

    turn: "Turn | None" = None  # of the Responses API: what it asked and what comes of it

    # inspect input
    recognizers: "TenantRecognizers | None" = None
    scope: "MaskScope | None" = None
    decisions: list[GuardDecision] = msgspec.field(default_factory=list)

    # route and call
    route: "Route | None" = None
    cache: "CacheUse | None" = None
    passage: "Passage | None" = None
    called: bool = False
    attempts: "list[Attempt]" = msgspec.field(default_factory=list)
    reply: "Reply | None" = None

    # What is kept of it where the policy says so: masked, and sealed before the journal.
    capture: "AnswerCapture | None" = None
    stored: "dict[str, StoredBody]" = msgspec.field(default_factory=dict)
    bodies: list[dict[str, str]] = msgspec.field(default_factory=list)

    # inspect output and settle
    answer: bytes | None = None
    encoder: "Encoder | None" = None
    head_sent: bool = False
    raw_usage: dict[str, Any] | None = None
    usage: Usage | None = None
    output_chars: int = 0
    output_texts: list[str] = msgspec.field(default_factory=list)
    finish_reason: str | None = None
    cost_text: str = "0"
    price_version: str | None = None
    currency: str | None = None
    error: SovgateError | None = None
    disconnected: bool = False

    @property
    def trace_id(self) -> str | None:
        return None if self.trace is None else self.trace.trace_id

    @property
    def authenticated(self) -> tuple[Principal, PolicySettings]:
        """Who asks and under which policy; stages after the first rely on it."""
        if self.principal is None or self.policy is None:
            raise RuntimeError("the request has not been authenticated")
        return self.principal, self.policy

    @property
    def target(self) -> "Target":
        """Where the request goes; stages after routing rely on it."""
        if self.route is None:
            raise RuntimeError("the request has not been routed")
        return self.route.target

    @property
    def masked(self) -> dict[str, int]:
        """Distinct masked values per entity type."""
        return dict(self.scope.counts) if self.scope is not None else {}

    def upstream_usage(self, usage: Any) -> None:
        """Keep the latest usage that the upstream reported."""
        if isinstance(usage, dict) and "prompt_tokens" in usage:
            self.raw_usage = usage

    @property
    def outcome(self) -> str:
        """How it ended, in the audit record's words."""
        if self.disconnected:
            return "disconnected"
        if isinstance(self.error, ContentBlocked) or self.finish_reason == "content_filter":
            return "blocked"
        if self.error is None:
            return "completed"
        return "error" if self.called else "denied"
