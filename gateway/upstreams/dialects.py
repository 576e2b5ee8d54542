"""How each backend is told to think, and how hard (deepseek_v4 reasoning modes).

``vllm`` takes ``chat_template_kwargs``; the DeepSeek API takes ``thinking`` and
``reasoning_effort``; the OpenAI API knows ``reasoning_effort`` only.
"""

from typing import Any

_OPENAI_EFFORT = {"low": "low", "high": "high", "max": "xhigh"}


def apply_dialect(
    body: dict[str, Any], dialect: str, *, thinking: bool | None, effort: str | None
) -> dict[str, Any]:
    """A copy of ``body`` that says ``thinking`` and ``effort`` in the backend's words.

    ``thinking=None`` says nothing, so that the upstream's default holds. A
    client's own fields of this kind are taken out, since they were honoured
    when the tier was chosen and a backend may refuse a foreign one.
    """
    body = {key: value for key, value in body.items() if key not in _THINKING_FIELDS}
    if thinking is None or dialect == "none":
        return body
    if dialect == "vllm":
        extra: dict[str, Any] = {"thinking": thinking, "enable_thinking": thinking}
        if thinking and effort:
            extra["reasoning_effort"] = effort
        body["chat_template_kwargs"] = {**body.get("chat_template_kwargs", {}), **extra}
    elif dialect == "deepseek":
        body["thinking"] = {"type": "enabled" if thinking else "disabled"}
        if thinking and effort:
            body["reasoning_effort"] = effort
    elif thinking:
        body["reasoning_effort"] = _OPENAI_EFFORT[effort or "high"]
    return body


_THINKING_FIELDS = frozenset({"thinking", "reasoning_effort", "reasoning"})
