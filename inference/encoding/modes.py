"""Whether a request wants the model to think, and how hard: every spelling that clients use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.encoding.generations import Effort
from inference.errors import RequestInvalid

# OpenAI's words as DeepSeek's API maps them.
_EFFORTS: dict[str, Effort] = {
    "minimal": "low",
    "low": "low",
    "medium": "high",
    "high": "high",
    "xhigh": "high",
    "max": "max",
    "ultra": "max",
}
_TYPES = {"enabled": True, "disabled": False, "adaptive": True}


@dataclass(frozen=True, slots=True)
class Mode:
    """``chosen``: the request itself said whether to think."""

    thinking: bool = True
    effort: Effort = "high"
    chosen: bool = False


def mode_of(
    thinking: Mapping[str, Any] | None,
    effort: str | None,
    template: Mapping[str, Any] | None = None,
) -> Mode:
    """From ``thinking: {"type"}``, ``reasoning_effort`` and ``chat_template_kwargs`` (vLLM's).

    Where they differ, the first that speaks wins; an effort of ``none`` never thinks.

    Raises:
        RequestInvalid: a value is none of those known.
    """
    template = template or {}
    switch = _switch(thinking)
    for name in ("thinking", "enable_thinking"):
        if switch is None and isinstance(template.get(name), bool):
            switch = template[name]
    effort = effort if effort is not None else template.get("reasoning_effort")
    if effort is None:
        return Mode(switch is not False, "high", switch is not None)
    if effort == "none":
        return Mode(False, "high", True)
    if not isinstance(effort, str) or effort not in _EFFORTS:
        raise RequestInvalid(
            f"reasoning_effort is none of none, {', '.join(_EFFORTS)}.", param="reasoning_effort"
        )
    return Mode(switch is not False, _EFFORTS[effort], True)


def _switch(thinking: Mapping[str, Any] | None) -> bool | None:
    if thinking is None:
        return None
    kind = thinking.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise RequestInvalid(f"thinking.type is none of {', '.join(_TYPES)}.", param="thinking")
    return _TYPES[kind]
