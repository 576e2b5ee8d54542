"""What an answer depends on, as a key: two requests with one key may get one answer.

A key is an HMAC with the deployment's pepper over the masked request and over everything else
that decides about its answer. Whoever reads keys learns nothing of prompts, and a change of the
policy, of a guard or of the model's weights leads to other keys.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.routing.targets import Target

_SCHEME = "sovgate-cache-1"
# Who asks, how the answer travels, what an upstream's own cache is told: not what is answered.
_BESIDE = frozenset(
    {
        "model", "stream", "stream_options", "user", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "metadata", "store", "service_tier",
    }
)  # fmt: skip
# What a similar question must share to the letter: numbers, and what stands for a value.
_EXACT_PARTS = re.compile(r"\[[A-Z][A-Z0-9_]*\]|\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides about an answer beside the body.

    Args:
        owner: whose answers are shared: the tenant, and a project or key within it.
        guards: versions of the guards by name, and of the tenant's recognizers.
        deployment: revision of the upstream's definition and digest of the weights.
    """

    owner: tuple[str, ...]
    surface: str
    endpoint: str
    target: "Target"
    policy: str
    guards: tuple[str, ...]
    deployment: tuple[str, ...]


class KeyMaker:
    """Makes keys; one per process."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def exact(self, body: Mapping[str, Any], around: Surroundings) -> str:
        """The key of a masked body, 64 hex digits."""
        return self._key("exact", around, _relevant(body))

    def context(self, body: Mapping[str, Any], around: Surroundings, question: "Question") -> str:
        """The key of everything but the last user text, whose exact parts still count."""
        rest = _relevant(body)
        messages = [*body["messages"][:-1], {**body["messages"][-1], "content": ""}]
        return self._key("context", around, rest | {"messages": messages}, question.exact_parts)

    def _key(self, kind: str, around: Surroundings, body: dict[str, Any], *more: Any) -> str:
        target = around.target
        text = msgspec.json.encode(
            [
                _SCHEME, kind, around.owner, around.surface, around.endpoint,
                [target.upstream, target.zone, target.model, target.tier, target.thinking,
                 target.effort],
                around.policy, around.guards, around.deployment, body, *more,
            ],
            order="sorted",
        )  # fmt: skip
        return hmac.digest(self._pepper, text, hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class Question:
    """The last user text, masked, and the parts of it in which similar is not enough."""

    text: str
    exact_parts: tuple[str, ...]


def question_of(exchange: "Exchange") -> Question | None:
    """``None`` where only the whole request counts: the last message is no user's plain text."""
    messages = exchange.body.get("messages")
    if not isinstance(messages, list) or not messages:
        return None
    last = messages[-1]
    text = last.get("content")
    if last.get("role") != "user" or not isinstance(text, str) or not text.strip():
        return None
    standins = sorted({entry.text for entry in exchange.scope.memory} if exchange.scope else ())
    found = [(at, name) for name in standins if name for at in _places(text, name)]
    found += [(match.start(), match.group()) for match in _EXACT_PARTS.finditer(text)]
    return Question(text, tuple(part for _, part in sorted(set(found))))


def is_deterministic(body: Mapping[str, Any]) -> bool:
    """Whether the client asked for the one answer that comes each time."""
    return body.get("temperature") == 0 or body.get("seed") is not None


def _places(text: str, part: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(part), text)]


def _relevant(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in _BESIDE}
    # 1 and 1.0 are one number, and clients write either.
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in kept.items()
        if value is not None
    }
