"""What every surface has: its own words around one governed path.

A surface turns what its client sent into the body that the guards, the router and
an upstream's ``endpoint`` know, and the inspected answer back into its own shape.
The stages never ask which surface a request came by.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from billing import Usage
from gateway.errors import ModelNotNamed

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.http.errors import HttpError
    from gateway.pipeline.answer_judge import Judge
    from gateway.pipeline.answer_text import OutputGuard
    from gateway.routing.targets import Router, Target
    from gateway.settings import LimitSettings, PolicySettings
    from guardrails.types import MaskMode


class AnswerEvents(Protocol):
    """Inspects a streamed answer: the upstream's events in, those that may go out back."""

    blocked: bool

    def feed(self, data: bytes) -> list[bytes]: ...

    def finish(self) -> list[bytes]: ...


class Encoder(Protocol):
    """Words inspected events for the client; what it returns are bytes of the wire."""

    def events(self, events: list[bytes]) -> bytes:
        """Bytes for some events of the endpoint's shape; may be empty."""
        ...

    def end(self) -> bytes:
        """What ends a stream that went well."""
        ...

    def error(self, error: "HttpError") -> bytes:
        """What ends a stream that broke off after its head was sent."""
        ...


class Surface(ABC):
    """One API. Instances hold no state of a request and are shared by all of them."""

    name: str  # in audit records, metrics and traces, such as ``chat.completions``
    endpoint: str = "/chat/completions"  # below an upstream's ``/v1``
    request_id_header: bytes = b"x-request-id"  # where the API's SDKs look for it
    takes_tiers: bool = True  # whether ``auto`` and tiers may be asked; they are for texts
    stream_usage: bool = True  # whether a stream is asked for its usage by ``stream_options``
    guard_model: str | None = None  # where a guard of the gateway's own answers: its name
    binary: bool = False  # answers are no JSON and pass as they come
    returns: str | None = None  # the kind of media that an answer is, which no guard reads

    @abstractmethod
    def read(self, raw: bytes, limits: "LimitSettings") -> dict[str, Any]:
        """The body in the endpoint's shape, checked as far as the gateway relies on it.

        Raises:
            gateway.errors.InvalidRequest: one of its kinds; ``param`` names the field.
        """

    def receive(self, exchange: "Exchange", raw: bytes, limits: "LimitSettings") -> dict[str, Any]:
        """``read`` with what else came; forms need their boundary and bring files."""
        del exchange
        return self.read(raw, limits)

    def body_limit(self, max_body_bytes: int, limits: "LimitSettings") -> int:
        """The most bytes that a request may have."""
        del limits
        return max_body_bytes

    def targets(
        self, body: dict[str, Any], router: "Router", policy: "PolicySettings"
    ) -> "list[Target]":
        """What may serve the request.

        Raises:
            UnknownModel, ResidencyDenied
            ModelNotNamed: a tier, where only a deployment can answer.
        """
        targets = router.targets(body["model"], policy)
        if not self.takes_tiers and any(target.tier is not None for target in targets):
            raise ModelNotNamed(
                "Tiers and 'auto' answer texts; name a deployment here, such as one that"
                " GET /v1/models lists.",
                param="model",
            )
        return targets

    def mask_modes(self, policy: "PolicySettings") -> "Mapping[str, MaskMode]":
        """What stands for masked values, by entity type."""
        return policy.pii.modes

    def usage(self, counts: Mapping[str, Any], worker_seconds: Decimal) -> Usage:
        """The upstream's counts in classes.

        Raises:
            billing.errors.InvalidUsage: they contradict each other.
        """
        return Usage.from_openai(counts, worker_seconds=worker_seconds)

    def keep_usage(self, exchange: "Exchange", usage: Any) -> None:
        """Remember counts in the endpoint's shape, if they are some."""
        exchange.upstream_usage(usage)

    def estimate(self, input_tokens: int, output_tokens: int) -> Usage:
        """Counts of the gateway's own, where the upstream gave none."""
        return Usage(input_tokens=input_tokens, output_tokens=output_tokens, estimated=True)

    async def expand(self, exchange: "Exchange") -> None:
        """Add to ``exchange.body`` what only the gateway knows, such as earlier turns.

        The tenant is authenticated, and nothing has been counted or inspected yet.
        """
        del exchange

    @abstractmethod
    def output_tokens(self, body: dict[str, Any], limits: "LimitSettings") -> int:
        """The most tokens that the answer can have; sets the default limit where there is none."""

    @abstractmethod
    def inspect(
        self, exchange: "Exchange", raw: bytes, judge: "Judge | None", guard: "OutputGuard"
    ) -> bytes:
        """A whole answer, judged and restored, still in the endpoint's shape."""

    @abstractmethod
    def stream(
        self, exchange: "Exchange", judge: "Judge | None", guard: "OutputGuard"
    ) -> AnswerEvents:
        """Inspects a streamed answer."""

    def answer_type(self, exchange: "Exchange") -> bytes:
        """The content type of a whole answer."""
        del exchange
        return b"application/json"

    def shape(self, exchange: "Exchange", answer: bytes) -> bytes:
        """An inspected answer as the client expects it."""
        del exchange
        return answer

    @abstractmethod
    def encoder(self, exchange: "Exchange") -> Encoder:
        """Words a streamed answer."""

    async def settled(self, exchange: "Exchange") -> None:
        """After the settlement, before a whole answer goes out: keep what the API promises."""
        del exchange

    def error(self, error: "HttpError") -> bytes:
        """The body of an error in the API's own shape."""
        return error.body()
