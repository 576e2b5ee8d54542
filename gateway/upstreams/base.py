"""What the pipeline knows of an upstream: one method that sends a chat request.

It does not know of tenants, prices or guards.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from gateway.upstreams.forms import FormFile


class Reply(Protocol):
    """An upstream's answer to one request.

    ``events`` yields each event of a stream as JSON bytes (``[DONE]`` is not
    among them) and ends where the stream ended; ``complete`` tells afterwards
    whether the upstream finished it properly. ``aclose`` hangs up, and may be
    called at any time, more than once.

    ``has_next`` tells, of an event that was yielded, whether the next one is here already:
    both can go to the client in one write.
    """

    complete: bool

    @property
    def has_next(self) -> bool: ...

    async def read(self) -> bytes: ...

    def events(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class UpstreamRequest(msgspec.Struct, frozen=True):
    """A request as it leaves the gateway, masked already.

    Args:
        body: in the endpoint's OpenAI shape; ``model`` is the upstream's own.
        stream: whether events are wanted.
        affinity: text that requests of one conversation share; a pool sends
            equal ones to the same worker while it is healthy, for its prefix cache.
        cache_salt: only requests of one salt may share what a worker keeps of prompts.
        request_id: forwarded as ``x-request-id``.
        endpoint: path below the upstream's ``/v1``, such as ``/embeddings``.
        thinking: ``None`` leaves the upstream's default.
        effort: one of ``asked.EFFORTS``.
        trace: headers that go along: W3C trace context.
        files: where there are some the request goes as a form, else as JSON.
    """

    body: dict[str, Any]
    stream: bool
    affinity: str
    request_id: str
    endpoint: str = "/chat/completions"
    thinking: bool | None = None
    effort: str | None = None
    trace: Mapping[str, str] | None = None
    files: "Sequence[FormFile]" = ()
    cache_salt: str = ""


@dataclass(slots=True)
class Health:
    """Whether an upstream's servers answered when last asked."""

    healthy: bool = True
    detail: str = "not asked yet"
    servers: dict[str, bool] = field(default_factory=dict)


# Told an event while nobody waits for its turn; false leaves it for ``Reply.events``.
Take = Callable[[bytes], bool]


@runtime_checkable
class OfferingReply(Protocol):
    """A reply whose events need not wait for the task that reads them to have its turn."""

    def offer(self, take: Take) -> None:
        """From now on offer ``take`` each event as it comes, while ``events`` is waited for.

        Those that it does not take are yielded, in order. What it raises, ``events`` raises.
        """
        ...


def is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


@runtime_checkable
class BinaryReply(Protocol):
    """An answer that is no JSON and can be passed on as it comes, such as speech."""

    content_type: str

    async def read(self) -> bytes: ...

    def chunks(self) -> AsyncIterator[bytes]: ...


class Upstream(Protocol):
    """Somewhere that models run. ``gateway.upstreams.gate`` alone calls ``send``."""

    name: str
    zone: str
    models: frozenset[str]
    health: Health

    @property
    def servers(self) -> Sequence[str]:
        """Names of interchangeable servers, as in ``health``; one where it has but one."""
        ...

    async def send(self, request: UpstreamRequest, server: int = 0) -> Reply:
        """Send once, and wait for the beginning of the answer.

        Args:
            server: number of the one to ask.

        Raises:
            gateway.errors.UpstreamError: one of its kinds, for every failure.
        """
        ...

    async def check(self) -> None:
        """Ask the servers for their health and renew ``health``."""
        ...

    def weights_digest(self, model: str) -> str | None:
        """Digest of the weights that serve ``model``, where the upstream tells it."""
        ...

    async def aclose(self) -> None: ...
