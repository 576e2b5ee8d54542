"""What a client says of thinking, in whichever backend's words.

OpenAI ``reasoning_effort``; Responses and OpenRouter ``reasoning``; DeepSeek and Anthropic
``thinking`` and ``output_config``; Ollama ``think``; templates ``chat_template_kwargs`` with
``thinking`` or ``enable_thinking``. The first that says something decides.
"""

from collections.abc import Mapping
from typing import Any

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra")
_OFF = frozenset({"none", "minimal"})
# At the top of a body and among the arguments of a chat template.
WORDS_OF_THINKING = frozenset(
    {"thinking", "enable_thinking", "reasoning_effort", "reasoning", "think", "thinking_budget",
     "output_config", "chat_template_kwargs", "separate_reasoning", "stream_reasoning",
     "include_reasoning", "reasoning_format", "reasoning_budget", "thinking_budget_tokens"}
)  # fmt: skip


def asked_thinking(body: Mapping[str, Any]) -> tuple[bool | None, str | None]:
    """On, off or unsaid, and the effort in the client's own word (one of ``EFFORTS``)."""
    if WORDS_OF_THINKING.isdisjoint(body):
        return None, None
    kwargs = body.get("chat_template_kwargs")
    places = [body, kwargs] if isinstance(kwargs, Mapping) else [body]
    effort = next((found for place in places if (found := _effort(place))), None)
    switches = map(_switch, places)
    switch = next((switch for switch in switches if switch is not None), None)
    if switch is None and effort is not None:
        switch = effort not in _OFF
    return switch, effort


def _effort(place: Mapping[str, Any]) -> str | None:
    think = place.get("think")
    for value in (
        place.get("reasoning_effort"),
        _inner(place.get("reasoning"), "effort"),
        _inner(place.get("output_config"), "effort"),
        think,
    ):
        if isinstance(value, str) and value in EFFORTS:
            return value
    return None


def _switch(place: Mapping[str, Any]) -> bool | None:
    kind = _inner(place.get("thinking"), "type")
    if isinstance(kind, str):
        return kind != "disabled"
    for value in (
        place.get("thinking"),
        place.get("enable_thinking"),
        place.get("think"),
        _inner(place.get("reasoning"), "enabled"),
    ):
        if isinstance(value, bool):
            return value
    return None


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None
