"""What a request consumed: seven disjoint token classes and worker-seconds.

Knows nothing of prices. Upstreams report overlapping counts (OpenAI's
``prompt_tokens`` includes the cached ones); here a token is in one class only,
so that a sum over classes never counts it twice.
"""

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from operator import attrgetter
from typing import Any

import msgspec

from billing.errors import InvalidUsage
from core.money import EXACT, ZERO, format_amount, parse_amount

TOKEN_CLASSES = (
    "input",
    "cached_input",
    "cache_write",
    "output",
    "reasoning",
    "guard",
    "embedding",
)
WORKER_SECOND = "worker_second"
# Everything that a price version prices, in the order of a bill's lines.
CLASSES = (*TOKEN_CLASSES, WORKER_SECOND)

_MICROSECOND = Decimal("0.000001")
# A usage of these alone has no parts.
_TOTALS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", WORKER_SECOND + "s"})
_counts = attrgetter(*(f"{name}_tokens" for name in TOKEN_CLASSES))


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Counts of one request, or of many added up. The classes are disjoint.

    OpenAI's ``prompt_tokens`` = input + cached_input + cache_write, its
    ``completion_tokens`` = output + reasoning.

    Args:
        guard_tokens: read and written by a guard that is a model.
        embedding_tokens: input of an embedding, which has no output.
        worker_seconds: time of a self-hosted worker; rounded up to a microsecond,
            which keeps every cost exact.
        estimated: the counts are ours, because the upstream gave none.

    Raises:
        InvalidUsage: for negative or non-integer counts and float seconds.
    """

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    guard_tokens: int = 0
    embedding_tokens: int = 0
    worker_seconds: Decimal = ZERO
    estimated: bool = False

    def __post_init__(self) -> None:
        for number, count in enumerate(_counts(self)):
            if type(count) is not int or count < 0:
                name = TOKEN_CLASSES[number]
                raise InvalidUsage(f"A count of {name} tokens must be a whole number from 0 up.")
        seconds = self.worker_seconds
        if seconds is ZERO:
            return
        if not isinstance(seconds, Decimal) or not seconds.is_finite() or seconds < 0:
            raise InvalidUsage("Worker-seconds must be a finite Decimal from 0 up, not a float.")
        rounded = seconds.quantize(_MICROSECOND, rounding=ROUND_UP, context=EXACT)
        msgspec.structs.force_setattr(self, "worker_seconds", rounded if rounded else ZERO)

    @classmethod
    def from_openai(cls, usage: Mapping[str, Any], *, worker_seconds: Decimal = ZERO) -> "Usage":
        """Split OpenAI's overlapping counts into disjoint classes, whoever's dialect they are in.

        Reads ``prompt_tokens``, ``completion_tokens`` and the ``*_tokens_details``; DeepSeek's
        ``prompt_cache_hit_tokens``; litellm's ``cache_creation_tokens`` and the two fields of
        Anthropic that it adds; SGLang's ``reasoning_tokens`` beside the totals. Some (xAI)
        leave the reasoning out of ``completion_tokens``, which ``total_tokens`` tells.

        Raises:
            InvalidUsage: no numbers, or a part larger than its whole.

        >>> Usage.from_openai({"prompt_tokens": 10, "completion_tokens": 5,
        ...     "prompt_tokens_details": {"cached_tokens": 4}}).input_tokens
        6
        """
        prompt = _count(usage, "prompt_tokens")
        completion = _count(usage, "completion_tokens")
        cached = written = reasoning = 0
        if not _TOTALS.issuperset(usage):
            cached, written = _of_prompt(usage)
            details = _details(usage, "completion_tokens_details")
            reasoning = _count(details, "reasoning_tokens") or _count(usage, "reasoning_tokens")
            if reasoning and _count(usage, "total_tokens") == prompt + completion + reasoning:
                completion += reasoning
        if cached + written > prompt or reasoning > completion:
            raise InvalidUsage("The upstream's parts (cached, reasoning) exceed its totals.")
        return cls(
            input_tokens=prompt - cached - written,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            output_tokens=completion - reasoning,
            reasoning_tokens=reasoning,
            worker_seconds=worker_seconds,
        )

    @classmethod
    def from_openai_embedding(
        cls, usage: Mapping[str, Any], *, worker_seconds: Decimal = ZERO
    ) -> "Usage":
        """The usage of an embeddings answer: all of ``prompt_tokens`` was embedded."""
        return cls(embedding_tokens=_count(usage, "prompt_tokens"), worker_seconds=worker_seconds)

    @property
    def prompt_tokens(self) -> int:
        """Input of any kind, without what guards read."""
        prompt = self.input_tokens + self.cached_input_tokens + self.cache_write_tokens
        return prompt + self.embedding_tokens

    @property
    def completion_tokens(self) -> int:
        return self.output_tokens + self.reasoning_tokens

    def quantity(self, name: str) -> Decimal:
        """Tokens (or seconds) of one of ``CLASSES``."""
        if name == WORKER_SECOND:
            return self.worker_seconds
        return Decimal(getattr(self, f"{name}_tokens"))

    def quantities(self) -> dict[str, Decimal]:
        """Those of ``CLASSES`` of which something was used, in that order."""
        counts = zip(TOKEN_CLASSES, _counts(self), strict=True)
        used = {name: Decimal(count) for name, count in counts if count}
        if self.worker_seconds:
            used[WORKER_SECOND] = self.worker_seconds
        return used

    def to_json(self) -> dict[str, Any]:
        counts: dict[str, Any] = {
            f"{name}_tokens": getattr(self, f"{name}_tokens") for name in TOKEN_CLASSES
        }
        counts["worker_seconds"] = format_amount(self.worker_seconds)
        counts["estimated"] = self.estimated
        return counts

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Usage":
        counts = dict(body)
        counts["worker_seconds"] = parse_amount(counts.get("worker_seconds", 0))
        return cls(**counts)


def _of_prompt(usage: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens of the prompt that were read from a cache, and written to one."""
    details = _details(usage, "prompt_tokens_details")
    cached = (
        _count(details, "cached_tokens")
        or _count(usage, "prompt_cache_hit_tokens")
        or _count(usage, "cache_read_input_tokens")
    )
    written = (
        _count(details, "cache_write_tokens")
        or _count(details, "cache_creation_tokens")
        or _count(usage, "cache_creation_input_tokens")
    )
    return cached, written


def _details(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, Mapping) else {}


def _count(usage: Mapping[str, Any], name: str) -> int:
    """A count of an upstream, which may leave it out or send null."""
    value = usage.get(name)
    if value is None:
        return 0
    if type(value) is not int:
        raise InvalidUsage(f"The upstream's '{name}' is not a whole number.")
    return value
