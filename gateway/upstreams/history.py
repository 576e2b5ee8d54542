"""Earlier turns as a backend takes them: reasoning under its name or left out, roles and parts.

Inside the gateway the field is ``reasoning_content``; a client may send ``reasoning``,
``thinking`` (Ollama), ``reasoning_details`` (OpenRouter) or ``thinking_blocks`` (litellm) too.
"""

from dataclasses import dataclass
from typing import Any, Literal

Message = dict[str, Any]
_NAMES = ("reasoning_content", "reasoning", "thinking")
_ITEMS = ("reasoning_details", "thinking_blocks")
_ALL_NAMES = frozenset((*_NAMES, *_ITEMS))
_PLACEHOLDER = " "  # the least that the DeepSeek API takes for reasoning


@dataclass(frozen=True)
class MessageRules:
    """
    Args:
        reasoning: the field's name; ``as-is`` leaves what the client sent, null leaves it out.
        history: ``with-tools`` sends the reasoning of earlier turns only where tools are in
            play, and then of all of them, as the DeepSeek API demands.
        developer: whether it knows the role; else it becomes ``system``.
        cache_control: whether it takes the marks of prompt caches.
        flat_text: whether lists of text parts become one text.
    """

    reasoning: Literal["reasoning_content", "reasoning", "as-is"] | None = "as-is"
    history: Literal["all", "with-tools"] = "all"
    developer: bool = True
    cache_control: bool = False
    flat_text: bool = False


def fit_messages(body: dict[str, Any], rules: MessageRules, *, thinking: bool | None) -> Any:
    """The messages of ``body`` for a backend; those that fit are the same objects."""
    messages = body["messages"]
    if not isinstance(messages, list):
        return messages
    keeps = rules.history == "all" or _has_tools(body, messages)
    last_user = 0
    if not keeps:
        users = [at for at, message in enumerate(messages) if _role(message) == "user"]
        last_user = users[-1] if users else 0
    fills = rules.history == "with-tools" and keeps and thinking is not False
    fitted = []
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            fitted.append(message)
            continue
        role = message.get("role")
        if role == "assistant":
            message = _with_reasoning(message, rules, keeps=keeps or at > last_user, fills=fills)
        elif role == "developer" and not rules.developer:
            message = {**message, "role": "system"}
        if isinstance(message.get("content"), list) or "cache_control" in message:
            message = _with_parts(message, rules)
        fitted.append(message)
    return fitted


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def reasoning_of(message: Message) -> str | None:
    """The reasoning of a message or delta under any name; ``None`` where there is none."""
    for name in _NAMES:
        if isinstance(message.get(name), str) and message[name]:
            return message[name]
    for name in _ITEMS:
        items = message.get(name)
        if isinstance(items, list):
            texts = [_text_of(item) for item in items if isinstance(item, dict)]
            if any(texts):
                return "".join(texts)
    return None


def _text_of(item: dict[str, Any]) -> str:
    texts = (item.get(name) for name in ("thinking", "text", "summary"))
    return next((text for text in texts if isinstance(text, str)), "")


def _has_tools(body: dict[str, Any], messages: list[Any]) -> bool:
    if body.get("tools") or body.get("functions"):
        return True
    return any(
        isinstance(message, dict) and (message.get("tool_calls") or message.get("tools"))
        for message in messages
    )


def _with_reasoning(message: Message, rules: MessageRules, *, keeps: bool, fills: bool) -> Message:
    name = rules.reasoning
    if name == "as-is":
        return message
    given = _ALL_NAMES.intersection(message)
    if not given and not fills:
        return message
    if name is not None and given == {name} and keeps and message[name]:
        return message
    text = reasoning_of(message) if keeps else None
    rest = {key: value for key, value in message.items() if key not in _ALL_NAMES}
    if name is None:
        return rest
    if text is None and fills:
        text = _PLACEHOLDER
    return rest if text is None else {**rest, name: text}


def unmarked_tools(tools: Any) -> Any:
    """Tools without the marks of prompt caches."""
    if isinstance(tools, list) and any(_is_marked(tool) for tool in tools):
        return [_unmarked(tool) for tool in tools]
    return tools


def _with_parts(message: Message, rules: MessageRules) -> Message:
    parts = message.get("content")
    if not rules.cache_control:
        if "cache_control" in message:
            message = {key: value for key, value in message.items() if key != "cache_control"}
        if isinstance(parts, list) and any(_is_marked(part) for part in parts):
            parts = [_unmarked(part) for part in parts]
            message = {**message, "content": parts}
    if rules.flat_text and isinstance(parts, list):
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        if len(texts) == len(parts) and all(isinstance(text, str) for text in texts):
            message = {**message, "content": "".join(map(str, texts))}
    return message


def _is_marked(part: Any) -> bool:
    return isinstance(part, dict) and "cache_control" in part


def _unmarked(part: Any) -> Any:
    if not _is_marked(part):
        return part
    return {key: value for key, value in part.items() if key != "cache_control"}
